// The HTTP server: listens, checks access, limits connections, and stops without interrupting a scrape under way.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import type { Clock } from '../util/clock.ts';
import type { ListenAddress } from '../util/listen-address.ts';
import type { Logger } from '../util/logger.ts';
import { openFilesAdvice, openFilesLimit } from '../util/open-files-limit.ts';
import type { OpenSocket } from '../util/systemd-sockets.ts';
import type { AccessControl } from './access/access-control.ts';
import { Connections } from './connections.ts';
import { ANSWER_MS, type Deadlines, STALL_MS, watchAnswer } from './deadlines.ts';
import { bindAll } from './listeners.ts';
import { Pipelining } from './pipelining.ts';
import { closingResponse, responseWithHeaders } from './security-headers.ts';

const LIMITS = {
  /** How long a client may take for the head and for the whole request, give or take the interval. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  /** Longer than the usual scrape intervals, so that the connections of scrapers stay open. */
  keepAliveTimeout: 90_000,
  maxHeaderSize: 16_384,
};
const MAX_CONNECTIONS = 512;
/** Open files that are reserved for polls, for reading files and for the program itself. */
const RESERVED_FILES = 64;
const MIN_CONNECTIONS = 8;
/** Minimum time between two log lines about connections that could not be accepted. */
const ACCEPT_ERROR_LOG_MS = 60_000;
const DEADLINES: Deadlines = { stallMs: STALL_MS, answerMs: ANSWER_MS };

/** The status for a request that Node could not parse; 400 for other errors. */
const UNREADABLE: ReadonlyMap<string | undefined, number> = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
]);

export type WebServerOptions = {
  readonly listener: RequestListener;
  readonly accessControl: AccessControl;
  /** Whether a request proves itself in a way of its own, so that it needs no user and no password. */
  readonly hasOwnProof?: (request: IncomingMessage) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxConnections?: number;
  /** A client that has read nothing of its answer for this long counts as slow. */
  readonly slowAfterMs?: number;
  readonly deadlines?: Deadlines;
  readonly limits?: Partial<typeof LIMITS>;
};

export class WebServer {
  readonly #server: Server;
  /** The server itself for the first address, and for each other one a server that hands its connections over. */
  readonly #listeners: TcpServer[];
  readonly #options: WebServerOptions;
  readonly #connections: Connections;
  readonly #pipelining = new Pipelining();
  readonly #answering = new Set<Promise<unknown>>();
  /** When a connection that could not be accepted was last logged. */
  #acceptErrorMs = Number.NEGATIVE_INFINITY;

