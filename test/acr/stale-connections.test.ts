// Connections that the peer has closed while they were idle, and how they are told from requests that fail.
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { StaleConnection } from '../../src/acr/api-error.ts';
import { selfSigned, startTcp } from '../helpers/raw-server.ts';
import { failureOf, scanAnswer, scanRequest, testApi } from './setup.ts';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');

const BODY = JSON.stringify(scanAnswer);
const ANSWER = `HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

/** Answers the first request of each connection, and does `later` to those that follow on it. */
function answerOnce(later: (socket: Socket) => void) {
  return (socket: Socket) => {
    let requests = 0;
    socket.on('data', () => {
      requests += 1;
      if (requests === 1) socket.write(ANSWER);
      else later(socket);
    });
  };
}

async function start(t: ExecutionContext, later: (socket: Socket) => void) {
  const { host, connections } = await startTcp(t, answerOnce(later));
  return { host, api: testApi(host), connections };
}

for (const [how, close] of [
  ['reset', (socket: Socket) => socket.resetAndDestroy()],
  ['closed', (socket: Socket) => socket.destroy()],
  ['ended', (socket: Socket) => socket.end()],
] as const) {
  test(`a request on an idle connection that was ${how} fails as a stale connection, and is answered on a new one`, async (t) => {
    const { api, connections } = await start(t, close);
    await api.getRepoTagScanStatus(scanRequest);
    const error = await failureOf(api.getRepoTagScanStatus(scanRequest));
    t.true(error instanceof StaleConnection, error.message);
    t.is(error.code, 'ConnectionReset');
    t.is(connections(), 1);
    t.is((await api.afresh.getRepoTagScanStatus(scanRequest)).status, 'complete');
    t.is(connections(), 2);
  });
}

test('a request on a new connection uses none of the idle ones, however many there are', async (t) => {
  const { api, connections } = await start(t, (socket) => socket.destroy());
  await Promise.all(Array.from({ length: 8 }, () => api.getRepoTagScanStatus(scanRequest)));
  t.is(connections(), 8);
  for (let count = 1; count <= 8; count += 1) {
    t.is((await api.afresh.getRepoTagScanStatus(scanRequest)).status, 'complete');
    t.is(connections(), 8 + count);
  }
});

test('a request over TLS on an idle connection that was closed fails as a stale connection, too', async (t) => {
  const served = new Set<Socket>();
  const server = createHttpsServer(selfSigned, ({ socket }, response) => {
    if (served.has(socket)) socket.destroy();
    else response.end(BODY);
    served.add(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const api = testApi(`127.0.0.1:${(server.address() as AddressInfo).port}`, { protocol: 'https' });
  await api.getRepoTagScanStatus(scanRequest);
  t.true((await failureOf(api.getRepoTagScanStatus(scanRequest))) instanceof StaleConnection);
  t.is((await api.afresh.getRepoTagScanStatus(scanRequest)).status, 'complete');
});

for (const [what, later, code] of [
  ['a byte of an answer', (socket: Socket) => socket.write('H', () => socket.resetAndDestroy()), 'ConnectionReset'],
  ['half an answer', (socket: Socket) => socket.write(ANSWER.slice(0, -5), () => socket.end()), 'ConnectionReset'],
  ['something else than HTTP', (socket: Socket) => socket.end('SSH-2.0\r\n\r\n'), 'NetworkError'],
] as const) {
  test(`on a connection that has served others, ${what} is a failure like any other`, async (t) => {
    const { api } = await start(t, later);
    await api.getRepoTagScanStatus(scanRequest);
    const error = await failureOf(api.getRepoTagScanStatus(scanRequest));
    t.false(error instanceof StaleConnection);
    t.is(error.code, code);
  });
}

test('on a connection that has served others, no byte until the deadline is a failure like any other', async (t) => {
  const { host, api, connections } = await start(t, () => {});
  await api.getRepoTagScanStatus(scanRequest);
  const error = await failureOf(testApi(host, { requestTimeoutMs: 100 }).getRepoTagScanStatus(scanRequest));
  t.is(connections(), 1, 'both clients use the same connection');
  t.false(error instanceof StaleConnection);
  t.is(error.code, 'RequestTimeout');
});

test('a reset of a connection that was just opened is a failure like any other', async (t) => {
  const { host } = await startTcp(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  const error = await failureOf(testApi(host).getRepoTagScanStatus(scanRequest));
  t.is(error.code, 'ConnectionReset');
  t.false(error instanceof StaleConnection);
});
