// Replicas under everything that may happen to them and to Redis: which part of the rate they use meanwhile, and whether they keep to what they promise.
import { setTimeout as sleep } from 'node:timers/promises';
import { Network } from '../../test/e2e/helpers/network.ts';
import type { Cleanup } from '../../test/e2e/helpers/program.ts';
import { RedisServer } from '../../test/e2e/helpers/redis.ts';
import { Replicas } from '../../test/e2e/helpers/replicas.ts';
import type { BenchPart } from '../part.ts';
import { withCleanup } from './cleanups.ts';

const COUNTS = [1, 2, 4, 8];
const RATE = 20;
const REPOSITORIES = 100;
const TAGS_EACH = 20;
const POLLED_WITHIN_MS = 400_000;
/** How long each fault is measured on after its end. */
const SETTLE_MS = 21_000;
const CALM_MS = 30_000;

type Group = { readonly replicas: Replicas; readonly redis: RedisServer; readonly network: Network };
type Fault = {
  readonly title: string;
  /** Whether it needs replicas that stay while one goes. */
  readonly needsOthers?: boolean;
  readonly happen: (group: Group) => unknown;
};

/** The last replica, which is not in a network of its own. */
const last = ({ replicas }: Group) => replicas.running.at(-1);

const FAULTS: readonly Fault[] = [
  { title: 'none', happen: () => sleep(CALM_MS - SETTLE_MS) },
  { title: 'one is killed', needsOthers: true, happen: (group) => last(group)?.kill() },
  { title: 'one joins', needsOthers: true, happen: ({ replicas }) => replicas.join() },
  { title: 'one stands still for 14 s (SIGSTOP)', happen: (group) => last(group)?.freeze(14_000) },
  { title: 'one leaves (SIGTERM)', needsOthers: true, happen: (group) => last(group)?.leave() },
  { title: 'one joins again', needsOthers: true, happen: ({ replicas }) => replicas.join() },
  { title: 'Redis: SCRIPT FLUSH', happen: ({ redis }) => redis.command('SCRIPT', 'FLUSH') },
  { title: 'Redis: FLUSHALL', happen: ({ redis }) => redis.command('FLUSHALL') },
  { title: 'Redis crashes and starts with its data', happen: ({ redis }) => restart(redis, 'kept', 0) },
  { title: 'Redis crashes and starts without data', happen: ({ redis }) => restart(redis, 'lost', 0) },
  { title: 'Redis is stopped for 60 s', happen: ({ redis }) => restart(redis, 'kept', 60_000) },
  {
    title: 'Redis stands still for 20 s (SIGSTOP)',
    happen: async ({ redis }) => {
      redis.freeze();
      await sleep(20_000);
      redis.thaw();
    },
  },
  {
    title: 'Redis: maxmemory reached for 15 s',
    happen: async ({ redis }) => {
      await redis.command('CONFIG', 'SET', 'maxmemory', '1');
      await sleep(15_000);
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    },
  },
  {
    title: 'one is cut off for 30 s',
    needsOthers: true,
    happen: async ({ network }) => {
      network.cut();
      await sleep(30_000);
      network.mend();
    },
  },
  {
    title: "one's wall clock is an hour off for 15 s",
    happen: async (group) => {
      last(group)?.program.signal('SIGUSR2');
      await sleep(15_000);
      last(group)?.program.signal('SIGUSR2');
    },
  },
];

/** The part of the rate that was used during each fault, and what was promised. */
type Report = {
  readonly count: number;
  readonly used: ReadonlyMap<string, number>;
  readonly usedInAll: number;
  readonly excess: number;
  readonly violations: readonly string[];
};

export const replicaFaultsPart: BenchPart = {
  name: 'replicas',
  run: async ({ progress }) => {
    const groups = COUNTS.map((count) => withCleanup((cleanup) => measure(cleanup, count, progress)));
    // All of them clean up, whatever happens to one.
    await Promise.allSettled(groups);
    const reports = await Promise.all(groups);
    const row = (title: string, cell: (report: Report) => string) => ({
      'part of the rate used while': title,
      ...Object.fromEntries(reports.map((report) => [`N = ${report.count}`, cell(report)])),
    });
    const percent = (part: number | undefined) => (part === undefined ? '' : `${(part * 100).toFixed(1)} %`);
    return {
      title: `${REPOSITORIES * TAGS_EACH} tags that are always due at ${RATE} requests a second, shared by N replicas`,
      rows: [
        ...FAULTS.map(({ title }) => row(title, ({ used }) => percent(used.get(title)))),
        row('all of this', ({ usedInAll }) => percent(usedInAll)),
        row('(most requests over rate × T)', ({ excess }) => excess.toFixed(1)),
        row('(violations)', ({ violations }) => String(violations.length)),
      ],
      notes: [
        `Each fault is measured from its begin until ${SETTLE_MS / 1_000} s after its end. \`max\` is N.`,
        'At most rate × T + 2 × N requests arrive in any window of T seconds. Once a second, all replicas are scraped: no tag is shown by two, none is missing 20 s after an event, and none has another time than before.',
        'Arrivals are measured: what the network of one holds up while it is cut off arrives at once when it is back.',
        ...reports.flatMap(({ count, violations }) => violations.map((violation) => `N = ${count}: ${violation}`)),
      ],
    };
  },
};

async function measure(cleanup: Cleanup, count: number, progress: (text: string) => void): Promise<Report> {
  const network = Network.create(cleanup);
  const redis = await RedisServer.start(cleanup, network.outside);
  const replicas = await Replicas.start(cleanup, {
    redis,
    repositories: REPOSITORIES,
    tagsEach: TAGS_EACH,
    requestsPerSecond: RATE,
    max: count,
  });
  replicas.watch();
  await replicas.join(1, network);
  if (count > 1) await replicas.join(count - 1);
  await replicas.allPolled(POLLED_WITHIN_MS);
  const beganMs = Date.now();
  const used = new Map<string, number>();
  for (const { title, needsOthers = false, happen } of FAULTS) {
    if (needsOthers && count === 1) continue;
    progress(`replicas: N = ${count}, ${title}`);
    const fromMs = Date.now();
    await replicas.during(() => happen({ replicas, redis, network }), SETTLE_MS);
    used.set(title, await replicas.used(fromMs));
  }
  const usedInAll = await replicas.used(beganMs);
  const { violations } = await replicas.end();
  return { count, used, usedInAll, excess: await replicas.excess(), violations };
}

async function restart(redis: RedisServer, data: 'kept' | 'lost', afterMs: number): Promise<void> {
  await redis.crash();
  await sleep(afterMs);
  await redis.continue(data);
}
