// A user of a real Redis with the rights in docs/deployment.md: enough for replicas, and none too many.
import test from 'ava';
import { documentedRights, RedisServer } from './helpers/redis.ts';
import { Replicas } from './helpers/replicas.ts';
import { until } from './helpers/until.ts';

const [REPOSITORIES, TAGS_EACH] = [6, 2];
const WITHIN_MS = 30_000;

test('with the documented rights Redis refuses nothing while a replica takes over from another, and each right is needed', async (t) => {
  const redis = await RedisServer.start(t);
  const rights = documentedRights('e2e');
  await redis.command('ACL', 'SETUSER', 'acr-scan-exporter', 'on', '>a-password', ...rights);
  const url = `redis://acr-scan-exporter:a-password@${redis.host}:${redis.port}`;
  const replicas = await Replicas.start(t, {
    redis: { host: redis.host, url },
    repositories: REPOSITORIES,
    tagsEach: TAGS_EACH,
    requestsPerSecond: 50,
    max: 2,
  });
  const [first] = await replicas.join(2);
  const tags = REPOSITORIES * TAGS_EACH;
  const shown = (count: number) => async () => {
    const complete = await replicas.sum('acr_scan_tags');
    // Each of them sees all.
    const members = await replicas.sum('acr_replica_members');
    return (complete === tags && members === count ** 2) || undefined;
  };
  await until(`${tags} tags of two replicas`, WITHIN_MS, shown(2));
  await first?.kill();
  await until(`${tags} tags of the other replica`, WITHIN_MS, shown(1));

  const commands = rights.filter((right) => right.startsWith('+')).map((right) => right.slice(1));
  t.true(commands.length > 10);
  let unused: readonly string[] = commands;
  // What was taken over is written a second later.
  await until('a use of each right', WITHIN_MS, async () => {
    const used = await redis.command('INFO', 'commandstats');
    const isUsed = (command: string) =>
      new RegExp(`^cmdstat_${command.replace('|', '\\|')}:calls=[1-9]`, 'm').test(used);
    unused = commands.filter((command) => !isUsed(command));
    return unused.length === 0 || undefined;
  }).catch((error) => t.fail(`${error}: ${unused.join(', ')}`));
  t.is(await redis.command('ACL', 'LOG'), '');
});
