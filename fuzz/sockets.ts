// Servers and clients on loopback that speak in bytes.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export type Listener = { readonly port: number; readonly close: () => Promise<void> };

/** A server that leaves everything to `accept`. */
export async function listenOnLoopback(accept: (socket: Socket) => void): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    // The other side may be gone.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    accept(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('expected a port');
  return {
    port: address.port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Sends bytes, says that there are no more, and gives what came back when the other side has closed. */
export function exchange(port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('data', (part) => parts.push(part));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(Buffer.concat(parts)));
    socket.end(bytes);
  });
}
