// Access control: every connection and every request passes here. TLS, client certificates, the rate of requests, passwords.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { QueueFullError } from '../client-limits.ts';
import { reasonToReject } from './client-certificates.ts';
import { credentialsIn, Passwords } from './passwords.ts';
import { RequestLimiter } from './rate-limit.ts';
import { OPEN_SETTINGS, type TlsSettings, type WebSettings } from './settings.ts';
import type { WebConfigWatcher } from './web-config-watcher.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000;

type AccessDependencies = { readonly clock: Pick<Clock, 'monotonic'>; readonly logger: Logger };

/** `busy`: too many passwords are being checked. */
export type Access = 'allowed' | 'denied' | 'busy';

export class AccessControl {
  /** Undefined without a web configuration file: access is open. */
  readonly #watcher: WebConfigWatcher | undefined;
  readonly #passwords = new Passwords();
  readonly #limiter: RequestLimiter;
  readonly #logger: Logger;
  readonly #handshakeTimeoutMs: number;
  #settings: WebSettings = OPEN_SETTINGS;
  #tlsServer: Server | undefined;
  #accepted: (socket: Socket) => void = (socket) => socket.destroy();

  /**
   * @param watcher of the web configuration file; without one access is open
   * @param handshakeTimeoutMs how long a client may take for its TLS handshake, in milliseconds
   */
  constructor(
    watcher: WebConfigWatcher | undefined,
    { clock, logger }: AccessDependencies,
    handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS,
  ) {
    this.#logger = logger;
    this.#limiter = new RequestLimiter(clock);
    this.#watcher = watcher;
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
    this.#apply();
  }

  /** Whether connections are encrypted. Does not change while the program runs. */
  get isEncrypted(): boolean {
    return this.#settings.tls !== undefined;
  }

  /** The configured headers of every answer. */
  get headers(): ReadonlyMap<string, string> {
    return this.#settings.headers;
  }

  /** Sets the function that is called with each accepted connection, after its TLS handshake if there is one. */
  onAccepted(accepted: (socket: Socket) => void): void {
    this.#accepted = accepted;
  }

  /** Accepts a connection: at once, or after a handshake if that and the client's certificate are good. */
  accept(socket: Socket): void {
    this.#refresh();
    // This TLS server does not listen. It is given connections, and is replaced after each change of the settings.
    if (this.#tlsServer) this.#tlsServer.emit('connection', socket);
    else this.#accepted(socket);
  }

  /** Counts a request, from whichever client. False if it exceeds the configured rate of requests. */
  isWithinRate(): boolean {
    this.#refresh();
    return this.#limiter.take();
  }

  /** Checks the user and password of a request. */
  async authorize(request: IncomingMessage): Promise<Access> {
    this.#refresh();
    if (this.#settings.passwordHashes.size === 0) return 'allowed';
    const credentials = credentialsIn(request.headers.authorization);
    if (!credentials) return 'denied';
    const login = { ...credentials, client: request.socket.remoteAddress ?? '' };
    if (this.#passwords.isVerified(login)) return 'allowed';
    // The password may have been changed within the last second, and a check costs much more than a look at the files.
    this.#watcher?.checkNow();
    this.#apply();
    if (this.#settings.passwordHashes.size === 0) return 'allowed';
    try {
      return (await this.#passwords.check(login)) ? 'allowed' : 'denied';
    } catch (error) {
      if (error instanceof QueueFullError) return 'busy';
      throw error;
    }
  }

  close(): void {
    this.#passwords.close();
  }

  #refresh(): void {
    this.#watcher?.check();
    this.#apply();
  }

  #apply(): void {
    const settings = this.#watcher?.settings ?? OPEN_SETTINGS;
    if (settings === this.#settings) return;
    this.#settings = settings;
    this.#passwords.setHashes(settings.passwordHashes);
    this.#limiter.setLimit(settings.rateLimit);
    this.#tlsServer = settings.tls && this.#createTlsServer(settings.tls);
  }

  #createTlsServer({ options, clients }: TlsSettings): Server {
    const handshakeTimeout = this.#handshakeTimeoutMs;
    const server = createServer({ ...options, ALPNProtocols: ['http/1.1'], handshakeTimeout });
    server.on('secureConnection', (socket: TLSSocket) => {
      const reason = reasonToReject(socket, clients);
      if (reason === undefined) return this.#accepted(socket);
      this.#logger.debug('client rejected', { client: socket.remoteAddress, reason });
      socket.destroy();
    });
    server.on('tlsClientError', (error, socket) => {
      this.#logger.debug('TLS handshake failed', { client: socket.remoteAddress, reason: error.message });
      // Node only reports errors, timeouts and closed connections here. Without this the file descriptor would stay open forever.
      socket.destroy();
    });
    return server;
  }
}
