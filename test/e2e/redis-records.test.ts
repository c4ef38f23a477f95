// What is known of tags, in a real Redis.
import test, { type ExecutionContext } from 'ava';
import { RedisConnection } from '../../src/storage/redis-connection.ts';
import { RedisRecords } from '../../src/storage/redis-records.ts';
import { systemClock } from '../../src/util/clock.ts';
import { parseRedisUrl } from '../../src/util/redis-url.ts';
import { RedisServer } from './helpers/redis.ts';

const CHANGES = {
  instanceId: 'cri-1',
  key: 'shop/api',
  repository: { id: 'crr-api' },
  tags: new Map([
    ['v1', { status: 'complete' }],
    ['v2', { status: 'failed' }],
  ]),
  removed: [],
};

async function setUp(t: ExecutionContext) {
  const redis = await RedisServer.start(t);
  const address = parseRedisUrl(redis.url);
  if (address === undefined) throw new Error(redis.url);
  const connection = new RedisConnection({ clock: systemClock, channels: ['{x}'], received: () => {} });
  connection.use(address);
  t.teardown(() => connection.close());
  await connection.connected();
  return { redis, records: new RedisRecords(connection, '{x}', systemClock) };
}

test('what is written is read, and what is removed is not', async (t) => {
  const { records } = await setUp(t);
  await records.write([CHANGES]);
  t.deepEqual(await records.repositories('cri-1'), ['shop/api']);
  t.deepEqual(await records.read('cri-1', 'shop/api'), {
    repository: { id: 'crr-api' },
    tags: [{ status: 'complete' }, { status: 'failed' }],
  });
  await records.write([{ ...CHANGES, tags: new Map(), removed: ['v1'] }]);
  t.deepEqual((await records.read('cri-1', 'shop/api'))?.tags, [{ status: 'failed' }]);
  t.is(await records.read('cri-1', 'shop/web'), undefined);
});

test('keys that hold something else are removed when they are read, and when they are written', async (t) => {
  const { redis, records } = await setUp(t);
  const spoil = async () => {
    await redis.command('SET', '{x}:repositories:cri-1', 'a text');
    await redis.command('SET', '{x}:tags:cri-1:shop/api', 'a text');
  };
  await spoil();
  t.deepEqual(await records.repositories('cri-1'), []);
  t.is(await records.read('cri-1', 'shop/api'), undefined);
  await records.write([CHANGES]);
  t.is((await records.read('cri-1', 'shop/api'))?.tags.length, 2);
  await spoil();
  await t.throwsAsync(records.write([CHANGES]), { message: /^WRONGTYPE/ });
  await records.write([CHANGES]);
  t.deepEqual(await records.repositories('cri-1'), ['shop/api']);
  t.is((await records.read('cri-1', 'shop/api'))?.tags.length, 2);
});
