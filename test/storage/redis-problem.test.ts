// What an error of Redis or of its client tells a person.
import test from 'ava';
import { describeRedisError } from '../../src/storage/redis-problem.ts';

test('a refused user, a missing password, a missing right and a certificate say what to do', (t) => {
  for (const [message, advice] of [
    ['WRONGPASS invalid username-password pair or user is disabled.', 'check USER:PASSWORD in the URL of Redis'],
    ['NOAUTH Authentication required.', 'add USER:PASSWORD@ to the URL of Redis'],
    ["NOPERM User acr has no permissions to run the 'eval' command", 'the rights in docs/deployment.md'],
    ["ERR The user executing the script can't run this command", 'the rights in docs/deployment.md'],
    ["ERR unknown command 'ssubscribe'", 'Redis 7 or newer is needed'],
    [
      "ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'",
      'Redis 7 or newer is needed',
    ],
    ['self-signed certificate', 'NODE_EXTRA_CA_CERTS'],
    ['unable to verify the first certificate', 'NODE_EXTRA_CA_CERTS'],
    ["Hostname/IP does not match certificate's altnames: IP: 10.0.0.1", 'must be a name in its certificate'],
    ['write EPROTO 140:error:0A00010B:SSL routines:ssl3_get_record:wrong version number', 'no TLS at this port'],
    ['connect ETIMEDOUT', 'a firewall drops packets'],
    ['read ECONNRESET', 'rediss://'],
  ] as const) {
    const text = describeRedisError(new Error(message));
    t.true(text.includes(message.replace(/^read /, '')), text);
    t.true(text.endsWith(')') && text.includes(advice), text);
  }
});

test('errors of one cause are one text, so that it is logged once', (t) => {
  t.is(describeRedisError(new Error('read ECONNRESET')), describeRedisError(new Error('write ECONNRESET')));
  const unreachable = (ms: number) =>
    new Error(
      `All sentinels are unreachable. Retrying from scratch after ${ms}ms. Last error: connect ECONNREFUSED 10.0.0.1:26379`,
    );
  t.is(describeRedisError(unreachable(200)), describeRedisError(unreachable(400)));
  t.regex(describeRedisError(unreachable(200)), /ECONNREFUSED 10\.0\.0\.1:26379 \(check the Sentinels/);
});

test('a cluster that cannot be asked has the error of one of its nodes', (t) => {
  const lastNodeError = new Error('WRONGPASS invalid username-password pair or user is disabled.');
  const error = Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError });
  t.regex(describeRedisError(error), /^WRONGPASS/);
});

test('other errors are told as they are, and one without a text as no connection', (t) => {
  t.is(describeRedisError(new Error('connect ECONNREFUSED 127.0.0.1:6379')), 'connect ECONNREFUSED 127.0.0.1:6379');
  t.is(describeRedisError(new Error('')), 'no connection');
  t.is(describeRedisError('gone'), 'gone');
});
