// Measures the cost of discovery without its requests: the time of a run, and the memory for each tag.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { BenchPart } from '../part.ts';
import type { DiscoveryReport } from './child.ts';

const REPOSITORIES = 1_000;
const TAGS_EACH = 100;

export const discoveryPart: BenchPart = {
  name: 'discovery',
  run: async ({ compiled, progress }) => {
    progress(`discovery: ${REPOSITORIES} repositories of ${TAGS_EACH} tags`);
    const args = [String(REPOSITORIES), String(TAGS_EACH)];
    const child = fork(`${compiled}/bench/discovery/child.js`, args, { execArgv: ['--expose-gc'] });
    const exited = once(child, 'exit');
    const [report] = (await once(child, 'message')) as [DiscoveryReport];
    await exited;
    return {
      title: `A discovery run over ${report.tags} tags in ${REPOSITORIES} repositories, without the network`,
      rows: report.passes.map(({ title, cpuMs, longestHoldMs }) => ({
        pass: title,
        'CPU ms': cpuMs.toFixed(0),
        'event loop held, ms': longestHoldMs.toFixed(1),
      })),
      notes: [
        'The API answers at once; what making its answers costs is taken off the CPU time.',
        `Memory for each tag beyond the text of its series: ${report.bytesPerTag.toFixed(0)} bytes.`,
      ],
    };
  },
};
