// Binds the listen addresses: one socket for each, and for localhost one for each loopback address of the host.
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { codeOf } from '../util/error-code.ts';
import { formatListenAddress, type ListenAddress } from '../util/listen-address.ts';
import type { OpenSocket } from '../util/systemd-sockets.ts';

const LOOPBACK = ['127.0.0.1', '::1'] as const;
/** The errors for an address that the host does not have. */
const ABSENT: readonly unknown[] = ['EADDRNOTAVAIL', 'EAFNOSUPPORT'];

/**
 * Binds all addresses, in their order.
 *
 * @param next gives a server that does not listen
 * @returns each address `HOST:PORT`, with the actual port
 * @throws the system's error for the first address that cannot be bound; those before it stay bound
 */
export async function bindAll(
  addresses: readonly (ListenAddress | OpenSocket)[],
  next: () => Server,
): Promise<readonly string[]> {
  const bound: AddressInfo[] = [];
  for (const place of addresses) {
    if ('fd' in place) {
      bound.push(await listening(next().listen(place)));
      continue;
    }
    const { host, port } = place;
    const isLocalhost = host?.toLowerCase() === 'localhost';
    try {
      bound.push(...(isLocalhost ? await bindLoopback(port, next) : [await bind(next(), { host, port })]));
    } catch (error) {
      throw bound.some((other) => other.port === port) ? withSharedPort(error) : error;
    }
  }
  return bound.map(formatListenAddress);
}

async function bind(server: Server, { host, port }: ListenAddress): Promise<AddressInfo> {
  return listening(server.listen({ port, ...(host !== undefined && { host }) }));
}

async function listening(server: Server): Promise<AddressInfo> {
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`expected a TCP socket, found ${address}`);
  return address;
}

/** All loopback addresses get the same port. If that is not free for each of them, port 0 gives them different ones. */
async function bindLoopback(port: number, next: () => Server): Promise<AddressInfo[]> {
  const bound: AddressInfo[] = [];
  const absent: unknown[] = [];
  for (const host of LOOPBACK) {
    try {
      bound.push(await bind(next(), { host, port: bound[0]?.port ?? port }));
    } catch (error) {
      if (ABSENT.includes(codeOf(error))) absent.push(error);
      else if (port === 0 && bound.length > 0) bound.push(await bind(next(), { host, port }));
      else throw error;
    }
  }
  if (bound.length === 0) throw absent[0];
  return bound;
}

function withSharedPort(error: unknown): unknown {
  if (!(error instanceof Error) || codeOf(error) !== 'EADDRINUSE') return error;
  return new Error(`${error.message} (another --web.listen-address has this port too)`, { cause: error });
}
