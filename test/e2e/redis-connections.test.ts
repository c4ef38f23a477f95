// How replicas reach a real Redis: TLS, users and passwords, and what they log when it does not work.
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { RedisConnection } from '../../src/storage/redis-connection.ts';
import { systemClock } from '../../src/util/clock.ts';
import { parseRedisUrl } from '../../src/util/redis-url.ts';
import { RedisServer, TLS } from './helpers/redis.ts';
import { type Replica, Replicas } from './helpers/replicas.ts';
import { until } from './helpers/until.ts';

const [REPOSITORIES, TAGS_EACH] = [6, 2];
const WITHIN_MS = 30_000;
const PASSWORD = 'p@ss/of-acr';

async function startReplicas(t: ExecutionContext, host: string, url: string): Promise<Replicas> {
  const redis = { host, url };
  return Replicas.start(t, { redis, repositories: REPOSITORIES, tagsEach: TAGS_EACH, requestsPerSecond: 50, max: 2 });
}

/** A replica that trusts certificates of this authority too. */
function trusting(authority: string) {
  return { command: ['env', `NODE_EXTRA_CA_CERTS=${join(TLS, authority)}`], inside: '127.0.0.1' } as const;
}

/** Every line is in the format of the log, whoever wrote it, and has no password. */
function assertLog(t: ExecutionContext, { program }: Replica): void {
  const lines = `${program.stdout}${program.stderr}`.trimEnd().split('\n');
  t.deepEqual(
    lines.filter((line) => !/^ts=\S+ level=\w+ msg="/.test(line)),
    [],
  );
  t.deepEqual(
    lines.filter((line) => line.includes(PASSWORD) || line.includes(encodeURIComponent(PASSWORD))),
    [],
  );
}

test('replicas share the tags over TLS, with a password, also without the right to ask for INFO, which is logged', async (t) => {
  const { host, tlsPort } = await redisWithUser(t);
  const replicas = await startReplicas(t, host, `rediss://acr:${encodeURIComponent(PASSWORD)}@${host}:${tlsPort}`);
  await replicas.join(2, trusting('authority.crt'));
  const tags = REPOSITORIES * TAGS_EACH;
  await until('all tags, shared by two', WITHIN_MS, async () => {
    const [members, shown] = await Promise.all([replicas.sum('acr_replica_joined'), replicas.sum('acr_replica_tags')]);
    return (members === 2 && shown === tags) || undefined;
  });
  for (const replica of replicas.running) {
    t.regex(replica.program.stderr, /level=warn msg="a message of a package or of Node\.js" text=".*NOPERM.*'info'/);
    assertLog(t, replica);
  }
});

test('a certificate, a password and a protocol that are wrong are logged with what to do', async (t) => {
  const { host, port, tlsPort } = await redisWithUser(t);
  const secret = encodeURIComponent(PASSWORD);
  const cases = [
    [`rediss://acr:${secret}@${host}:${tlsPort}`, /certificate.* \(set NODE_EXTRA_CA_CERTS /],
    [`redis://another:${secret}@${host}:${port}`, /WRONGPASS .* \(check USER:PASSWORD in the URL of Redis\)/],
    [`redis://acr:${secret}@${host}:${tlsPort}`, /ECONNRESET \(does Redis want TLS\?.* rediss:\/\/\)/],
    [`rediss://acr:${secret}@${host}:${port}`, /ETIMEDOUT \(.*rediss:\/\/ and Redis has no TLS at this port\)/],
  ] as const;
  await Promise.all(
    cases.map(async ([url, problem]) => {
      const [replica] = await (await startReplicas(t, host, url)).join(1, trusting('other-authority.crt'));
      const logged = await replica?.program.outputMatch(/level=error msg="no answer from Redis: .*" problem="(.*)"/);
      t.regex(logged ?? '', problem);
      if (replica !== undefined) assertLog(t, replica);
    }),
  );
});

test('a connection that Redis closes without an error is told as that, and not as a former problem', async (t) => {
  const redis = await RedisServer.start(t);
  const address = parseRedisUrl(redis.url);
  if (address === undefined) throw new Error(redis.url);
  const connection = new RedisConnection({ clock: systemClock, channels: ['{x}'], received: () => {} });
  t.teardown(() => connection.close());
  connection.use(address);
  await connection.connected();
  const problem = await until('a command that fails', WITHIN_MS, async () => {
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    return connection
      .send((commands) => commands.ping())
      .then(
        () => undefined,
        (error: Error) => error.message,
      );
  });
  t.is(problem, 'the connection was closed');
});

/** With a user who has all rights but INFO. */
async function redisWithUser(t: ExecutionContext): Promise<RedisServer> {
  const redis = await RedisServer.start(t);
  await redis.command('ACL', 'SETUSER', 'acr', 'on', `>${PASSWORD}`, '~*', '&*', '+@all', '-info');
  return redis;
}

test('a part that cannot be read is logged once, until it can be taken over', async (t) => {
  const redis = await RedisServer.start(t);
  await redis.command('ACL', 'SETUSER', 'acr', 'on', `>${PASSWORD}`, '~*', '&*', '+@all', '-zrange');
  const url = `redis://acr:${encodeURIComponent(PASSWORD)}@${redis.host}:${redis.port}`;
  const replicas = await startReplicas(t, redis.host, url);
  const [replica] = await replicas.join();
  await until('three refusals', WITHIN_MS, async () => {
    const statistics = await redis.command('INFO', 'commandstats');
    return /cmdstat_zrange:.*rejected_calls=([3-9]|\d\d)/.test(statistics) || undefined;
  });
  await redis.command('ACL', 'SETUSER', 'acr', '+zrange');
  const shown = async () => (await replicas.sum('acr_replica_tags')) === REPOSITORIES * TAGS_EACH || undefined;
  await until('all tags', WITHIN_MS, shown);
  t.is(replica?.program.stderr.match(/do not move to their new owners yet/g)?.length, 1);
});
