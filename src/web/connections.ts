// Limits the number of connections, and chooses which one is closed for a new one when the limit is reached.
import type { Socket } from 'node:net';

/** A client that has read nothing of its answer for this long counts as slow. */
const SLOW_AFTER_MS = 3_000;

type Connection = {
  readonly socket: Socket;
  readonly peer: string;
  readonly address: string;
  /** The socket with HTTP: the connection itself, or TLS on it. Undefined during the handshake. */
  http: Socket | undefined;
  requests: number;
  /** Monotonic time when the client last read part of an answer; before the first answer, when it connected. */
  activeMs: number;
};

/** The states of a connection, in the order in which those of one address are closed. */
const IDLE = 0;
const SLOW = 1;
const BUSY = 2;

export type ConnectionsOptions = {
  readonly max: number;
  readonly monotonic: () => number;
  readonly slowAfterMs?: number;
};

export class Connections {
  readonly #max: number;
  readonly #monotonic: () => number;
  readonly #slowAfterMs: number;
  readonly #all = new Map<string, Connection>();
  /** The number of connections of each address. */
  readonly #counts = new Map<string, number>();

  constructor({ max, monotonic, slowAfterMs = SLOW_AFTER_MS }: ConnectionsOptions) {
    this.#max = max;
    this.#monotonic = monotonic;
    this.#slowAfterMs = slowAfterMs;
  }

  /** Adds a connection, if necessary by closing another one. Destroys it and returns false when none can be closed. */
  add(socket: Socket): boolean {
    const { remoteAddress: address } = socket;
    if (address === undefined || (this.#all.size >= this.#max && !this.makeRoom(address))) {
      socket.destroy();
      return false;
    }
    const connection: Connection = {
      socket,
      peer: peerOf(socket),
      address,
      http: undefined,
      requests: 0,
      activeMs: this.#monotonic(),
    };
    this.#all.set(connection.peer, connection);
    this.#counts.set(address, this.#countOf(address) + 1);
    socket.on('close', () => this.#remove(connection));
    return true;
  }

  /** HTTP begins on a connection: on the socket itself, or on TLS over it. */
  httpBegins(socket: Socket): void {
    const connection = this.#all.get(peerOf(socket));
    if (!connection) return;
    connection.http = socket;
    socket.on('drain', () => this.#touch(connection));
  }

  /** A request came. Call the returned function when its answer has ended. */
  requestBegins(socket: Socket): () => void {
    const connection = this.#all.get(peerOf(socket));
    if (!connection) return () => {};
    connection.requests += 1;
    this.#touch(connection);
    return () => {
      connection.requests -= 1;
      this.#touch(connection);
    };
  }

  /**
   * Closes a connection to make room for one from `address`. It takes the address with the most connections, and there an idle connection
   * first, then a slow one; of several, the one that was inactive for the longest time. A busy one is closed only if its address has at least
   * two more than `address`. Addresses with fewer connections than `address` keep theirs.
   *
   * @param address empty when it is not known
   * @returns whether a connection was closed
   */
  makeRoom(address = ''): boolean {
    const own = this.#countOf(address);
    const mayClose = (each: Connection) => {
      const count = this.#countOf(each.address);
      return this.#stateOf(each) === BUSY ? count >= own + 2 : count > own || each.address === address;
    };
    const [first] = [...this.#all.values()]
      .filter(mayClose)
      .sort(
        (one, other) =>
          this.#countOf(other.address) - this.#countOf(one.address) ||
          this.#stateOf(one) - this.#stateOf(other) ||
          one.activeMs - other.activeMs,
      );
    if (first) this.#remove(first);
    return first !== undefined;
  }

  destroyAll(): void {
    for (const { socket } of this.#all.values()) socket.destroy();
  }

  #stateOf({ requests, http, activeMs }: Connection): number {
    if (requests === 0) return IDLE;
    // While an answer is being made, the client has nothing to read.
    const isWaiting = http !== undefined && http.writableLength > 0;
    return isWaiting && this.#monotonic() - activeMs >= this.#slowAfterMs ? SLOW : BUSY;
  }

  #countOf(address: string): number {
    return this.#counts.get(address) ?? 0;
  }

  #remove(connection: Connection): void {
    const { socket, peer, address } = connection;
    socket.destroy();
    if (this.#all.get(peer) !== connection) return;
    this.#all.delete(peer);
    const left = this.#countOf(address) - 1;
    if (left === 0) this.#counts.delete(address);
    else this.#counts.set(address, left);
  }

  #touch(connection: Connection): void {
    connection.activeMs = this.#monotonic();
  }
}

/** The same for a socket and for TLS over it. */
function peerOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
