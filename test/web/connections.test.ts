// Which connection is closed for a new one when the limit is reached: many connections from one address do not block another.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { sendChunks } from '../../src/web/responses.ts';
import { eventually } from '../helpers/eventually.ts';
import { AUTHORITY, startWebServer, TLS_FILES } from '../helpers/web-server.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
/** More than the buffers of a connection take. */
const BIG_ANSWER = Array.from({ length: 100 }, () => Buffer.alloc(100_000, 'x'));

type Scheme = 'http' | 'https';

function open(t: ExecutionContext, port: number, from: string, scheme: Scheme = 'http'): Socket {
  const address = { host: '127.0.0.1', port, localAddress: from };
  const socket = scheme === 'https' ? connectTls({ ...address, ca: AUTHORITY }) : connect(address);
  t.teardown(() => socket.destroy());
  return socket.on('error', () => {});
}

/** Asks for the big answer and takes but its beginning. */
async function readSlowly(t: ExecutionContext, port: number, from: string, scheme: Scheme = 'http'): Promise<Socket> {
  const socket = open(t, port, from, scheme);
  socket.write(REQUEST);
  await once(socket, 'readable');
  return socket;
}

/** A kept-alive connection with an answer behind it. */
async function stayIdle(t: ExecutionContext, port: number, from: string): Promise<Socket> {
  const socket = open(t, port, from);
  socket.write('GET /small HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  return socket;
}

/** Whether the answer to a request for the small page comes. */
async function isServed(t: ExecutionContext, port: number, from: string, scheme: Scheme = 'http'): Promise<boolean> {
  const socket = open(t, port, from, scheme);
  socket.write('GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let text = '';
  socket.on('data', (part: Buffer) => {
    text += part.toString();
  });
  if (!socket.closed) await once(socket, 'close');
  return text.includes('200 OK');
}

async function start(t: ExecutionContext, slowAfterMs: number, text?: string) {
  const { port } = await startWebServer(
    t,
    text,
    (request, response) => {
      if (request.url === '/small') return response.end('small');
      return void sendChunks(response, BIG_ANSWER);
    },
    { maxConnections: 5, slowAfterMs },
  );
  return port;
}

for (const scheme of ['http', 'https'] as const) {
  const text = scheme === 'https' ? `tls_server_config: { ${TLS_FILES} }` : undefined;

  test(`slow readers over ${scheme} are closed for new connections, the slowest first, also for those from their own address`, async (t) => {
    const port = await start(t, 0, text);
    const readers: Socket[] = [];
    for (let count = 0; count < 5; count += 1) readers.push(await readSlowly(t, port, '127.0.0.1', scheme));
    t.true(await isServed(t, port, '127.0.0.1', scheme));
    t.true(await isServed(t, port, '127.0.0.2', scheme));
    const gone = await eventually('what was read of the first, and its end', async () => {
      for (const reader of readers) reader.read();
      return readers.some(({ closed }) => closed) || undefined;
    });
    t.true(gone);
    t.true(readers[0]?.closed);
  });
}

test('busy connections of one address, slow or not, are closed for a client from another address, and not for one of their own', async (t) => {
  const port = await start(t, 60_000);
  for (let count = 0; count < 5; count += 1) await readSlowly(t, port, '127.0.0.1');
  t.false(await isServed(t, port, '127.0.0.1'));
  t.true(await isServed(t, port, '127.0.0.2'));
});

test('many connections from one address do not close that of another address, however long that was idle', async (t) => {
  const port = await start(t, 60_000);
  const scraper = await stayIdle(t, port, '127.0.0.2');
  for (let count = 0; count < 4; count += 1) await readSlowly(t, port, '127.0.0.1');
  t.false(await isServed(t, port, '127.0.0.1'));
  t.true(await isServed(t, port, '127.0.0.3'));
  scraper.write('GET /small HTTP/1.1\r\nHost: a\r\n\r\n');
  t.regex(String((await once(scraper, 'data'))[0]), /200 OK/);
});

test('an answer that is still being made is not taken for a slow reader', async (t) => {
  let held = 0;
  const hold = () => {
    held += 1;
  };
  const { port } = await startWebServer(t, undefined, hold, { maxConnections: 5, slowAfterMs: 0 });
  for (let count = 0; count < 5; count += 1) open(t, port, '127.0.0.1').write(REQUEST);
  await eventually('all are held', () => held === 5 || undefined);
  t.false(await isServed(t, port, '127.0.0.1'));
});
