// What a replica gives up and takes over when the members of its group change, with a real Redis and without the rest of the exporter.
import test, { type ExecutionContext } from 'ava';
import { type OwnershipChange, Replica } from '../../src/app/replica.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { RegistryEvent } from '../../src/model/events.ts';
import { systemClock } from '../../src/util/clock.ts';
import { InternalErrors } from '../../src/util/internal-errors.ts';
import { eventually } from '../helpers/eventually.ts';
import { createScriptedPipeline, entry } from '../helpers/scripted-pipeline.ts';
import { RedisServer } from './helpers/redis.ts';

const INSTANCE = 'cri-1';
const REPOSITORIES = Array.from({ length: 8 }, (_, n) => ({ namespace: 'shop', name: `r${n}`, id: `crr-${n}` }));

/** A configuration that lists all repositories. */
function listed(by: (repository: (typeof REPOSITORIES)[number]) => object) {
  const repositories = REPOSITORIES.map((repository) => ({ ...by(repository), tags: ['v1'] }));
  const instances = [{ id: INSTANCE, region: 'cn-hangzhou', repositories }];
  return parseConfig(JSON.stringify({ instances }), 'test.yml');
}

const BY_NAMES = listed(({ namespace, name, id }) => ({ namespace, name, id }));
const BY_ID = listed(({ id }) => ({ id }));

/** A replica that watches everything as soon as it owns something. What it applies waits while a reload lasts. */
async function start(t: ExecutionContext, redis: RedisServer, id: string, config = BY_NAMES) {
  const { watchList, watch, hooks, store } = createScriptedPipeline({ ids: [INSTANCE] });
  const applied: OwnershipChange[] = [];
  const asked: unknown[] = [];
  const reload = { ends: Promise.resolve() };
  const failures = { left: 0, areExpected: false };
  const warnings: string[] = [];
  const logger = { debug() {}, info() {}, warn: (text: string) => void warnings.push(text), error() {} };
  const replica = new Replica({
    settings: { redisUrl: { from: 'value', value: '' }, group: 'test', max: 3 },
    redisUrl: async () => redis.url,
    id,
    host: id,
    clock: systemClock,
    logger,
    errors: new InternalErrors({
      logger,
      clock: systemClock,
      count: () => failures.areExpected || t.fail('an internal error'),
    }),
    watchList: () => watchList,
    tags: () => store.size,
    receive: (_event: RegistryEvent) => {},
    schedulers: () => [],
    apply: async (change) => {
      asked.push(change);
      await reload.ends;
      applied.push(await change());
      if (failures.left > 0) {
        failures.left -= 1;
        throw new Error('an error of our own');
      }
      if (store.size === 0) await watch(...REPOSITORIES.map((repository) => entry(repository, 'v1')));
    },
  });
  const { sharedState } = replica;
  Object.assign(hooks, {
    tagAdded: sharedState.tagAdded.bind(sharedState),
    tagChanged: sharedState.tagChanged.bind(sharedState),
    tagRemoved: sharedState.tagRemoved.bind(sharedState),
  });
  replica.configure(config);
  await watch();
  replica.start();
  t.teardown(() => replica.stop());
  const owned = () => REPOSITORIES.filter((repository) => replica.owns(INSTANCE, repository)).length;
  /** How many repositories were taken over with what was known of them. */
  const restored = () =>
    applied.flatMap(({ records }) => records).filter((record) => 'kind' in record && record.kind === 'tag').length;
  return { replica, applied, asked, reload, failures, warnings, owned, restored };
}

test('what a replica owns changes when it is applied, and not while a reload runs', async (t) => {
  const redis = await RedisServer.start(t);
  const one = await start(t, redis, 'one');
  let end = () => {};
  const reloads = () => {
    one.reload.ends = new Promise((resolve) => {
      end = resolve;
    });
  };
  reloads();
  await eventually('the replica takes its part', () => one.asked.length > 0 || undefined);
  t.is(one.owned(), 0);
  end();
  await eventually('it owns everything', () => one.owned() === REPOSITORIES.length || undefined);
  reloads();
  const before = one.asked.length;
  const two = await start(t, redis, 'two');
  await eventually('the replica gives up a part', () => one.asked.length > before || undefined);
  t.is(one.owned(), REPOSITORIES.length);
  end();
  await eventually('the other owns that', () => two.owned() > 0 || undefined);
  t.is(one.owned() + two.owned(), REPOSITORIES.length);
  t.is(two.restored(), two.owned());
});

