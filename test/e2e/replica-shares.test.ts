// How the replicas share a rate: the script that does it, in a real Redis.
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { RedisGroup } from '../../src/replicas/redis-group.ts';
import { systemClock } from '../../src/util/clock.ts';
import type { RedisAddress } from '../../src/util/redis-url.ts';
import { RedisServer } from './helpers/redis.ts';

const TOTAL = 20;
const PLAIN: Omit<RedisAddress, 'hosts'> = {
  kind: 'single',
  isEncrypted: false,
  database: 0,
  primary: '',
  secrets: [],
};

test('half of a rate is shared equally, half in proportion to what is due, and what nobody needs equally', async (t) => {
  const redis = await RedisServer.start(t);
  const [one, two] = [replica(t, redis, 'one'), replica(t, redis, 'two')];
  // At first, nobody knows whether others hold shares.
  for (let learns = true; learns; await sleep(100)) learns = (await one.beat(300)).isLearning;
  t.is(await one.share(300), TOTAL, 'all of it for the first');
  t.is(await two.share(100), 0, 'nothing for the second before the first has given back a part');
  // Of 20, each has 5, and the other 10 are for 295 and 95 more.
  const more = (10 * 295) / 390;
  close(t, await one.share(300), 5 + more);
  close(t, await one.share(300), 5 + more);
  close(t, await two.share(100), 5 + 10 - more);
  // Nothing is due at one: it keeps a fiftieth of its half, and two gets what it wants.
  close(t, await one.share(0), TOTAL / 100);
  await one.share(0);
  close(t, await two.share(1_000_000), TOTAL - TOTAL / 100);
  // What nobody wants is shared equally.
  await two.share(4);
  await two.share(4);
  close(t, await one.share(0), TOTAL / 100 + (TOTAL - 4 - TOTAL / 100) / 2);
});

test('a replica with little to do does not wait for the many tags of another', async (t) => {
  const redis = await RedisServer.start(t);
  const [one, two] = [replica(t, redis, 'one'), replica(t, redis, 'two')];
  for (let learns = true; learns; await sleep(100)) learns = (await one.beat(1_000_000)).isLearning;
  await two.share(3);
  for (let beats = 0; beats < 2; beats += 1) await one.share(1_000_000);
  close(t, await two.share(3), 3);
});

function close(t: ExecutionContext, found: number | undefined, expected: number): void {
  t.true(Math.abs((found ?? Number.NaN) - expected) < 0.001, `expected ${expected}, found ${found}`);
}

test('data that Redis loses while replicas still learn from a former loss is noticed', async (t) => {
  const redis = await RedisServer.start(t);
  const one = replica(t, redis, 'one');
  const generations = new Set<number>();
  for (let losses = 0; losses < 3; losses += 1) {
    const { generation, isLearning } = await one.beat(1);
    t.true(isLearning);
    t.is((await one.beat(1)).generation, generation);
    generations.add(generation);
    await redis.command('FLUSHALL');
  }
  t.is(generations.size, 3);
});

function replica(t: ExecutionContext, { host, port }: RedisServer, id: string) {
  const group = new RedisGroup({ prefix: '{test}', id, clock: systemClock, received: () => {} });
  group.connection.use({ ...PLAIN, hosts: [{ host, port }] });
  t.teardown(() => group.connection.close());
  let [seen, held] = [0, 0];
  const beat = async (wanted: number) => {
    const rates = { default: { total: TOTAL, wanted, held } };
    const reply = await group.beat({ host: id, max: 4, config: '', seen, released: 0, leaves: false, rates });
    seen = reply.sequence;
    held = reply.shares.default?.granted ?? Number.NaN;
    return reply;
  };
  /** Gives the share that this replica may use from now on. */
  const share = async (wanted: number) => (await beat(wanted)).shares.default?.granted;
  return { beat, share };
}
