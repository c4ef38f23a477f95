// What the connection to Redis knows of an outage: whether Redis is away for all, or this process may be cut off alone.
import test, { type ExecutionContext } from 'ava';
import { RedisGroup } from '../../src/replicas/redis-group.ts';
import { RedisConnection } from '../../src/storage/redis-connection.ts';
import { systemClock } from '../../src/util/clock.ts';
import { parseRedisUrl } from '../../src/util/redis-url.ts';
import { Network } from './helpers/network.ts';
import { RedisServer } from './helpers/redis.ts';
import { until } from './helpers/until.ts';

const WITHIN_MS = 10_000;

/** A connection that answers, and a command that is sent again and again. */
async function connect(t: ExecutionContext, redis: RedisServer) {
  const address = parseRedisUrl(redis.url);
  if (address === undefined) throw new Error(redis.url);
  const connection = new RedisConnection({ clock: systemClock, channels: ['{x}'], received: () => {} });
  connection.use(address);
  t.teardown(() => connection.close());
  const ping = () =>
    connection
      .send((commands) => commands.get('{x}'))
      .then(
        () => true,
        () => false,
      );
  const answers = (expected: boolean) => async () => {
    await connection.connected();
    return (await ping()) === expected || undefined;
  };
  await until('an answer', WITHIN_MS, answers(true));
  return { connection, answers };
}

test('Redis whose host refuses connections is away for all, until it answers again', async (t) => {
  const redis = await RedisServer.start(t);
  const { connection, answers } = await connect(t, redis);
  t.is(connection.downSinceMs, undefined);
  await redis.crash();
  await until('a refused connection', WITHIN_MS, () => connection.downSinceMs);
  t.regex(connection.problem, /ECONNREFUSED/);
  await redis.continue();
  await until('an answer', WITHIN_MS, answers(true));
  t.is(connection.downSinceMs, undefined);
});

test('Redis that stands still is away for all, until it answers again', async (t) => {
  const redis = await RedisServer.start(t);
  const { connection, answers } = await connect(t, redis);
  redis.freeze();
  await until('no answer', WITHIN_MS, answers(false));
  await until('a new connection', WITHIN_MS, () => connection.downSinceMs);
  redis.thaw();
  await until('an answer', WITHIN_MS, answers(true));
  t.is(connection.downSinceMs, undefined);
});

test('a process that cannot reach the host of Redis may be cut off alone', async (t) => {
  const { unreachable } = Network.create(t);
  const { connection, answers } = await connect(t, await RedisServer.start(t));
  const address = parseRedisUrl(`redis://${unreachable}:6379`);
  if (address === undefined) throw new Error(unreachable);
  connection.use(address);
  await until('no answer', WITHIN_MS, answers(false));
  t.regex(connection.problem, /EHOSTUNREACH/);
  t.is(connection.downSinceMs, undefined);
});

test('a password that Redis refuses is a fault of this process', async (t) => {
  const redis = await RedisServer.start(t);
  const { connection, answers } = await connect(t, redis);
  await redis.command('CONFIG', 'SET', 'requirepass', 'other');
  // redis-cli loses its own connection too.
  await redis.command('-a', 'other', 'CLIENT', 'KILL', 'TYPE', 'normal').catch(() => {});
  await until('no answer', WITHIN_MS, answers(false));
  await until('a refusal', WITHIN_MS, () => /NOAUTH/.test(connection.problem) || undefined);
  // While an attempt is under way, Redis has not answered yet.
  await until('the end of an attempt', WITHIN_MS, () => connection.downSinceMs === undefined || undefined);
  t.regex(connection.problem, /add USER:PASSWORD@ to the URL of Redis/);
});

/** A member whose user of Redis has all rights but these. */
async function member(t: ExecutionContext, redis: RedisServer, ...less: readonly string[]) {
  await redis.command('ACL', 'SETUSER', 'acr', 'on', '>a-password', '~*', '&*', '+@all', ...less);
  const address = parseRedisUrl(`redis://acr:a-password@${redis.host}:${redis.port}`);
  if (address === undefined) throw new Error('expected a URL of Redis');
  const events: unknown[] = [];
  const group = new RedisGroup({
    prefix: '{x}',
    id: 'one',
    clock: systemClock,
    received: (message) => void events.push(message.type === 'refused' && message.credentials),
  });
  t.teardown(() => group.connection.close());
  group.connection.use(address);
  const problem = () =>
    group.beat({ host: '', max: 1, config: '', seen: 0, released: 0, leaves: false, rates: {} }).then(
      () => undefined,
      (error: Error) => error.message,
    );
  const hears = (credentials: string) =>
    until(`a message about ${credentials}`, WITHIN_MS, async () => {
      await redis.command('SPUBLISH', '{x}:news', JSON.stringify({ type: 'refused', credentials }));
      return events.includes(credentials) || undefined;
    });
  return { connection: group.connection, problem, hears };
}

test('without the right to subscribe a process does not become a member, until its user gets it', async (t) => {
  const redis = await RedisServer.start(t);
  const { problem, hears } = await member(t, redis, '-ssubscribe');
  t.regex(await until('a refusal', WITHIN_MS, problem), /NOPERM.*ssubscribe.*docs\/deployment\.md/);
  t.regex((await problem()) ?? '', /NOPERM/);
  await redis.command('ACL', 'SETUSER', 'acr', '+ssubscribe');
  await until('an exchange', WITHIN_MS, async () => (await problem()) === undefined || undefined);
  await hears('a');
});

test('a member whose right to subscribe is taken away goes on and tells of it, and messages come again when it is back', async (t) => {
  const redis = await RedisServer.start(t);
  const { connection, problem, hears } = await member(t, redis);
  await until('an exchange', WITHIN_MS, async () => (await problem()) === undefined || undefined);
  await hears('a');
  const loseConnections = () => redis.command('CLIENT', 'KILL', 'USER', 'acr');
  await redis.command('ACL', 'SETUSER', 'acr', '-ssubscribe');
  await loseConnections();
  const refusal = await until('a refusal', WITHIN_MS, () => connection.subscriptionProblem);
  t.regex(refusal, /NOPERM.*ssubscribe.*docs\/deployment\.md/);
  await until('an exchange', WITHIN_MS, async () => (await problem()) === undefined || undefined);
  t.is(connection.subscriptionProblem, refusal);
  await redis.command('ACL', 'SETUSER', 'acr', '+ssubscribe');
  await problem();
  await until('a subscription', WITHIN_MS, () => connection.subscriptionProblem === undefined || undefined);
  await hears('b');
  await loseConnections();
  await hears('c');
});
