// Clients that begin a TLS handshake and do not end it, as probes of load balancers and scanners do.
import { readdirSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../../helpers/eventually.ts';
import { startWebServer, TLS_FILES } from '../../helpers/web-server.ts';

const CLIENTS = 100;

/** How many sockets this process has open, those of the clients of a test included. */
function openSockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

/** The first bytes that a TLS client sends. */
function halfHello(t: ExecutionContext): Promise<Buffer> {
  return new Promise((resolve) => {
    const listener = createServer((socket) => {
      socket.once('data', (bytes: Buffer) => {
        socket.destroy();
        listener.close();
        resolve(bytes.subarray(0, bytes.length / 2));
      });
    }).listen(0, '127.0.0.1', () => {
      const address = listener.address();
      if (address === null || typeof address === 'string') throw new Error('expected a port');
      const client = connectTls({ host: '127.0.0.1', port: address.port });
      client.on('error', () => {});
      t.teardown(() => client.destroy());
    });
  });
}

const BEGINNINGS: readonly (readonly [name: string, begin: (socket: Socket, hello: Buffer) => void])[] = [
  ['say nothing', () => {}],
  ['say nothing and close their side', (socket) => socket.end()],
  ['reset the connection', (socket) => socket.resetAndDestroy()],
  ['send half a hello', (socket, hello) => socket.write(hello)],
  ['send half a hello and close their side', (socket, hello) => socket.end(hello)],
  ['speak HTTP', (socket) => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
  ['send an alert and close their side', (socket) => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 1, 0]))],
];

for (const [name, begin] of BEGINNINGS) {
  test.serial(`clients that ${name} instead of a TLS handshake leave no descriptor`, async (t) => {
    const hello = await halfHello(t);
    const server = await startWebServer(t, `tls_server_config: { ${TLS_FILES} }`, undefined, {
      handshakeTimeoutMs: 300,
    });
    const before = openSockets();
    const sockets = Array.from({ length: CLIENTS }, () => {
      // The client keeps its own side open, whatever the server does.
      const socket = connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
      socket.on('error', () => {}).on('connect', () => begin(socket, hello));
      t.teardown(() => socket.destroy());
      return socket;
    });
    await eventually('all are connected', () => sockets.every(({ connecting }) => !connecting) || undefined);
    t.is((await server.ask()).status, 200, 'served after all that came before');
    const clients = () => sockets.filter(({ destroyed }) => !destroyed).length;
    await eventually(
      'the server has closed its sockets',
      () => openSockets() - clients() <= before || undefined,
      () => `${openSockets()} sockets, of which ${clients()} of clients, before ${before}`,
    );
  });
}
