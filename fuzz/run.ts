// npm run fuzz -- [--minutes=1] [--seed=N] [--only=NAME]: gives everything that reads from outside inputs without end, drawn by the seed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { atEnd, temporaryDirectory } from '../chaos/leftovers.ts';
import { linesOf } from './report.ts';
import { TARGETS } from './targets.ts';
import { fuzz } from './watch.ts';

const FOUND = fileURLToPath(new URL('./found/', import.meta.url));

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
const chosen = TARGETS.filter(({ name }) => values.only === undefined || name === values.only);
if (!Number.isSafeInteger(seed)) throw new Error(`expected --seed to be a whole number, found ${values.seed}`);
if (!(minutes > 0)) throw new Error(`expected --minutes to be positive, found ${values.minutes}`);
if (chosen.length === 0) {
  throw new Error(`expected --only to be one of ${TARGETS.map(({ name }) => name).join(', ')}, found ${values.only}`);
}

// Threads that are ended in the middle of an input leave their files: all of them lie in here.
process.env.TMPDIR = temporaryDirectory('fuzz').path;
console.log(`fuzz: seed ${seed}, ${minutes} min, ${chosen.length} targets`);
const isReported = atEnd(() => console.log(`seed ${seed}: the run was ended before its report`));
const shares = chosen.reduce((sum, { share }) => sum + share, 0);
let [total, findings] = [0, 0];
for (const target of chosen) {
  const report = await fuzz(target, { seed, ms: (minutes * 60_000 * target.share) / shares });
  total += report.inputs;
  console.log(linesOf(target, report).join('\n'));
  if (report.finding === undefined) continue;
  findings += 1;
  mkdirSync(FOUND, { recursive: true });
  const file = `${FOUND}${target.name}-${report.finding.seed}.txt`;
  writeFileSync(file, `${report.finding.reason}\n\n${report.finding.input}\n`);
  console.log(`  kept in ${file}`);
}
console.log(`${total} inputs, seed ${seed}: ${findings === 0 ? 'no finding' : `${findings} findings`}`);
isReported();
process.exitCode = findings === 0 ? 0 : 1;
