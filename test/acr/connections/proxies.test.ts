// Requests through proxies: servers on loopback that answer CONNECT and forwarded requests well or badly.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { StaleConnection } from '../../../src/acr/api-error.ts';
import { type ConnectionSettings, DIRECT } from '../../../src/model/connection-settings.ts';
import { Redactor } from '../../../src/util/redactor.ts';
import { eventually } from '../../helpers/eventually.ts';
import { closedHost, selfSigned, startHttp, startTcp, startTls } from '../../helpers/raw-server.ts';
import { tunnelling } from '../../helpers/tunnelling-proxy.ts';
import { failureOf, scanAnswer, scanRequest, testApi, testRoutes } from '../setup.ts';

const PASSWORD = 'pr0xy/pass:word';
const ANY_CERTIFICATE = { ...DIRECT.tls, insecureSkipVerify: true };

const proxyAt = (url: string, noProxy = ''): ConnectionSettings['proxy'] => ({
  from: 'url',
  url: { from: 'value', value: url },
  noProxy,
});

/** An API over TLS. Its requests are answered one after the other by `answers`, the last of which answers all others. */
async function startApi(t: ExecutionContext, onConnection: (socket: Socket) => void = () => {}) {
  const server = createHttps(selfSigned, (_, response) => response.end(JSON.stringify(scanAnswer)));
  server.on('secureConnection', onConnection);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function through(proxy: ConnectionSettings['proxy'], api: string, options: Parameters<typeof testApi>[1] = {}) {
  const redactor = new Redactor();
  const routes = testRoutes({ proxy, tls: ANY_CERTIFICATE }, redactor);
  return testApi(api, { protocol: 'https', routes, redactor, ...options });
}

test('HTTPS goes through a tunnel, which further requests use again, and the password only to the proxy', async (t) => {
  const heads: string[] = [];
  const api = await startApi(t);
  const proxy = await startTcp(t, tunnelling(heads));
  const client = through(proxyAt(`http://me:${encodeURIComponent(PASSWORD)}@${proxy.host}`), api);
  t.is((await client.getRepoTagScanStatus(scanRequest)).status, 'complete');
  t.is((await client.getRepoTagScanStatus(scanRequest)).status, 'complete');
  t.is(heads.length, 1);
  t.regex(heads[0] ?? '', new RegExp(`^CONNECT ${api} HTTP/1.1\r\n`));
  t.true(heads[0]?.includes(`Basic ${Buffer.from(`me:${PASSWORD}`).toString('base64')}`));
});

test('a tunnel that was closed while it was idle is a stale connection', async (t) => {
  const sockets: Socket[] = [];
  const api = await startApi(t);
  const open = tunnelling();
  const proxy = await startTcp(t, (socket) => {
    sockets.push(socket);
    open(socket);
  });
  const client = through(proxyAt(`http://${proxy.host}`), api);
  await client.getRepoTagScanStatus(scanRequest);
  const again = failureOf(client.getRepoTagScanStatus(scanRequest));
  sockets[0]?.resetAndDestroy();
  t.true((await again) instanceof StaleConnection);
  t.is((await client.afresh.getRepoTagScanStatus(scanRequest)).status, 'complete');
});

test('a proxy with https:// is asked over TLS', async (t) => {
  const api = await startApi(t);
  const proxy = await startTls(t, tunnelling());
  t.is((await through(proxyAt(`https://${proxy.host}`), api).getRepoTagScanStatus(scanRequest)).status, 'complete');
  const strict = testRoutes({ proxy: proxyAt(`https://${proxy.host}`) });
  const error = await failureOf(testApi(api, { protocol: 'https', routes: strict }).getRepoTagScanStatus(scanRequest));
  t.is(error.code, 'ProxyFailure');
  t.regex(error.message, /self-signed certificate/);
});

const FAILING: readonly (readonly [string, (socket: Socket) => unknown, RegExp])[] = [
  ['that wants another password', (s) => s.end('HTTP/1.1 407 No\r\n\r\n'), /answered HTTP 407: its user and password/],
  ['that does not reach the API', (s) => s.end('HTTP/1.1 503 No\r\n\r\n'), /answered HTTP 503: it does not reach this/],
  ['that resets', (s) => s.resetAndDestroy(), /gave no connection: .*ECONNRESET/],
  ['that closes', (s) => s.end(), /gave no connection: socket hang up/],
  ['that is no proxy', (s) => s.end('SSH-2.0\r\n\r\n'), /gave no connection: Parse Error/],
  ['with an endless answer', (s) => s.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(200_000)}`), /gave no connection: /],
];
for (const [what, answer, message] of FAILING) {
  test(`a proxy ${what} is a ProxyFailure without its password`, async (t) => {
    const proxy = await startTcp(t, (socket) => socket.on('error', () => {}).once('data', () => answer(socket)));
    const client = through(proxyAt(`http://me:${encodeURIComponent(PASSWORD)}@${proxy.host}`), 'cr.example.com');
    const error = await failureOf(client.getRepoTagScanStatus(scanRequest));
    t.is(error.code, 'ProxyFailure');
    t.regex(error.message, message);
    t.notRegex(error.message, /pr0xy|me:/);
  });
}

