// A request and its answer as they pass over the wire. The SDK can neither be cancelled nor bounded, and hides what it
// could not parse; Node's diagnostics channel gives the request that a call makes, and with it all of that.
import { randomUUID } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import { Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { LONGEST_SLEEP_MS } from '../util/clock.ts';
import { type AnswerBounds, boundAnswer } from './answer-bounds.ts';
import type { SentHeaders } from './echoes.ts';
import { ApiError, StaleConnection } from './errors.ts';

/** The real answers have some hundred bytes. */
export const LARGEST_BODY_BYTES = 1024 * 1024;

/** A header that every request has and no two share: what tells the requests of this process apart. */
export const NONCE_HEADER = 'x-acs-signature-nonce';

/** What came back, unread. */
export type Reply = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The headers that the request was sent with. */
  readonly sent: () => SentHeaders;
  /** Why the body was not taken, in which case it is empty and the connection closed. */
  readonly flaw: string | undefined;
};

export type SendOptions = {
  readonly timeoutMs: number;
  /** Whether the request goes on a connection that was just opened. */
  readonly isFresh: boolean;
};

/**
 * Watches the requests of this process that are made through {@link HttpTransport.send}, and bounds the answers to all others: those of
 * the credentials package. Make one for the process.
 *
 * They are told apart by their nonce rather than by `AsyncLocalStorage`, which before Node 24 makes every promise of the
 * process dearer, and a call by a tenth.
 */
export class HttpTransport {
  /** By nonce, from the start of the call until its request has started. */
  readonly #expected = new Map<string, Exchange>();
  readonly #readTimers = new ReadTimers();
  /** What keeps the connections of the SDK. */
  readonly #agents = new Set<Agent>();

  /** @param answerBounds of the requests that are not made through {@link HttpTransport.send} */
  constructor(answerBounds: AnswerBounds) {
    subscribe('http.client.request.start', (message) => {
      // The channel's message, by Node's documentation: it types none.
      const { request } = message as { readonly request: ClientRequest };
      const nonce = request.getHeader(NONCE_HEADER);
      if (typeof nonce !== 'string') {
        boundAnswer(request, answerBounds);
        return;
      }
      this.#expected.get(nonce)?.attach(request);
      this.#expected.delete(nonce);
      const agent: unknown = Reflect.get(request, 'agent');
      if (agent instanceof Agent) this.#agents.add(agent);
    });
  }

