// Listens, lets clients in through the front door, bounds what they can hold, and stops without cutting off a scrape that is under way.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../util/clock.ts';
import { formatListenAddress, type ListenAddress } from '../util/listen-address.ts';
import type { Logger } from '../util/logger.ts';
import { openFilesAdvice, openFilesLimit } from '../util/open-files.ts';
import type { AccessControl } from './access/access-control.ts';
import { Connections } from './connections.ts';
import { ANSWER_MS, type Deadlines, STALL_MS, watchAnswer } from './deadlines.ts';
import { guardedFarewell, guardedResponse } from './guarded-response.ts';
import { Pipelining } from './pipelining.ts';

const LIMITS = {
  /** A client that has sent half a request may hold a socket this long, give or take the interval. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  /** Longer than the usual scrape intervals, so that a scraper's connection is not closed under it. */
  keepAliveTimeout: 90_000,
  maxHeaderSize: 16_384,
};
const MOST_CONNECTIONS = 512;
/** Of the open files that the process may have, so many are for polls, for reading files and for the program itself. */
const OTHER_FILES = 64;
const LEAST_CONNECTIONS = 8;
/** How often it is logged that clients cannot be let in. */
const MISSED_EVERY_MS = 60_000;
const DEADLINES: Deadlines = { stallMs: STALL_MS, answerMs: ANSWER_MS };

/** What is answered to a request that node could not read; everything else is 400. */
const UNREADABLE: ReadonlyMap<string | undefined, number> = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
]);

export type WebServerOptions = {
  readonly listener: RequestListener;
  readonly accessControl: AccessControl;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly mostConnections?: number;
  /** How long a client may take nothing of its answer while others wait for room. */
  readonly slowAfterMs?: number;
  readonly deadlines?: Deadlines;
  readonly limits?: Partial<typeof LIMITS>;
};

export class WebServer {
  readonly #server: Server;
  readonly #options: WebServerOptions;
  readonly #connections: Connections;
  readonly #pipelining = new Pipelining();
  readonly #answering = new Set<Promise<unknown>>();
  /** When it was last logged that a client could not be let in. */
  #missedMs = Number.NEGATIVE_INFINITY;

  constructor(options: WebServerOptions) {
    const { accessControl, mostConnections = mostConnectionsWithin(openFilesLimit()), slowAfterMs, limits } = options;
    this.#options = options;
    const monotonic = () => options.clock.monotonic();
    this.#connections = new Connections({
      most: mostConnections,
      monotonic,
      ...(slowAfterMs !== undefined && { slowAfterMs }),
    });
    const response = guardedResponse(
      () => accessControl.headers,
      (each) => this.#pipelining.began(each),
    );
    this.#server = createServer({ ...LIMITS, ...limits, ServerResponse: response });
    const [speakHttp] = this.#server.listeners('connection');
    this.#server.removeAllListeners('connection');
    this.#server.on('connection', (socket: Socket) => {
      if (this.#connections.add(socket)) accessControl.receive(socket);
    });
    accessControl.open((socket) => {
      speakHttp?.call(this.#server, socket);
      this.#pipelining.take(socket);
      this.#connections.enter(socket);
    });
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    this.#server.on('connect', (_request, socket: Socket) => {
      // Node no longer looks after the socket: an error that nobody hears would end the program.
      socket.on('error', () => socket.destroy());
      // `GET` is what every page knows.
      this.#partFrom(socket, 405, { Allow: 'GET, HEAD' });
    });
    this.#server.on('error', (error) => this.#missed(error));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      this.#partFrom(socket, UNREADABLE.get(error.code) ?? 400);
    });
  }

  /**
   * Starts to listen.
   *
   * @returns the address, `HOST:PORT`, with the port that was picked
   * @throws the system's error, such as EADDRINUSE
   */
  async listen({ host, port }: ListenAddress): Promise<string> {
    this.#server.listen({ port, ...(host !== undefined && { host }) });
    await once(this.#server, 'listening');
    return formatListenAddress(this.#server.address() as AddressInfo);
  }

  /** Waits for the answers under way, but no longer than `graceMs`, then closes the listener and every connection. */
  async close(graceMs: number): Promise<void> {
    const graceEnds = new AbortController();
    await Promise.race([Promise.allSettled(this.#answering), this.#options.clock.sleep(graceMs, graceEnds.signal)]);
    graceEnds.abort();
    this.#options.accessControl.close();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#connections.destroyAll();
    await closed;
  }

  /** A client could not be let in, for want of a descriptor: Node lets that end the program where it is not heard. */
  #missed(error: Error): void {
    if (!this.#server.listening) return;
    const nowMs = this.#options.clock.monotonic();
    const madeRoom = this.#connections.makeRoom();
    if (nowMs - this.#missedMs < MISSED_EVERY_MS) return;
    this.#missedMs = nowMs;
    const reason = openFilesAdvice(error) ?? error.message;
    this.#options.logger.error('connection not accepted', { error: reason, closed_another: madeRoom });
  }

  /** Answers without a request that could be answered, and closes. In the middle of another answer it only closes. */
  #partFrom(socket: Socket, statusCode: number, headers?: Readonly<Record<string, string>>): void {
    if (!socket.writable || this.#pipelining.isAnswering(socket)) {
      socket.destroy();
      return;
    }
    const { accessControl, deadlines = DEADLINES } = this.#options;
    socket.setTimeout(deadlines.stallMs, () => socket.destroy());
    socket.end(guardedFarewell(statusCode, accessControl.headers, headers), () => socket.destroy());
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { accessControl, listener, logger, deadlines = DEADLINES } = this.#options;
    const isOver = this.#connections.busy(request.socket);
    const closed = once(response, 'close').catch(() => {});
    this.#answering.add(closed);
    void closed.finally(() => {
      this.#answering.delete(closed);
      isOver();
    });
    watchAnswer(response, deadlines);
    try {
      const verdict = await accessControl.judge(request);
      if (verdict === 'admitted') listener(request, response);
      else turnAway(response, verdict);
    } catch (error) {
      logger.error('password could not be checked', { error: String(error) });
      turnAway(response, 'busy');
    }
  }
}

/**
 * How many connections there may be where so many files may be open. Beyond that limit the system takes clients in and drops them at once,
 * and polls fail: those that hold connections would keep everything else out.
 */
export function mostConnectionsWithin(openFiles: number): number {
  return Math.max(LEAST_CONNECTIONS, Math.min(MOST_CONNECTIONS, openFiles - OTHER_FILES));
}

function turnAway(response: ServerResponse, verdict: 'refused' | 'busy'): void {
  response.statusCode = verdict === 'refused' ? 401 : 503;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  if (verdict === 'refused') response.setHeader('WWW-Authenticate', 'Basic');
  else response.setHeader('Retry-After', '1');
  response.end(verdict === 'refused' ? 'Unauthorized\n' : 'Too many passwords are being checked.\n');
}
