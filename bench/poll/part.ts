// What a poll costs, beside the bare SDK call that it makes.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { BenchPart } from '../part.ts';
import { cpuMsOf, startProgram, temporaryDirectory, writeConfiguration, writeScenario } from '../program.ts';
import { waitUntil } from '../wait.ts';

const TAGS = 200;
const CALLS = 5_000;
/** More than can be reached: what is measured is the work, not the waiting. */
const REQUESTS_PER_SECOND = 5_000;
const ROUNDS = 3;

export const pollPart: BenchPart = {
  name: 'poll',
  run: async ({ compiled, progress }) => {
    const directory = temporaryDirectory();
    const simulator = await startProgram(`${compiled}/src/simulator/bin.js`, [
      '--listen-address=127.0.0.1:0',
      `--scenario=${writeScenario(directory, TAGS)}`,
    ]);
    const file = writeConfiguration(directory, {
      address: simulator.address,
      tags: TAGS,
      requestsPerSecond: REQUESTS_PER_SECOND,
      completeInterval: '1ms',
    });
    const bare: number[] = [];
    const polls: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      progress(`poll: round ${round + 1} of ${ROUNDS}`);
      bare.push(await measureBare(compiled, simulator.address));
      polls.push(await measurePolls(compiled, file));
    }
    await simulator.stop();
    const [bareMs, pollMs] = [median(bare), median(polls)];
    return {
      title: 'A poll',
      rows: [
        { what: 'bare SDK call', 'CPU ms': bareMs.toFixed(3), ratio: '1.00' },
        { what: 'poll', 'CPU ms': pollMs.toFixed(3), ratio: (pollMs / bareMs).toFixed(2) },
      ],
      notes: [
        `CPU of the whole process for each call, the median of ${ROUNDS} rounds; both four at a time and as fast as they go.`,
      ],
    };
  },
};

async function measureBare(compiled: string, address: string): Promise<number> {
  const child = fork(`${compiled}/bench/poll/bare.js`, [address, String(CALLS)], { execArgv: [] });
  const [{ cpuMs }] = (await once(child, 'message')) as [{ cpuMs: number }];
  return cpuMs / CALLS;
}

async function measurePolls(compiled: string, file: string): Promise<number> {
  const exporter = await startProgram(`${compiled}/src/bin.js`, [
    `--config.file=${file}`,
    '--web.listen-address=127.0.0.1:0',
  ]);
  const sent = async () => {
    const text = await fetch(`http://${exporter.address}/metrics`).then((response) => response.text());
    return Number(/^acr_api_requests_total\{.*GetRepoTagScanStatus"\} (\d+)$/m.exec(text)?.[1]);
  };
  await waitUntil(3_000, 1_000, async () => {});
  const [sentBefore, cpuBefore] = [await sent(), cpuMsOf(exporter.pid)];
  await waitUntil(15_000, 15_000, async () => {});
  const [cpuAfter, sentAfter] = [cpuMsOf(exporter.pid), await sent()];
  await exporter.stop();
  return (cpuAfter - cpuBefore) / (sentAfter - sentBefore);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
