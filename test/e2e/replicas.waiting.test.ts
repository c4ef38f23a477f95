// Several exporters share the tags and the quota of one registry over a real Redis, while everything happens to them and to it that may: what they
// show together, and what arrives at the registry. `npm run bench -- --only=replicas` does it for longer, and with more replicas.
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Network } from './helpers/network.ts';
import { RedisServer } from './helpers/redis.ts';
import { Replicas } from './helpers/replicas.ts';

const RATE = 20;
const REPOSITORIES = 30;
const TAGS_EACH = 10;
/** The first pass takes 15 s at the full rate. */
const POLLED_WITHIN_MS = 45_000;
/** So long after a replica is gone, others show its tags. */
const TAKEN_OVER_MS = 21_000;

async function start(t: ExecutionContext, redis: RedisServer, count: number, max = count): Promise<Replicas> {
  const setup = { redis, repositories: REPOSITORIES, tagsEach: TAGS_EACH, requestsPerSecond: RATE, max };
  const replicas = await Replicas.start(t, setup);
  replicas.watch();
  await replicas.join(count);
  return replicas;
}

/** Asserts that every tag was shown once, none was missing and none forgotten, and that the quota was kept. */
async function assertLaws(t: ExecutionContext, replicas: Replicas): Promise<void> {
  const { violations, mostAtOnce } = await replicas.end();
  t.deepEqual(violations, []);
  const excess = await replicas.excess();
  t.log(`excess over the rate: ${excess.toFixed(1)} requests, with ${mostAtOnce} replicas`);
  t.true(excess <= 2 * mostAtOnce, `${excess}`);
}

test('replicas that die, stand still, join and leave share the tags and the quota', async (t) => {
  const replicas = await start(t, await RedisServer.start(t), 3, 4);
  await replicas.allPolled(POLLED_WITHIN_MS);
  const [first, second, third] = replicas.running;
  await sleep(10_000);
  const calm = await replicas.used(Date.now() - 10_000);
  t.true(calm >= 0.95, `${calm}`);
  await replicas.during(() => first?.kill(), TAKEN_OVER_MS);
  await replicas.during(() => second?.freeze(14_000), 5_000);
  await replicas.during(() => replicas.join(), 10_000);
  await replicas.during(() => third?.leave(), TAKEN_OVER_MS);
  await assertLaws(t, replicas);
});

test('replicas share the tags and the quota whatever happens to Redis', async (t) => {
  const redis = await RedisServer.start(t);
  const replicas = await start(t, redis, 3);
  await replicas.allPolled(POLLED_WITHIN_MS);
  await replicas.during(() => redis.command('SCRIPT', 'FLUSH'), 3_000);
  await replicas.during(() => redis.command('FLUSHALL'), 8_000);
  await replicas.during(async () => {
    await redis.crash();
    await redis.continue('kept');
  }, 8_000);
  await replicas.during(async () => {
    await redis.crash();
    await redis.continue('lost');
  }, 8_000);
  await replicas.during(async () => {
    redis.freeze();
    await sleep(20_000);
    redis.thaw();
  }, 8_000);
  await replicas.during(async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await sleep(8_000);
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  }, 3_000);
  // What was lost was written again.
  await replicas.during(() => replicas.running[0]?.kill(), TAKEN_OVER_MS);
  await assertLaws(t, replicas);
});

test('a replica that is cut off, or has another wall clock, shares the tags and the quota with the others', async (t) => {
  const network = Network.create(t);
  const replicas = await start(t, await RedisServer.start(t, network.outside), 2, 3);
  const [isolated] = await replicas.join(1, network);
  await replicas.allPolled(POLLED_WITHIN_MS);
  const fromMs = Date.now();
  await replicas.during(() => replicas.running[0]?.program.signal('SIGUSR2'), 10_000);
  // The API refuses the time stamps of one. The others go on.
  const used = await replicas.used(fromMs);
  t.true(used >= 0.5, `${used}`);
  await replicas.during(async () => {
    network.cut();
    await sleep(25_000);
    network.mend();
  }, TAKEN_OVER_MS);
  t.truthy(isolated);
  await assertLaws(t, replicas);
});
