// How long a client may take to read its answer.
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { sendChunks } from '../../src/web/responses.ts';
import { AUTHORITY, startWebServer, TLS_FILES } from '../helpers/web-server.ts';

/** How many bytes come until the server closes the connection. */
async function countToEnd(socket: Socket): Promise<number> {
  let bytes = 0;
  socket.on('data', (part: Buffer) => {
    bytes += part.length;
  });
  if (!socket.closed) await once(socket, 'close');
  return bytes;
}

const CHUNK = Buffer.alloc(100_000, 'x');
const CHUNKS = Array.from({ length: 300 }, () => CHUNK);

for (const scheme of ['http', 'https'] as const) {
  const text = scheme === 'https' ? `tls_server_config: { ${TLS_FILES} }` : undefined;
  const askFor30MB = async (t: ExecutionContext, deadlines: { stallMs: number; answerMs: number }) => {
    const over = new EventEmitter();
    const server = await startWebServer(
      t,
      text,
      (_request, response) => {
        response.on('close', () => over.emit('over'));
        void sendChunks(response, CHUNKS);
      },
      { deadlines },
    );
    const address = { host: '127.0.0.1', port: server.port };
    const socket = scheme === 'https' ? connectTls({ ...address, ca: AUTHORITY }) : connect(address);
    t.teardown(() => socket.destroy());
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    return { socket, over: once(over, 'over') };
  };

  test(`a client that reads nothing of its answer over ${scheme} loses its connection`, async (t) => {
    const { socket, over } = await askFor30MB(t, { stallMs: 300, answerMs: 3_600_000 });
    await over;
    const bytes = await countToEnd(socket);
    t.true(bytes < 30_000_000, `${bytes} bytes`);
  });

  test(`a client that reads its answer slowly but steadily over ${scheme} keeps its connection until the deadline`, async (t) => {
    const { socket } = await askFor30MB(t, { stallMs: 500, answerMs: 2_000 });
    const started = performance.now();
    const isClosed = once(socket, 'close');
    let bytes = 0;
    let lastMs = 0;
    socket.on('data', (part: Buffer) => {
      bytes += part.length;
      lastMs = performance.now() - started;
      socket.pause();
      setTimeout(() => socket.resume(), 20);
    });
    await isClosed;
    t.true(bytes < 30_000_000, `${bytes} bytes`);
    t.true(lastMs > 1_250, `the last byte came after ${lastMs} ms`);
  });
}
