// npm run chaos -- [--minutes=1] [--seed=N] [--exporter=FILE] [--verbose]: faults drawn by the seed, and a checker of what was shown.
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.ts';
import { time } from './laws/status.ts';
import { built } from './processes.ts';
import { reportOf } from './report.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    exporter: { type: 'string', default: built('bin.js') },
    verbose: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
if (!Number.isSafeInteger(seed)) throw new Error(`expected --seed to be a whole number, found ${values.seed}`);
if (!(minutes > 0)) throw new Error(`expected --minutes to be positive, found ${values.minutes}`);

console.log(`chaos: seed ${seed}, ${minutes} min`);
const { drawn, record } = await runChaos({
  seed,
  minutes,
  exporter: values.exporter,
  simulator: built('simulator/bin.js'),
  progress: (text) => {
    if (values.verbose) console.error(`${time(Date.now())} ${text}`);
  },
});
const { lines, violations } = reportOf(seed, drawn, record);
console.log(lines.join('\n'));
process.exitCode = violations === 0 ? 0 : 1;
