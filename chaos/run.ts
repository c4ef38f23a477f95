// npm run chaos -- [--minutes=1] [--seed=N] [--members=N] [--exporter=FILE] [--long-life] [--log=FILE] [--verbose]: faults drawn by the seed, and a checker of what was shown.
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.ts';
import { time } from './laws/tags.ts';
import { atEnd } from './leftovers.ts';
import { built } from './processes.ts';
import { reportOf, violationLine } from './report.ts';

/** Violations of one law that are printed as they are found: a wrong status is shown again in every scrape. */
const MAX_SHOWN = 200;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    members: { type: 'string', default: '1' },
    exporter: { type: 'string', default: built('bin.js') },
    'long-life': { type: 'boolean', default: false },
    log: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
const members = Number(values.members);
if (!Number.isSafeInteger(seed)) throw new Error(`expected --seed to be a whole number, found ${values.seed}`);
if (!(minutes > 0)) throw new Error(`expected --minutes to be positive, found ${values.minutes}`);
if (!Number.isSafeInteger(members) || members < 1)
  throw new Error(`expected --members to be a whole number from 1 on, found ${values.members}`);

console.log(`chaos: seed ${seed}, ${minutes} min`);
const isReported = atEnd(() => console.log(`seed ${seed}: the run was ended before its report`));
const shown = new Map<string, number>();
const { drawn, tallies, summary } = await runChaos({
  seed,
  minutes,
  members,
  exporter: values.exporter,
  longLife: values['long-life'],
  onLog: values.log === undefined ? undefined : (text) => appendFileSync(values.log ?? '', text),
  simulator: built('simulator/bin.js'),
  details: (text) => {
    if (values.verbose) console.error(`${time(Date.now())} ${text}`);
  },
  progress: (text) => console.log(`${time(Date.now())} ${text}`),
  onViolation: (law, violation) => {
    const count = (shown.get(law) ?? 0) + 1;
    shown.set(law, count);
    if (count <= MAX_SHOWN) console.log(violationLine(seed, law, violation));
  },
});
const { lines, hasFailed } = reportOf({ seed, minutes, members }, drawn, tallies);
console.log([summary, ...lines].join('\n'));
isReported();
process.exitCode = hasFailed ? 1 : 0;