test('a proxy that is down is a ProxyFailure, for HTTPS and for plain HTTP', async (t) => {
  const proxy = proxyAt(`http://${await closedHost()}`);
  for (const protocol of ['http', 'https'] as const) {
    const error = await failureOf(through(proxy, 'cr.example.com', { protocol }).getRepoTagScanStatus(scanRequest));
    t.is(error.code, 'ProxyFailure');
    t.regex(error.message, /ECONNREFUSED/);
  }
});

test('a proxy that does not answer CONNECT is a ProxyFailure at the deadline, and its connection is closed', async (t) => {
  let closed = 0;
  const proxy = await startTcp(t, (socket) => socket.resume().on('close', () => (closed += 1)));
  const client = through(proxyAt(`http://${proxy.host}`), 'cr.example.com', { requestTimeoutMs: 200 });
  const error = await failureOf(client.getRepoTagScanStatus(scanRequest));
  t.is(error.code, 'ProxyFailure');
  t.regex(error.message, /gave no connection within 200 ms$/);
  await eventually('the connection is closed', () => (closed === 1 ? true : undefined));
});

test('an API that does not answer through a tunnel is a RequestTimeout', async (t) => {
  let served = 0;
  const server = createHttps(selfSigned, (_, response) => {
    served += 1;
    if (served === 1) response.end(JSON.stringify(scanAnswer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy = await startTcp(t, tunnelling());
  const routes = testRoutes({ proxy: proxyAt(`http://${proxy.host}`), tls: ANY_CERTIFICATE });
  await testApi(host, { protocol: 'https', routes }).getRepoTagScanStatus(scanRequest);
  const hurried = testApi(host, { protocol: 'https', routes, requestTimeoutMs: 100 });
  const error = await failureOf(hurried.getRepoTagScanStatus(scanRequest));
  t.is(error.code, 'RequestTimeout');
  t.is(error.message, `no whole answer within 100 ms through the proxy http://${proxy.host}`);
});

test('an answer 401 with which a proxy asks for a password, as tinyproxy does, is a ProxyFailure', async (t) => {
  const proxy = await startHttp(t, (_, response) => {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="proxy"' }).end('<html>');
  });
  const client = through(proxyAt(`http://me:wrong@${proxy.host}`), 'cr.example.com', { protocol: 'http' });
  t.is((await failureOf(client.getRepoTagScanStatus(scanRequest))).code, 'ProxyFailure');
});

test('plain HTTP is forwarded with the whole URL, and 407 is a ProxyFailure', async (t) => {
  const asked: string[] = [];
  const proxy = await startHttp(t, ({ url, headers }, response) => {
    asked.push(`${headers.host} ${headers['proxy-authorization']} ${url?.replace(/\?.*/, '')}`);
    if (asked.length > 1) response.statusCode = 407;
    response.end(JSON.stringify(scanAnswer));
  });
  const client = through(proxyAt(`http://me:right@${proxy.host}`), 'cr.example.com:8080', { protocol: 'http' });
  t.is((await client.getRepoTagScanStatus(scanRequest)).status, 'complete');
  const authorization = `Basic ${Buffer.from('me:right').toString('base64')}`;
  t.deepEqual(asked, [`cr.example.com:8080 ${authorization} http://cr.example.com:8080/`]);
  const error = await failureOf(client.getRepoTagScanStatus(scanRequest));
  t.is(error.code, 'ProxyFailure');
  t.is(proxy.connections(), 1);
});

test('hosts in no_proxy are reached without the proxy, and so is the metadata service always', async (t) => {
  const { host } = await startHttp(t, (_, response) => response.end(JSON.stringify(scanAnswer)));
  const proxy = proxyAt(`http://${await closedHost()}`, '127.0.0.0/8');
  t.is((await through(proxy, host, { protocol: 'http' }).getRepoTagScanStatus(scanRequest)).status, 'complete');
  const routes = testRoutes({ proxy: proxyAt('http://proxy.example.com:3128') });
  t.is(routes.to({ protocol: 'http', host: '100.100.100.200' }, 'credentials').proxy, undefined);
  t.is(
    routes.to({ protocol: 'https', host: 'sts.aliyuncs.com' }, 'credentials').proxy,
    'http://proxy.example.com:3128',
  );
});

test('variables of the environment decide by protocol, and one that is no proxy is never passed by', (t) => {
  const env = { HTTPS_PROXY: 'proxy.example.com:3128', http_proxy: 'socks5://127.0.0.1', NO_PROXY: '.internal' };
  const routes = testRoutes({ proxy: { from: 'environment' } }, new Redactor(), env);
  t.is(routes.to({ protocol: 'https', host: 'cr.example.com' }, 'api').proxy, 'http://proxy.example.com:3128');
  t.is(routes.to({ protocol: 'https', host: 'cr.internal' }, 'api').proxy, undefined);
  t.is(routes.to({ protocol: 'https', host: 'localhost:1' }, 'api').proxy, undefined);
  const message = /^proxy_url: expected a URL .* in the environment variable http_proxy, found something else$/;
  t.throws(() => routes.to({ protocol: 'http', host: 'cr.example.com' }, 'api'), { message });
});

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'acr-proxy-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

test('a file with the URL of the proxy may come later', async (t) => {
  const path = join(await folder(t), 'proxy');
  const { routes, clock } = testRoutesAt({
    ...DIRECT,
    proxy: { from: 'url', url: { from: 'file', path }, noProxy: '' },
  });
  const destination = { protocol: 'https', host: 'cr.example.com' } as const;
  t.throws(() => routes.to(destination, 'api'), { message: /in the file .*, found none$/ });
  await writeFile(path, 'http://user:secret@proxy.example.com:1\n');
  clock.nowMs += 1_000;
  t.is(routes.to(destination, 'api').proxy, 'http://proxy.example.com:1');
});

test('only certificates in ca_file are trusted, and a file that gets bad leaves the last good ones', async (t) => {
  const api = await startApi(t);
  const host = api.replace('127.0.0.1', 'localhost');
  const caFile = join(await folder(t), 'ca.pem');
  await writeFile(caFile, selfSigned.cert);
  const { routes, clock } = testRoutesAt({ ...DIRECT, tls: { ...DIRECT.tls, caFile } });
  const client = testApi(host, { protocol: 'https', routes });
  t.is((await client.getRepoTagScanStatus(scanRequest)).status, 'complete');
  await writeFile(caFile, 'nothing');
  clock.nowMs += 1_000;
  t.is((await client.getRepoTagScanStatus(scanRequest)).status, 'complete');
  const other = testRoutesAt({ ...DIRECT, tls: { ...DIRECT.tls, caFile } });
  const error = await failureOf(
    testApi(host, { protocol: 'https', routes: other.routes }).getRepoTagScanStatus(scanRequest),
  );
  t.is(error.code, 'TlsFailure');
  t.regex(error.message, /^tls.ca_file: expected a certificate in PEM in the file .*, found none$/);
});

test('server_name is the name that the certificate must have', async (t) => {
  const api = await startApi(t);
  const caFile = join(await folder(t), 'ca.pem');
  await writeFile(caFile, selfSigned.cert);
  const named = (serverName: string) =>
    testApi(api, { protocol: 'https', routes: testRoutes({ tls: { ...DIRECT.tls, caFile, serverName } }) });
  t.is((await named('localhost').getRepoTagScanStatus(scanRequest)).status, 'complete');
  t.is((await failureOf(named('cr.example.com').getRepoTagScanStatus(scanRequest))).code, 'TlsFailure');
});

/** Routes by a clock that the test sets. */
function testRoutesAt(settings: ConnectionSettings) {
  const clock = { nowMs: 0, monotonic: () => clock.nowMs };
  return { routes: testRoutes(settings, new Redactor(), {}, clock), clock };
}
