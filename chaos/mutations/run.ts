// npm run chaos:mutations -- [--only=NAME] [--seed=N] [--minutes=0.7]: breaks a copy of the exporter in every way of the list, and
// says of each whether a run finds it.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runChaos } from '../chaos.ts';
import { built } from '../processes.ts';
import { MUTATIONS, type Mutation } from './mutations.ts';

/** Within the project, so that packages are found, and as deep as `dist`, so that the files beside it are. */
const COPY = fileURLToPath(new URL('../../dist-broken/', import.meta.url));

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '0.7' },
  },
});
const chosen = MUTATIONS.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0)
  throw new Error(`expected --only to be one of: ${MUTATIONS.map(({ name }) => name).join(', ')}`);

let missed = 0;
for (const mutation of chosen) {
  const found = await findings(mutation);
  if (!found.some(({ law }) => law === mutation.law)) missed++;
  const summary = found.map(({ law, violations }) => `${law} (${violations.length})`).join(', ');
  console.log(`${mutation.name}: ${summary === '' ? 'NOT FOUND' : `broken: ${summary}`}, expected ${mutation.law}`);
  console.log(`  ${found.find(({ law }) => law === mutation.law)?.violations[0]?.text ?? 'not by that law'}`);
}
console.log(`${chosen.length - missed} of ${chosen.length} mutations found`);
process.exitCode = missed === 0 ? 0 : 1;

/** The laws that a run finds broken until it finds the one that is expected. */
async function findings(mutation: Mutation) {
  apply(mutation);
  const found = new AbortController();
  try {
    const { tallies } = await runChaos({
      seed: Number(values.seed),
      minutes: Number(values.minutes),
      exporter: `${COPY}bin.js`,
      simulator: built('simulator/bin.js'),
      details: () => undefined,
      progress: () => undefined,
      onViolation: (law) => law === mutation.law && found.abort(),
      stop: found.signal,
    });
    return [...tallies].flatMap(([law, { violations }]) => (violations.length > 0 ? [{ law, violations }] : []));
  } finally {
    rmSync(COPY, { recursive: true, force: true });
  }
}

function apply({ name, file, before, after }: Mutation): void {
  rmSync(COPY, { recursive: true, force: true });
  cpSync(fileURLToPath(new URL('../../dist/', import.meta.url)), COPY, { recursive: true });
  const path = `${COPY}${file}`;
  const parts = readFileSync(path, 'utf8').split(before);
  if (parts.length !== 2) {
    throw new Error(`${name}: expected once in ${file}, found ${parts.length - 1} times: ${before}`);
  }
  writeFileSync(path, parts.join(after));
}
