// npm run soak -- [--minutes=60] [--seed=N] [--exporter=FILE]: a usual load for a long time, and whether memory stays what it is.
import { parseArgs } from 'node:util';
import { built } from '../processes.ts';
import { reportOf } from './report.ts';
import { runSoak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    exporter: { type: 'string', default: built('bin.js') },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
if (!Number.isSafeInteger(seed)) throw new Error(`expected --seed to be a whole number, found ${values.seed}`);
if (!(minutes >= 1)) throw new Error(`expected --minutes to be at least 1, found ${values.minutes}`);

console.log(`soak: seed ${seed}, ${minutes} min`);
const { exporter } = values;
const record = await runSoak({ seed, minutes, exporter, simulator: built('simulator/bin.js'), progress: console.log });
const { lines, problems } = reportOf(record);
console.log(lines.join('\n'));
process.exitCode = problems.length === 0 ? 0 : 1;
