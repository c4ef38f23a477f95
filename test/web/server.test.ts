// What clients can hold of the server, and what it answers to those that do not speak HTTP as they should.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../helpers/eventually.ts';
import { AUTHORITY, HASH, startWebServer, TLS_FILES } from '../helpers/web-server.ts';

function open(t: ExecutionContext, port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port });
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  return socket;
}

/** Everything that comes until the server closes the connection. */
async function readToEnd(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  if (!socket.closed) await once(socket, 'close');
  return Buffer.concat(parts).toString();
}

/** How many connections are open, as a client sees it: the server closes those that it does not want. */
function countOpen(sockets: readonly Socket[]): number {
  return sockets.filter(({ closed }) => !closed).length;
}

const GARBAGE: readonly (readonly [name: string, text: string, answer: RegExp])[] = [
  ['no HTTP at all', 'hello, are you there?\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['binary', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /^HTTP\/1\.1 400 /],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', /^HTTP\/1\.1 400 /],
  [
    'length and chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  ['a head of 17 KiB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_408)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
  [
    'a tunnel',
    'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n',
    /^HTTP\/1\.1 405 .*\r\nAllow: GET, HEAD\r\n/,
  ],
];

const SECURITY = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'deny',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};

/** The headers of an answer that is all there is of it; a header that comes twice fails the test. */
function headersOf(t: ExecutionContext, answer: string): Record<string, string> {
  t.true(answer.endsWith('\r\n\r\n'), answer);
  const lines = answer.trimEnd().split('\r\n').slice(1);
  const headers = lines.map((line) => [line.split(': ')[0]?.toLowerCase() ?? '', line.replace(/^.*?: /, '')] as const);
  t.is(new Set(headers.map(([name]) => name)).size, headers.length, answer);
  return Object.fromEntries(headers);
}

for (const [name, text, answer] of GARBAGE) {
  test(`${name} is refused with the security headers and the connection closed`, async (t) => {
    const server = await startWebServer(t, undefined);
    const socket = open(t, server.port);
    socket.write(text, 'latin1');
    const refusal = await readToEnd(socket);
    t.regex(refusal, answer);
    t.like(headersOf(t, refusal), { ...SECURITY, connection: 'close' });
    t.is((await server.ask()).status, 200);
  });
}

test('half a head is answered 408 in the end, with the configured headers, over TLS too', async (t) => {
  const settings = `tls_server_config: { ${TLS_FILES} }
http_server_config: { headers: { X-Frame-Options: sameorigin, Content-Security-Policy: "img-src *; ü" } }`;
  const limits = { headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 50 };
  const server = await startWebServer(t, settings, undefined, { limits });
  const socket = connectTls({ host: '127.0.0.1', port: server.port, ca: AUTHORITY });
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost:');
  const answer = await readToEnd(socket);
  t.regex(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/);
  t.like(headersOf(t, answer), {
    ...SECURITY,
    'x-frame-options': 'sameorigin',
    'content-security-policy': 'img-src *; ü',
  });
});

test('garbage in a request that is being answered ends the connection without an answer in the answer', async (t) => {
  const server = await startWebServer(t, undefined, (_request, response) => {
    response.write('begun');
  });
  const socket = open(t, server.port);
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  await once(socket, 'readable');
  socket.write('garbage\r\n\r\n');
  const answer = await readToEnd(socket);
  t.is(answer.match(/HTTP\/1\.1/g)?.length, 1, answer);
});

test('garbage behind a request is refused when the answer to the request is whole', async (t) => {
  const server = await startWebServer(t, undefined);
  const socket = open(t, server.port);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\ngarbage\r\n\r\n');
  t.regex(await readToEnd(socket), /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nhello\nHTTP\/1\.1 400 Bad Request\r\n/s);
});

test('a client that asks for a tunnel and then resets the connection does not affect others', async (t) => {
  const server = await startWebServer(t, undefined);
  for (let count = 0; count < 10; count += 1) {
    const socket = open(t, server.port);
    socket.write('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n');
    await once(socket, 'data');
    socket.resetAndDestroy();
    t.is((await server.ask()).status, 200);
  }
});