  /**
   * Makes a call that sends one request, with the nonce that it is given, and gives what came back.
   *
   * Settles when the last byte is there, or when the request has failed or been destroyed: when nothing has come back
   * whole after `timeoutMs`, when the body is too large or compressed. Rejects with the {@link ApiError}
   * `RequestTimeout`, with {@link StaleConnection}, with Node's error, or with that of the call when it made no request.
   */
  send(call: (nonce: string) => Promise<unknown>, { timeoutMs, isFresh }: SendOptions): Promise<Reply> {
    // Until the call has made its request nothing else has its turn that could leave a connection idle.
    if (isFresh) for (const agent of this.#agents) closeIdle(agent);
    return new Promise((resolve, reject) => {
      const nonce = randomUUID();
      const exchange = new Exchange(timeoutMs, this.#readTimers, resolve, reject);
      const ended = (error: unknown) => {
        this.#expected.delete(nonce);
        exchange.callEnded(error);
      };
      this.#expected.set(nonce, exchange);
      call(nonce).then(() => ended(undefined), ended);
    });
  }
}

class Exchange {
  readonly #readTimers: ReadTimers;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: unknown) => void;
  readonly #deadline: NodeJS.Timeout;
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #chunks: Buffer[] = [];
  #size = 0;
  #over = false;
  /** Of the request's connection, when it was given to the request. */
  #socket: Socket | undefined;
  #bytesBefore = 0;

  constructor(
    timeoutMs: number,
    readTimers: ReadTimers,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ) {
    this.#readTimers = readTimers;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#deadline = setTimeout(() => this.#expire(timeoutMs), Math.min(timeoutMs, LONGEST_SLEEP_MS));
  }

  /** Takes the request that the call has started. One that starts after the end must not reach the API. */
  attach(request: ClientRequest): void {
    if (this.#over) {
      request.destroy();
      return;
    }
    this.#request = request;
    // A request starts when it is given its connection.
    this.#socket = request.socket ?? undefined;
    this.#bytesBefore = this.#socket?.bytesRead ?? 0;
    request.prependOnceListener('error', (error) => this.#lost(request, error));
    request.once('response', (response) => this.#receive(request, response));
    // A connection that closes after the last byte may do so before the end of the answer was read.
    request.once('close', () => {
      if (this.#over) return;
      if (this.#response?.complete) this.#succeed(this.#response, undefined);
      else this.#lost(request, prematureClose());
    });
  }

  /** The call has settled. That counts only when it made no request: else the wire knows better. */
  callEnded(error: unknown): void {
    if (this.#request === undefined) this.#fail(error);
    // Whatever the call left unread is read to its end.
    else this.#response?.resume();
  }

  #receive(request: ClientRequest, response: IncomingMessage): void {
    this.#response = response;
    if (response.socket) this.#readTimers.stop(response.socket);
    const encoding = response.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') {
      this.#refuse(request, response, `is encoded as ${encoding}, which was not asked for`);
      return;
    }
    // A `data` listener would take the chunks from the SDK where it reads them, so the parser's way into the stream is watched.
    const push = response.push;
    response.push = (chunk: Buffer | null, ...rest) => {
      this.#size += chunk?.length ?? 0;
      if (this.#size > LARGEST_BODY_BYTES) {
        this.#refuse(request, response, `has more than ${LARGEST_BODY_BYTES} bytes`);
        return false;
      }
      if (chunk && !this.#over) this.#chunks.push(chunk);
      return push.call(response, chunk, ...rest);
    };
    response.once('end', () => this.#succeed(response, undefined));
  }

  #refuse(request: ClientRequest, response: IncomingMessage, flaw: string): void {
    this.#chunks = [];
    request.destroy();
    this.#succeed(response, flaw);
  }

  #succeed(response: IncomingMessage, flaw: string | undefined): void {
    if (this.#over) return;
    const body = Buffer.concat(this.#chunks);
    const request = this.#request;
    this.#finish();
    const sent = () => request?.getHeaders() ?? {};
    this.#resolve({ status: response.statusCode ?? 0, headers: response.headers, body, sent, flaw });
  }

  #expire(timeoutMs: number): void {
    this.#request?.destroy();
    const message = `no whole answer within ${timeoutMs} ms`;
    this.#fail(new ApiError({ code: 'RequestTimeout', kind: 'transport', message }));
  }

  /** The connection has failed, by our own doing or not. */
  #lost(request: ClientRequest, error: Error): void {
    const isClosed = 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    const isUnanswered = this.#socket !== undefined && this.#socket.bytesRead === this.#bytesBefore;
    this.#fail(request.reusedSocket && isClosed && isUnanswered ? new StaleConnection() : error);
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#finish();
    this.#reject(error);
  }

  /** A connection that is kept alive may hold on to the exchange that opened it: nothing large stays behind. */
  #finish(): void {
    this.#over = true;
    clearTimeout(this.#deadline);
    this.#chunks = [];
    this.#request = undefined;
    this.#response = undefined;
    this.#socket = undefined;
  }
}

function closeIdle({ freeSockets }: Agent): void {
  for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

function prematureClose(): Error {
  return Object.assign(new Error('the connection was closed before the end of the answer'), { code: 'ECONNRESET' });
}

/**
 * The SDK's HTTP layer (httpx 2.3) starts a timer for each answer and, called as the core calls it, never stops it: each
 * would hold its request and answer in memory until it fires.
 */
class ReadTimers {
  /** Under which it is kept: the same symbol for all sockets, found at the first. */
  #key: symbol | undefined;

  stop(socket: Socket): void {
    this.#key ??= Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'TIMER::READ_TIMER');
    if (this.#key !== undefined) clearTimeout(Reflect.get(socket, this.#key));
  }
}