  constructor(options: WebServerOptions) {
    const { accessControl, maxConnections = maxConnectionsFor(openFilesLimit()), slowAfterMs, limits } = options;
    this.#options = options;
    const monotonic = () => options.clock.monotonic();
    this.#connections = new Connections({
      max: maxConnections,
      monotonic,
      ...(slowAfterMs !== undefined && { slowAfterMs }),
    });
    const response = responseWithHeaders(
      () => accessControl.headers,
      (each) => this.#pipelining.onResponse(each),
    );
    this.#server = createServer({ ...LIMITS, ...limits, ServerResponse: response });
    this.#listeners = [this.#server];
    const [startHttp] = this.#server.listeners('connection');
    this.#server.removeAllListeners('connection');
    this.#server.on('connection', (socket: Socket) => {
      if (this.#connections.add(socket)) accessControl.accept(socket);
    });
    accessControl.onAccepted((socket) => {
      startHttp?.call(this.#server, socket);
      this.#pipelining.take(socket);
      this.#connections.httpBegins(socket);
    });
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    this.#server.on('connect', (_request, socket: Socket) => {
      // Node no longer handles errors of this socket: an unhandled one would end the program.
      socket.on('error', () => socket.destroy());
      // All pages have `GET`.
      this.#answerAndClose(socket, 405, { Allow: 'GET, HEAD' });
    });
    this.#server.on('error', (error) => this.#notAccepted(this.#server, error));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      this.#answerAndClose(socket, UNREADABLE.get(error.code) ?? 400);
    });
  }

  /**
   * Starts to listen on all addresses.
   *
   * @returns each address `HOST:PORT`, with the actual port
   * @throws the system's error for the first address that cannot be listened on, such as EADDRINUSE
   */
  listen(addresses: readonly (ListenAddress | OpenSocket)[]): Promise<readonly string[]> {
    return bindAll(addresses, () => this.#nextListener());
  }

  /** Waits for the answers under way, at most `graceMs`, then closes the listener and all connections. */
  async close(graceMs: number): Promise<void> {
    const graceEnds = new AbortController();
    await Promise.race([Promise.allSettled(this.#answering), this.#options.clock.sleep(graceMs, graceEnds.signal)]);
    graceEnds.abort();
    this.#options.accessControl.close();
    const closed = this.#listeners.filter(({ listening }) => listening).map((each) => once(each.close(), 'close'));
    this.#connections.destroyAll();
    await Promise.all(closed);
  }

  /** A server that does not listen yet. */
  #nextListener(): TcpServer {
    const unused = this.#listeners.find(({ listening }) => !listening);
    if (unused !== undefined) return unused;
    // The options that Node gives to the sockets of an HTTP server.
    const listener = createTcpServer({ allowHalfOpen: true, noDelay: true });
    listener.on('connection', (socket) => this.#server.emit('connection', socket));
    listener.on('error', (error) => this.#notAccepted(listener, error));
    this.#listeners.push(listener);
    return listener;
  }

  /** A connection could not be accepted for lack of file descriptors. Without a listener this error would end the program. */
  #notAccepted(server: TcpServer, error: Error): void {
    if (!server.listening) return;
    const nowMs = this.#options.clock.monotonic();
    const madeRoom = this.#connections.makeRoom();
    if (nowMs - this.#acceptErrorMs < ACCEPT_ERROR_LOG_MS) return;
    this.#acceptErrorMs = nowMs;
    const reason = openFilesAdvice(error) ?? error.message;
    this.#options.logger.error('connection not accepted', { error: reason, closed_another: madeRoom });
  }

  /** Answers without a parsed request, and closes. In the middle of another answer it only closes. */
  #answerAndClose(socket: Socket, statusCode: number, headers?: Readonly<Record<string, string>>): void {
    if (!socket.writable || this.#pipelining.isAnswering(socket)) {
      socket.destroy();
      return;
    }
    const { accessControl, deadlines = DEADLINES } = this.#options;
    socket.setTimeout(deadlines.stallMs, () => socket.destroy());
    socket.end(closingResponse(statusCode, accessControl.headers, headers), () => socket.destroy());
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { accessControl, listener, logger, hasOwnProof, deadlines = DEADLINES } = this.#options;
    const requestEnds = this.#connections.requestBegins(request.socket);
    const closed = once(response, 'close').catch(() => {});
    this.#answering.add(closed);
    void closed.finally(() => {
      this.#answering.delete(closed);
      requestEnds();
    });
    watchAnswer(response, deadlines);
    if (!accessControl.isWithinRate()) return refuse(response, 'tooMany');
    try {
      const access = hasOwnProof?.(request) ? 'allowed' : await accessControl.authorize(request);
      if (access === 'allowed') listener(request, response);
      else refuse(response, access);
    } catch (error) {
      logger.error('password could not be checked', { error: String(error) });
      refuse(response, 'busy');
    }
  }
}

/**
 * The limit of connections for a limit of open files. Beyond the latter the system accepts connections and drops them at once, and polls
 * fail, so that clients that hold connections would block everything else.
 */
export function maxConnectionsFor(openFiles: number): number {
  return Math.max(MIN_CONNECTIONS, Math.min(MAX_CONNECTIONS, openFiles - RESERVED_FILES));
}

const REFUSALS = {
  denied: { status: 401, text: 'Unauthorized', headers: { 'WWW-Authenticate': 'Basic' } },
  busy: { status: 503, text: 'Too many passwords are being checked.', headers: { 'Retry-After': '1' } },
  tooMany: { status: 429, text: 'Too Many Requests', headers: {} },
} as const;

function refuse(response: ServerResponse, reason: keyof typeof REFUSALS): void {
  const { status, text, headers } = REFUSALS[reason];
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(`${text}\n`);
}