test('HTTP to a port that speaks TLS is refused and the connection closed', async (t) => {
  const server = await startWebServer(t, `tls_server_config: { ${TLS_FILES} }`);
  const socket = open(t, server.port);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  t.notRegex(await readToEnd(socket), /hello/);
  t.is((await server.ask()).status, 200);
});

test('every answer has the security headers and does not name the program', async (t) => {
  const server = await startWebServer(t, `basic_auth_users: { alice: ${HASH} }`, (request, response) => {
    if (request.url === '/head') response.writeHead(404, { 'Content-Type': 'text/plain' });
    response.end('hello');
  });
  for (const options of [{}, { auth: 'alice:secret' }, { auth: 'alice:secret', path: '/head' }]) {
    const { headers } = await server.ask(options);
    t.like(headers, SECURITY);
    t.is(headers.server ?? headers['x-powered-by'], undefined);
  }
});

test('the configured headers replace all others of their name', async (t) => {
  const headers =
    '{ X-Frame-Options: sameorigin, Content-Security-Policy: "img-src *; ü", X-Content-Type-Options: nosniff }';
  const server = await startWebServer(t, `http_server_config: { headers: ${headers} }`, (_request, response) => {
    response.setHeader('Content-Security-Policy', "default-src 'none'");
    response.end();
  });
  t.like((await server.ask()).headers, {
    ...SECURITY,
    'x-frame-options': 'sameorigin',
    'content-security-policy': Buffer.from('img-src *; ü').toString('latin1'),
  });
});

test('beyond the limit the connection that was idle for the longest time is closed', async (t) => {
  const server = await startWebServer(t, undefined, undefined, { maxConnections: 3 });
  const sockets: Socket[] = [];
  for (let count = 0; count < 3; count += 1) {
    const socket = open(t, server.port);
    sockets.push(socket);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
  }
  sockets[0]?.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(sockets[0] ?? open(t, 0), 'data');
  t.is((await server.ask()).status, 200);
  await eventually('the second connection is closed', () => sockets[1]?.closed || undefined);
  t.is(countOpen(sockets), 2);
});

test('while all connections are busy a new one is closed, and served when one is free again', async (t) => {
  const held: (() => void)[] = [];
  const server = await startWebServer(
    t,
    undefined,
    (request, response) => {
      if (request.url === '/hold') held.push(() => response.end('released'));
      else response.end('hello');
    },
    { maxConnections: 2 },
  );
  const holding = [server.ask({ path: '/hold' }), server.ask({ path: '/hold' })];
  await eventually('both are held', () => held.length === 2 || undefined);
  await t.throwsAsync(server.ask());
  held.pop()?.();
  await Promise.any(holding);
  t.is((await eventually('a free place', () => server.ask().catch(() => undefined))).status, 200);
  held.pop()?.();
  t.deepEqual(
    (await Promise.all(holding)).map(({ body }) => body),
    ['released', 'released'],
  );
});

test('connections that do not get beyond their handshake count', async (t) => {
  const server = await startWebServer(t, `tls_server_config: { ${TLS_FILES} }`, undefined, { maxConnections: 4 });
  const silent = Array.from({ length: 20 }, () => open(t, server.port));
  t.is((await server.ask()).status, 200);
  await eventually('most of the silent ones are closed', () => countOpen(silent) <= 4 || undefined);
});

test('an answer that takes long to make is waited for', async (t) => {
  let waits = 0;
  const server = await startWebServer(
    t,
    undefined,
    (_request, response) => {
      // Each time that the client has taken nothing for as long as it may.
      response.on('timeout', () => {
        waits += 1;
        if (waits === 3) response.end('made');
      });
    },
    { deadlines: { stallMs: 100, answerMs: 60_000 } },
  );
  t.is((await server.ask()).body, 'made');
});
