import test from 'ava';
import { parseRedisUrl } from '../../src/util/redis-url.ts';

const SINGLE = { kind: 'single', isEncrypted: false, database: 0, primary: '', secrets: [] };

test('one server, with and without port and database', (t) => {
  t.deepEqual(parseRedisUrl('redis://redis'), { ...SINGLE, hosts: [{ host: 'redis', port: 6_379 }] } as never);
  t.like(parseRedisUrl('redis://[fd00::1]:7000/3'), { hosts: [{ host: 'fd00::1', port: 7_000 }], database: 3 });
  t.like(parseRedisUrl('rediss://10.0.0.1'), { isEncrypted: true });
});

test('a user and a password are decoded, and both forms of the password are secrets', (t) => {
  const url = 'rediss://acr:p%40ss%2Fword@redis:6380';
  t.like(parseRedisUrl(url), { username: 'acr', password: 'p@ss/word', secrets: ['p@ss/word', 'p%40ss%2Fword'] });
  t.like(parseRedisUrl('redis://:opensesame@redis'), { username: undefined, password: 'opensesame' });
});

test('Sentinel needs the name of the primary, and takes several hosts with its own port', (t) => {
  const hosts = [
    { host: 'one', port: 26_379 },
    { host: 'two', port: 5_000 },
  ];
  t.like(parseRedisUrl('redis-sentinel://one,two:5000/1#mymaster'), {
    kind: 'sentinel',
    hosts,
    primary: 'mymaster',
    database: 1,
  });
  t.is(parseRedisUrl('redis-sentinel://one,two'), undefined);
});

test('a cluster has several hosts, and no database', (t) => {
  t.like(parseRedisUrl('rediss-cluster://u:p@one:7000,two:7001'), { kind: 'cluster', isEncrypted: true });
  t.is(parseRedisUrl('redis-cluster://one/2'), undefined);
});

test('a socket of this host', (t) => {
  t.deepEqual(parseRedisUrl('unix:///run/redis.sock'), { ...SINGLE, hosts: [], path: '/run/redis.sock' } as never);
  t.like(parseRedisUrl('unix://acr:p%40ss@/run/redis.sock'), {
    path: '/run/redis.sock',
    username: 'acr',
    password: 'p@ss',
    secrets: ['p@ss', 'p%40ss'],
  });
});

for (const url of [
  '',
  'redis',
  'http://redis',
  'redis://',
  'redis://one,two',
  'redis://redis:0',
  'redis://redis:70000',
  'redis://redis/x',
  'redis://redis#primary',
  'redis://us%er@redis',
  'unix://relative',
  'unix://us%er@/run/redis.sock',
]) {
  test(`${url || 'an empty text'} is no URL of Redis`, (t) => {
    t.is(parseRedisUrl(url), undefined);
  });
}
