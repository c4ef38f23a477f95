// Listens, and stops listening without cutting off a scrape that is under way.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../util/clock.ts';
import { formatListenAddress, type ListenAddress } from '../util/listen-address.ts';

/** A client that has sent half a request may hold a socket this long. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the usual scrape intervals, so that a scraper's connection is not closed under it. */
const KEEP_ALIVE_TIMEOUT_MS = 90_000;

export class WebServer {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #answering = new Set<Promise<unknown>>();

  constructor(listener: RequestListener, clock: Clock) {
    this.#clock = clock;
    this.#server = createServer({
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    });
    this.#server.on('request', (_request, response) => {
      const closed = once(response, 'close').catch(() => {});
      this.#answering.add(closed);
      void closed.finally(() => this.#answering.delete(closed));
    });
    this.#server.on('request', listener);
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
    await Promise.race([Promise.allSettled(this.#answering), this.#clock.sleep(graceMs, graceEnds.signal)]);
    graceEnds.abort();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
