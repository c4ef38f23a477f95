// What a connection to Redis tells while there is none. Tests with a real Redis are in test/e2e.
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { RedisConnection } from '../../src/storage/redis-connection.ts';
import { systemClock } from '../../src/util/clock.ts';
import { parseRedisUrl } from '../../src/util/redis-url.ts';
import { eventually } from '../helpers/eventually.ts';
import { temporaryDirectory } from '../helpers/exporter.ts';

/** The connection, once it knows why there is none. */
async function failed(t: ExecutionContext, url: string): Promise<RedisConnection> {
  const address = parseRedisUrl(url);
  if (address === undefined) throw new Error(`expected a URL of Redis, found ${url}`);
  const connection = new RedisConnection({ clock: systemClock, channels: ['{x}'], received: () => {} });
  const { problem } = connection;
  t.teardown(() => connection.close());
  connection.use(address);
  await eventually('a problem', () => connection.problem !== problem || undefined);
  return connection;
}

test('Redis is away for all if nobody listens at its port, or at the socket of this host', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const refused = await failed(t, `redis://127.0.0.1:${port}`);
  t.is(refused.problem, `connect ECONNREFUSED 127.0.0.1:${port}`);
  t.is(typeof refused.downSinceMs, 'number');
  const path = join(temporaryDirectory(t), 'redis.sock');
  const missing = await failed(t, `unix://${path}`);
  t.is(missing.problem, `connect ENOENT ${path}`);
  t.is(typeof missing.downSinceMs, 'number');
});

test('a host that is not found may be so for this replica alone', async (t) => {
  t.is((await failed(t, 'redis://redis.invalid')).downSinceMs, undefined);
});
