// Which requests are allowed with which password. The cost of a check is in passwords.timing.test.ts.

import test from 'ava';
import { hashSync } from 'bcryptjs';
import { Passwords } from '../../../src/web/access/passwords.ts';
import { QueueFullError } from '../../../src/web/client-limits.ts';
import { HASH, OTHER_HASH, startWebServer } from '../../helpers/web-server.ts';

const USERS = `basic_auth_users: { alice: ${HASH}, bob: ${OTHER_HASH} }`;

test('every path and method needs a password', async (t) => {
  const server = await startWebServer(t, USERS);
  for (const path of ['/', '/metrics', '/-/healthy', '/nowhere']) {
    t.is((await server.ask({ path, auth: 'alice:secret' })).status, 200);
    for (const method of ['GET', 'HEAD', 'POST']) {
      const { status, headers } = await server.ask({ path, method });
      t.deepEqual([status, headers['www-authenticate']], [401, 'Basic']);
    }
  }
});

const ENCODED = Buffer.from('alice:secret').toString('base64');
const HEADERS: readonly (readonly [header: string | undefined, status: number])[] = [
  [undefined, 401],
  ['', 401],
  ['Basic', 401],
  ['Basic !!!', 401],
  [`Basic ${Buffer.from('alice').toString('base64')}`, 401],
  [`Basic ${Buffer.from('alice:').toString('base64')}`, 401],
  [`Basic ${Buffer.from('alice:Secret').toString('base64')}`, 401],
  [`Basic ${Buffer.from('alice:secret ').toString('base64')}`, 401],
  [`Basic ${Buffer.from('Alice:secret').toString('base64')}`, 401],
  [`Basic ${Buffer.from(':secret').toString('base64')}`, 401],
  [`Basic ${Buffer.from('bob:secret').toString('base64')}`, 401],
  [`Basic ${Buffer.from('carol:secret').toString('base64')}`, 401],
  [`Basic ${Buffer.from('constructor:secret').toString('base64')}`, 401],
  [`Bearer ${ENCODED}`, 401],
  [`Basic ${ENCODED}`, 200],
  [`basic  ${ENCODED}`, 200],
  [`Basic ${Buffer.from('bob:other-secret').toString('base64')}`, 200],
];

test('only a right user with a right password is allowed, the first time and later', async (t) => {
  const server = await startWebServer(t, USERS);
  for (const _ of ['checked', 'remembered']) {
    for (const [header, status] of HEADERS) {
      const answer = await server.ask({ headers: header === undefined ? {} : { Authorization: header } });
      t.is(answer.status, status, header);
    }
  }
});

test('a password may have colons and letters of any script', async (t) => {
  const server = await startWebServer(t, `basic_auth_users: { ünï: ${hashSync('pass:wörd:密码', 4)} }`);
  t.is((await server.ask({ auth: 'ünï:pass:wörd:密码' })).status, 200);
  t.is((await server.ask({ auth: 'ünï:pass' })).status, 401);
});

test('a login stays verified until the hash of its user changes', async (t) => {
  const passwords = new Passwords();
  t.teardown(() => passwords.close());
  const alice = { user: 'alice', password: 'secret', client: 'a' };
  const bob = { user: 'bob', password: 'other-secret', client: 'a' };
  passwords.setHashes(
    new Map([
      ['alice', HASH],
      ['bob', OTHER_HASH],
    ]),
  );
  t.false(passwords.isVerified(alice));
  t.true(await passwords.check(alice));
  t.true(await passwords.check(bob));
  t.false(await passwords.check({ ...alice, password: 'wrong' }));
  t.true(passwords.isVerified(alice), 'a wrong password does not make it forget the right one');
  t.false(passwords.isVerified({ ...alice, password: 'wrong' }));
  t.false(passwords.isVerified({ ...alice, user: 'bob' }));

  passwords.setHashes(
    new Map([
      ['alice', OTHER_HASH],
      ['bob', OTHER_HASH],
    ]),
  );
  t.false(passwords.isVerified(alice));
  t.false(await passwords.check(alice));
  t.true(passwords.isVerified(bob));
  passwords.setHashes(new Map([['alice', HASH]]));
  t.false(passwords.isVerified(bob));
  t.false(await passwords.check(bob));
});

test('a password that is changed while it is being checked is refused', async (t) => {
  const passwords = new Passwords();
  t.teardown(() => passwords.close());
  passwords.setHashes(new Map([['alice', HASH]]));
  const check = passwords.check({ user: 'alice', password: 'secret', client: 'a' });
  passwords.setHashes(new Map([['alice', OTHER_HASH]]));
  t.false(await check);
  t.false(passwords.isVerified({ user: 'alice', password: 'secret', client: 'a' }));
});

test('the same login is checked once at a time, and too many others are refused without an effect on another client', async (t) => {
  const passwords = new Passwords();
  t.teardown(() => passwords.close());
  passwords.setHashes(new Map([['alice', HASH]]));
  const login = { user: 'alice', password: 'secret', client: 'scraper' };
  const same = Array.from({ length: 1000 }, () => passwords.check(login));
  const flood = Array.from({ length: 1000 }, (_, index) =>
    passwords.check({ user: 'alice', password: `guess ${index}`, client: 'attacker' }).catch((error: unknown) => error),
  );
  const late = passwords.check({ ...login, client: 'another scraper' });
  const order: string[] = [];
  const ends = [late.then(() => order.push('late')), flood[7]?.then(() => order.push('last of the flood'))];
  t.true((await Promise.all(same)).every((isRight) => isRight));
  const outcomes = await Promise.all(flood);
  t.is(outcomes.filter((outcome) => outcome === false).length, 8);
  t.is(outcomes.filter((outcome) => outcome instanceof QueueFullError).length, 992);
  await Promise.all(ends);
  t.deepEqual(order, ['late', 'last of the flood']);
});

test('when too many passwords wait to be checked, a request is answered 503 with Retry-After', async (t) => {
  const slowHash = hashSync('secret', 9);
  const server = await startWebServer(t, `basic_auth_users: { alice: ${slowHash} }`);
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) => server.ask({ auth: `alice:wrong ${index}` })),
  );
  const statuses = answers.map(({ status }) => status);
  t.deepEqual([...new Set(statuses)].sort(), [401, 503]);
  t.true(statuses.filter((status) => status === 401).length >= 8);
  t.is(answers.find(({ status }) => status === 503)?.headers['retry-after'], '1');
  t.is((await server.ask({ auth: 'alice:secret' })).status, 200);
});
