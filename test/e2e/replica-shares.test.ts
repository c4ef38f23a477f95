// How the replicas share a rate: the script that does it, in a real Redis.
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { RedisGroup } from '../../src/replicas/redis-group.ts';
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

test('a rate is shared in proportion to what is due, and what nobody needs is shared equally', async (t) => {
  const redis = await RedisServer.start(t);
  const [one, two] = [replica(t, redis, 'one'), replica(t, redis, 'two')];
  // At first, nobody knows whether others hold shares.
  for (let learns = true; learns; await sleep(100)) learns = (await one.beat(300)).isLearning;
  t.is(await one.share(300), TOTAL, 'all of it for the first');
  t.is(await two.share(100), 0, 'nothing for the second before the first has given back a part');
  t.is(await one.share(300), 15);
  t.is(await one.share(300), 15, 'confirmed');
  t.is(await two.share(100), 5);

  t.is(await one.share(0), 0);
  await one.share(0);
  t.is(await two.share(4), 12);
  t.is(await one.share(0), 8);
});

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
  const group = new RedisGroup({ prefix: '{test}', id, received: () => {} });
  group.connection.use({ ...PLAIN, hosts: [{ host, port }] });
  t.teardown(() => group.connection.close());
  let [seen, held] = [0, 0];
  const beat = async (wanted: number) => {
    const rates = { default: { total: TOTAL, wanted, held } };
    const reply = await group.beat({ host: id, max: 4, seen, released: 0, leaves: false, rates });
    seen = reply.sequence;
    held = reply.shares.default?.granted ?? Number.NaN;
    return reply;
  };
  /** Gives the share that this replica may use from now on. */
  const share = async (wanted: number) => (await beat(wanted)).shares.default?.granted;
  return { beat, share };
}
