// `--config.check.online` with a real Redis.
import test from 'ava';
import { redisProblem } from '../../src/app/redis-check.ts';
import { systemClock } from '../../src/util/clock.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { documentedRights, RedisServer } from './helpers/redis.ts';

function problemOf(url: string): Promise<string | undefined> {
  const settings = { redisUrl: { from: 'value', value: url }, group: 'shop', max: 2 } as const;
  return redisProblem(settings, { env: {}, redactor: new Redactor(), clock: systemClock });
}

test('Redis that replicas can use is no problem, and nothing is left behind in it', async (t) => {
  const redis = await RedisServer.start(t);
  t.is(await problemOf(redis.url), undefined);
  t.is(await redis.command('KEYS', '*'), '');
});

test('a right that replicas need and the user of Redis lacks is a problem, and with all of them there is none', async (t) => {
  const redis = await RedisServer.start(t);
  const url = `redis://acr:a-password@${redis.host}:${redis.port}`;
  const rights = documentedRights('shop');
  const allow = (given: readonly string[]) =>
    redis.command('ACL', 'SETUSER', 'acr', 'reset', 'on', '>a-password', ...given);
  await allow(rights);
  t.is(await problemOf(url), undefined);
  t.is(await redis.command('ACL', 'LOG'), '');
  t.is(await redis.command('KEYS', '*'), '');
  // Without these the client goes on: they are for its own checks, and for people.
  const optional = ['+info', '+client|setname'];
  const needed = rights.filter((right) => right.startsWith('+') && !optional.includes(right));
  t.true(needed.length > 10);
  for (const missing of needed) {
    await allow(rights.filter((right) => right !== missing));
    t.regex((await problemOf(url)) ?? 'none', /docs\/deployment\.md/, missing);
  }
});

test('Redis that cannot be used is a problem with its cause', async (t) => {
  const redis = await RedisServer.start(t);
  await redis.command('ACL', 'SETUSER', 'acr', 'on', '>secret', '~*', '&*', '+@all', '-eval');
  const host = `${redis.host}:${redis.port}`;
  t.regex((await problemOf(`redis://acr:wrong@${host}`)) ?? '', /^WRONGPASS.*USER:PASSWORD/);
  t.regex((await problemOf(`redis://acr:secret@${host}`)) ?? '', /^NOPERM.*docs\/deployment.md/);
  await redis.crash();
  t.regex((await problemOf(redis.url)) ?? '', /ECONNREFUSED/);
  t.regex((await problemOf('http://redis')) ?? '', /^expected a URL/);
});
