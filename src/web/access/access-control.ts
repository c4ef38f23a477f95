// The one place that every connection and every request passes: TLS, certificates of clients, passwords.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Logger } from '../../util/logger.ts';
import { QueueFullError } from '../fair-queue.ts';
import { credentialsIn } from './basic-auth.ts';
import { objectionTo } from './client-certificates.ts';
import { Passwords } from './passwords.ts';
import { OPEN_SETTINGS, type TlsSettings, type WebSettings } from './settings.ts';
import type { WebConfigWatcher } from './web-config-watcher.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000;

/** `busy`: too many wrong passwords are being checked to tell. */
export type Verdict = 'admitted' | 'refused' | 'busy';

export class AccessControl {
  /** Undefined without a file: everyone may come in. */
  readonly #keeper: WebConfigWatcher | undefined;
  readonly #passwords = new Passwords();
  readonly #logger: Logger;
  readonly #handshakeTimeoutMs: number;
  #settings: WebSettings = OPEN_SETTINGS;
  #tlsServer: Server | undefined;
  #enter: (socket: Socket) => void = (socket) => socket.destroy();

  /**
   * @param keeper of a web configuration file; without one everybody may come in
   * @param handshakeTimeoutMs how long a client may take for its TLS handshake, in milliseconds
   */
  constructor(keeper: WebConfigWatcher | undefined, logger: Logger, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS) {
    this.#logger = logger;
    this.#keeper = keeper;
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
    this.#takeOver();
  }

  /** Whether connections are encrypted; the same as long as the program runs. */
  get isEncrypted(): boolean {
    return this.#settings.tls !== undefined;
  }

  /** The headers that the operator wants on every answer. */
  get headers(): ReadonlyMap<string, string> {
    return this.#settings.headers;
  }

  /** From now on `enter` is called with what HTTP is to be spoken over. */
  open(enter: (socket: Socket) => void): void {
    this.#enter = enter;
  }

  /** Lets a connection in: at once, after a handshake, or not at all when the client is turned away. */
  receive(socket: Socket): void {
    this.#look();
    // A server that does not listen: it shakes hands over what it is given, and there is another one after each change.
    if (this.#tlsServer) this.#tlsServer.emit('connection', socket);
    else this.#enter(socket);
  }

  /** Whether a request may be answered. */
  async judge(request: IncomingMessage): Promise<Verdict> {
    this.#look();
    if (this.#settings.passwordHashes.size === 0) return 'admitted';
    const credentials = credentialsIn(request.headers.authorization);
    if (!credentials) return 'refused';
    const claim = { ...credentials, client: request.socket.remoteAddress ?? '' };
    if (this.#passwords.isProven(claim)) return 'admitted';
    // A password that was put in force this second is not to be refused, and checking it costs much more than a look.
    this.#keeper?.lookNow();
    this.#takeOver();
    if (this.#settings.passwordHashes.size === 0) return 'admitted';
    try {
      return (await this.#passwords.check(claim)) ? 'admitted' : 'refused';
    } catch (error) {
      if (error instanceof QueueFullError) return 'busy';
      throw error;
    }
  }

  close(): void {
    this.#passwords.close();
  }

  #look(): void {
    this.#keeper?.look();
    this.#takeOver();
  }

  #takeOver(): void {
    const settings = this.#keeper?.settings ?? OPEN_SETTINGS;
    if (settings === this.#settings) return;
    this.#settings = settings;
    this.#passwords.setHashes(settings.passwordHashes);
    this.#tlsServer = settings.tls && this.#createTlsServer(settings.tls);
  }

  #createTlsServer({ options, clients }: TlsSettings): Server {
    const handshakeTimeout = this.#handshakeTimeoutMs;
    const server = createServer({ ...options, ALPNProtocols: ['http/1.1'], handshakeTimeout });
    server.on('secureConnection', (socket: TLSSocket) => {
      const objection = objectionTo(socket, clients);
      if (objection === undefined) return this.#enter(socket);
      this.#logger.debug('client turned away', { client: socket.remoteAddress, reason: objection });
      socket.destroy();
    });
    server.on('tlsClientError', (error, socket) => {
      this.#logger.debug('TLS handshake failed', { client: socket.remoteAddress, reason: error.message });
      // Node only reports the error, a timeout and a client that is gone among them: the descriptor would stay open for ever.
      socket.destroy();
    });
    return server;
  }
}
