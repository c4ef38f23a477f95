import test from 'ava';
import { systemdSockets } from '../../src/util/systemd-sockets.ts';

test('the sockets of systemd are those from number 3 on, as many as it says', (t) => {
  t.deepEqual(systemdSockets({ LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:web' }, 7), [
    { fd: 3 },
    { fd: 4 },
  ]);
});

for (const [what, env] of [
  ['no variables', {}],
  ['sockets for another process, such as a parent', { LISTEN_PID: '8', LISTEN_FDS: '1' }],
  ['no number of sockets', { LISTEN_PID: '7' }],
  ['no sockets', { LISTEN_PID: '7', LISTEN_FDS: '0' }],
  ['something else than a number', { LISTEN_PID: '7', LISTEN_FDS: '-1' }],
] as const)
  test(`with ${what} there are no sockets of systemd, and the error says so`, (t) => {
    t.throws(() => systemdSockets(env, 7), { message: /^--web\.systemd-socket: expected sockets .*, found none$/ });
  });
