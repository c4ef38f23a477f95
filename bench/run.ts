// npm run bench -- [--sizes=1000,10000,100000] [--repeats=20] [--only=PART] [--peer=COMMAND]: measures, and prints one table a part.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { compile } from './compile.ts';
import { discoveryPart } from './discovery/part.ts';
import { eventsPart } from './events/part.ts';
import { pagePart } from './page/part.ts';
import type { BenchOptions, BenchPart } from './part.ts';
import { pollPart } from './poll/part.ts';
import { reloadPart } from './reload/part.ts';
import { replicaFaultsPart } from './replicas/faults.ts';
import { replicaMillionPart } from './replicas/million.ts';
import { replicaRedisLoadPart } from './replicas/redis-load.ts';
import { restartPart } from './restart/part.ts';
import { scrapePart } from './scrape/part.ts';
import { startPart } from './start/part.ts';
import { formatResult } from './table.ts';

const PARTS: readonly BenchPart[] = [
  scrapePart,
  pagePart,
  reloadPart,
  startPart,
  pollPart,
  discoveryPart,
  restartPart,
  eventsPart,
  replicaFaultsPart,
  replicaRedisLoadPart,
  replicaMillionPart,
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: '1000,10000,100000' },
      repeats: { type: 'string', default: '20' },
      only: { type: 'string' },
      peer: { type: 'string' },
    },
  });
  const parts = PARTS.filter(({ name }) => values.only === undefined || name === values.only);
  if (parts.length === 0)
    throw new Error(`expected --only to be one of ${[...new Set(PARTS.map(({ name }) => name))].join(', ')}`);
  const options: BenchOptions = {
    sizes: values.sizes.split(',').map((text) => positive('--sizes', text)),
    repeats: positive('--repeats', values.repeats),
    peer: values.peer,
    compiled: compile(),
    progress: (text) => console.error(text),
  };
  console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}\n`);
  for (const part of parts) console.log(formatResult(await part.run(options)));
}

function positive(flag: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`expected ${flag} to be positive, found ${text}`);
  return number;
}

await main();
