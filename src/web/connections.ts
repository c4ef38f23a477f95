// How many connections there may be, and which go when there are more.
import type { Socket } from 'node:net';

type Connection = { readonly socket: Socket; requests: number };

export class Connections {
  readonly #most: number;
  readonly #all = new Map<string, Connection>();
  /** Those on which no request is being answered; the one that has been so for the longest first. */
  readonly #idle = new Set<Connection>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes a connection in, at the cost of the one that has been idle for the longest. False, and destroyed, when all are busy. */
  add(socket: Socket): boolean {
    const [longestIdle] = this.#idle;
    if (socket.remoteAddress === undefined || (this.#all.size >= this.#most && !longestIdle)) {
      socket.destroy();
      return false;
    }
    if (this.#all.size >= this.#most && longestIdle) this.#remove(longestIdle);
    const connection = { socket, requests: 0 };
    this.#all.set(peerOf(socket), connection);
    this.#idle.add(connection);
    socket.on('close', () => this.#remove(connection));
    return true;
  }

  /** A request came over a socket, or over the TLS on it. The function that is returned is to be called when it is over. */
  busy(socket: Socket): () => void {
    const connection = this.#all.get(peerOf(socket));
    if (!connection) return () => {};
    connection.requests += 1;
    this.#idle.delete(connection);
    return () => {
      connection.requests -= 1;
      if (connection.requests === 0 && !connection.socket.destroyed) this.#idle.add(connection);
    };
  }

  destroyAll(): void {
    for (const { socket } of this.#all.values()) socket.destroy();
  }

  #remove(connection: Connection): void {
    this.#idle.delete(connection);
    const peer = peerOf(connection.socket);
    if (this.#all.get(peer) === connection) this.#all.delete(peer);
    connection.socket.destroy();
  }
}

/** The same for a socket and for the TLS that runs over it. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
