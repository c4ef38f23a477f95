// How many connections there may be, and which give way to newcomers when there is no more room.
import type { Socket } from 'node:net';

/** How long a client may take nothing of its answer before it gives way, while there is no room for another. */
const SLOW_AFTER_MS = 3_000;

type Connection = {
  readonly socket: Socket;
  readonly peer: string;
  readonly address: string;
  /** Over which HTTP is spoken: the socket itself, or the TLS on it. Undefined before there is any. */
  speaking: Socket | undefined;
  requests: number;
  /** When the last answer ended, or a part of one was taken; when the connection came, before there was any. Monotonic. */
  activeMs: number;
};

/** What a connection does, in the order in which those of one address give way. */
const IDLE = 0;
const SLOW = 1;
const BUSY = 2;

export type ConnectionsOptions = {
  readonly most: number;
  readonly monotonic: () => number;
  readonly slowAfterMs?: number;
};

export class Connections {
  readonly #most: number;
  readonly #monotonic: () => number;
  readonly #slowAfterMs: number;
  readonly #all = new Map<string, Connection>();
  /** How many there are of each address. */
  readonly #counts = new Map<string, number>();

  constructor({ most, monotonic, slowAfterMs = SLOW_AFTER_MS }: ConnectionsOptions) {
    this.#most = most;
    this.#monotonic = monotonic;
    this.#slowAfterMs = slowAfterMs;
  }

  /** Takes a connection in, if need be in the place of another one. False, and destroyed, when none gives way. */
  add(socket: Socket): boolean {
    const { remoteAddress: address } = socket;
    if (address === undefined || (this.#all.size >= this.#most && !this.makeRoom(address))) {
      socket.destroy();
      return false;
    }
    const connection: Connection = {
      socket,
      peer: peerOf(socket),
      address,
      speaking: undefined,
      requests: 0,
      activeMs: this.#monotonic(),
    };
    this.#all.set(connection.peer, connection);
    this.#counts.set(address, this.#countOf(address) + 1);
    socket.on('close', () => this.#remove(connection));
    return true;
  }

  /** From now on HTTP is spoken over a socket, or over the TLS on it. */
  enter(socket: Socket): void {
    const connection = this.#all.get(peerOf(socket));
    if (!connection) return;
    connection.speaking = socket;
    socket.on('drain', () => this.#touch(connection));
  }

  /** A request came. The function that is returned is to be called when its answer is over. */
  busy(socket: Socket): () => void {
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
   * Closes a connection to make room for one from `address`: of the address that has most, first one on which nothing is being answered, then
   * one whose client does not take its answer, each time the one that has been inactive for the longest. Where that address has more than its
   * share, one that is being answered goes too. An address that has fewer than the newcomer's is left alone.
   *
   * @param address empty when it is not known
   * @returns whether there was one
   */
  makeRoom(address = ''): boolean {
    const own = this.#countOf(address);
    const mayGo = (each: Connection) => {
      const count = this.#countOf(each.address);
      return this.#stateOf(each) === BUSY ? count >= own + 2 : count > own || each.address === address;
    };
    const [first] = [...this.#all.values()]
      .filter(mayGo)
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

  #stateOf({ requests, speaking, activeMs }: Connection): number {
    if (requests === 0) return IDLE;
    // An answer that is still being made is not the client's fault.
    const isWaiting = speaking !== undefined && speaking.writableLength > 0;
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

/** The same for a socket and for the TLS that runs over it. */
function peerOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
