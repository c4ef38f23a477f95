// npm run chaos:mutations -- [--only=NAME] [--seed=N] [--minutes=1]: breaks a copy of the exporter in every way of the list, and says
// how long a run of that time takes to find it. Before, the exporter as it is has to keep every law in such a run.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ChaosResult, runChaos } from '../chaos.ts';
import type { OnViolation } from '../checker.ts';
import { atEnd } from '../leftovers.ts';
import { built } from '../processes.ts';
import { type Mutation, mutated } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';

/** Within the project, so that packages are found, and as deep as `dist`, so that the files beside it are. */
const COPY = fileURLToPath(new URL('../../dist-broken/', import.meta.url));

/** Shorter than usual: the calm that follows shows what is wrong, and the run has a minute. */
const STORM_MS = 9_000;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
const chosen = MUTATIONS.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0)
  throw new Error(`expected --only to be one of: ${MUTATIONS.map(({ name }) => name).join(', ')}`);
if (!Number.isSafeInteger(seed)) throw new Error(`expected --seed to be a whole number, found ${values.seed}`);
if (!(minutes > 0)) throw new Error(`expected --minutes to be positive, found ${values.minutes}`);

atEnd(removeCopy);
console.log(`mutations: seed ${seed}, ${minutes} min each`);
process.exitCode = (await isWhole()) && (await areFound()) ? 0 : 1;

/** Whether the exporter as it is keeps every law, alone and with others: else a mutation that is found says nothing. */
async function isWhole(): Promise<boolean> {
  let isKept = true;
  for (const members of new Set(chosen.map(membersOf))) {
    const broken = brokenLaws(await runCopy({ members }, () => undefined));
    console.log(`not broken${members > 1 ? `, ${members} members` : ''}: ${broken || 'no violation'}`);
    isKept &&= broken === '';
  }
  return isKept;
}

function membersOf({ members = 1 }: Pick<Mutation, 'members'>): number {
  return members;
}

async function areFound(): Promise<boolean> {
  let found = 0;
  for (const mutation of chosen) if (await isFound(mutation)) found++;
  console.log(`${found} of ${chosen.length} mutations found`);
  return found === chosen.length;
}

async function isFound(mutation: Mutation): Promise<boolean> {
  const begin = performance.now();
  const end = new AbortController();
  const limit = setTimeout(() => end.abort(), minutesFor(mutation) * 60_000);
  let told: string | undefined;
  const result = await runCopy(
    mutation,
    (law, { text }) => {
      if (law !== mutation.law || told !== undefined) return;
      const seconds = ((performance.now() - begin) / 1_000).toFixed(0);
      told = `found by ${law} after ${seconds} s: ${text}`;
      end.abort();
    },
    end.signal,
  );
  clearTimeout(limit);
  console.log(
    `${mutation.name}: ${told ?? `NOT FOUND by ${mutation.law}, but broken: ${brokenLaws(result) || 'nothing'}`}`,
  );
  return told !== undefined;
}

function minutesFor(mutation: Partial<Mutation>): number {
  return Math.max(minutes, mutation.minutes ?? 0);
}

async function runCopy(
  mutation: Mutation | { readonly members: number },
  onViolation: OnViolation,
  stop?: AbortSignal,
): Promise<ChaosResult> {
  removeCopy();
  try {
    cpSync(built(''), COPY, { recursive: true });
    if ('file' in mutation) {
      const path = `${COPY}${mutation.file}`;
      writeFileSync(path, mutated(readFileSync(path, 'utf8'), mutation));
    }
    return await runChaos({
      seed,
      minutes: minutesFor(mutation),
      members: membersOf(mutation),
      often: ('often' in mutation && mutation.often) || [],
      stormMs: STORM_MS,
      exporter: `${COPY}bin.js`,
      simulator: built('simulator/bin.js'),
      details: () => undefined,
      progress: () => undefined,
      onViolation,
      ...(stop !== undefined && { stop }),
    });
  } finally {
    removeCopy();
  }
}

function removeCopy(): void {
  rmSync(COPY, { recursive: true, force: true });
}

/** With one violation of each. */
function brokenLaws({ tallies }: ChaosResult): string {
  return [...tallies]
    .filter(([, { broken }]) => broken > 0)
    .map(([law, { broken, violations }]) => `${law} (${broken} times: ${violations[0]?.text})`)
    .join('; ');
}