test('only a replica that may get repositories looks for their tags: one that is new, and those that stay when another leaves', async (t) => {
  const redis = await RedisServer.start(t);
  const one = await start(t, redis, 'one');
  await eventually('it owns everything', () => one.owned() === REPOSITORIES.length || undefined);
  const takesOver = ({ applied }: typeof one) => applied.splice(0).some((change) => change.takesOver);
  t.true(takesOver(one));
  const two = await start(t, redis, 'two');
  await eventually('the other takes its part', () => two.owned() > 0 || undefined);
  await eventually('the replica takes what stays', () => one.applied.length >= 2 || undefined);
  t.false(takesOver(one));
  t.true(takesOver(two));
  await two.replica.stop();
  await eventually('it owns everything again', () => one.owned() === REPOSITORIES.length || undefined);
  t.true(takesOver(one));
});

test('a part that could not be applied is taken again, with what is known of it', async (t) => {
  const redis = await RedisServer.start(t);
  const one = await start(t, redis, 'one');
  await eventually('it owns everything', () => one.owned() === REPOSITORIES.length || undefined);
  await eventually('everything is written', () => one.replica.sharedState.unwrittenTags === 0 || undefined);
  const two = await start(t, redis, 'two');
  Object.assign(two.failures, { left: 1, areExpected: true });
  await eventually('the other takes its part', () => (two.owned() > 0 && two.applied.length > 1) || undefined);
  t.is(two.failures.left, 0);
  const last = two.applied.at(-1);
  t.true(last?.takesOver);
  t.is(two.restored(), 2 * two.owned(), 'at both times');
});

test('repositories stay where they are until what is known of them is written', async (t) => {
  const redis = await RedisServer.start(t);
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  const one = await start(t, redis, 'one');
  await eventually('it owns everything', () => one.owned() === REPOSITORIES.length || undefined);
  const two = await start(t, redis, 'two');
  await eventually('a warning', () => one.warnings.some((text) => text.includes('do not move')) || undefined);
  t.is(one.owned(), REPOSITORIES.length);
  t.is(two.owned(), 0);
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  await eventually('the other takes its part', () => two.owned() > 0 || undefined);
  t.is(one.owned() + two.owned(), REPOSITORIES.length);
  t.is(two.restored(), two.owned());
});

test('repositories move after some seconds without what cannot be written, so that nobody waits for them', async (t) => {
  const redis = await RedisServer.start(t);
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  const one = await start(t, redis, 'one');
  await eventually('it owns everything', () => one.owned() === REPOSITORIES.length || undefined);
  const two = await start(t, redis, 'two');
  await eventually('the other takes its part', () => two.owned() > 0 || undefined);
  t.true(one.warnings.some((text) => text.includes('do not move')));
  t.is(one.owned() + two.owned(), REPOSITORIES.length);
  t.is(two.restored(), 0);
  const [owned, beganMs] = [one.owned(), performance.now()];
  await start(t, redis, 'three');
  await eventually('it gives up a part again', () => one.owned() < owned || undefined);
  t.true(performance.now() - beganMs >= 8_000, 'it tries as long as the first time');
});

test('a repository that is listed in another way is written under its other key, and what was under the former is out of date', async (t) => {
  const redis = await RedisServer.start(t);
  const one = await start(t, redis, 'one', BY_ID);
  await eventually('it owns everything', () => one.owned() === REPOSITORIES.length || undefined);
  await eventually('everything is written', () => one.replica.sharedState.unwrittenTags === 0 || undefined);
  one.replica.configure(BY_NAMES);
  const two = await start(t, redis, 'two');
  await eventually('the other takes its part', () => two.owned() > 0 || undefined);
  t.is(two.restored(), two.owned());
});

test('a replica that Redis refuses messages keeps what it has, and says so', async (t) => {
  const redis = await RedisServer.start(t);
  const one = await start(t, redis, 'one');
  await eventually('it owns everything', () => one.owned() === REPOSITORIES.length || undefined);
  await redis.command('ACL', 'SETUSER', 'default', '-ssubscribe');
  await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await eventually('a warning', () => one.warnings.some((text) => text.includes('refuses messages')) || undefined);
  const { lastExchangeMs = 0 } = one.replica.status;
  await eventually('another exchange', () => (one.replica.status.lastExchangeMs ?? 0) > lastExchangeMs || undefined);
  t.like(one.replica.status, { isConnected: true, isMember: true });
  t.is(one.owned(), REPOSITORIES.length);
});
