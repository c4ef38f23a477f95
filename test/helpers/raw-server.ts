// Servers on loopback for one test each, closed with every connection when it ends.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { ExecutionContext } from 'ava';

/** The key and certificate of `localhost` and `127.0.0.1`, signed by nobody but itself. */
export const selfSigned = {
  key: readFileSync(new URL('../fixtures/tls/self-signed.key', import.meta.url)),
  cert: readFileSync(new URL('../fixtures/tls/self-signed.crt', import.meta.url)),
};

export type RunningServer = {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Connections accepted so far. */
  readonly connections: () => number;
};

/** `127.0.0.1:PORT` where nothing listens. */
export async function closedHost(): Promise<string> {
  const server = createNetServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

/** An HTTP server. */
export function startHttp(t: ExecutionContext, listener: RequestListener): Promise<RunningServer> {
  return start(t, createHttpServer(listener));
}

/** A TCP server that leaves everything to the test. */
export function startTcp(t: ExecutionContext, listener: (socket: Socket) => void): Promise<RunningServer> {
  return start(t, createNetServer(listener));
}

/** A TLS server with the self-signed certificate that leaves the rest to the test. */
export function startTls(t: ExecutionContext, listener: (socket: Socket) => void): Promise<RunningServer> {
  return start(t, createTlsServer(selfSigned, listener));
}

async function start(t: ExecutionContext, server: Server): Promise<RunningServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, connections: () => connections };
}
