// Sends requests through the SDK and reads the answers from the wire. The SDK cannot be cancelled, has no limit of bytes, and hides what it
// could not parse. Node's diagnostics channel gives access to its requests, and so to all of that.
import { randomUUID } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import http, {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { MAX_SLEEP_MS } from '../util/clock.ts';
import { ApiError, PROXY_FAILURE, StaleConnection } from './api-error.ts';
import { describeProxyStatus, ProxyError } from './connections/proxy-error.ts';
import { closeIdle, isWaitingForProxy, type RequestRoute } from './connections/route.ts';
import type { SentHeaders } from './safe-text.ts';

/** Real answers have some kilobytes at most. */
const MAX_BODY_BYTES = 1024 * 1024;

/** The HTTP status of a proxy that wants another user or password. */
const PROXY_AUTHENTICATION_REQUIRED = 407;

/** A header with another value in each request. It identifies the requests of this process. */
export const NONCE_HEADER = 'x-acs-signature-nonce';

/** The maximum size of an answer, and the maximum time from the start of the request to the last byte. */
export type AnswerBounds = { readonly maxBytes: number; readonly timeoutMs: number };

/** The credentials package has slightly shorter timeouts of its own. */
export const ANSWER_BOUNDS: AnswerBounds = { maxBytes: MAX_BODY_BYTES, timeoutMs: 10_000 };

/** What came back, unread. */
export type Reply = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The headers that the request was sent with. */
  readonly sent: () => SentHeaders;
  /** Why the body was rejected; then it is empty and the connection is closed. */
  readonly flaw: string | undefined;
};

export type SendOptions = {
  readonly timeoutMs: number;
  /** Whether the request needs a new connection. */
  readonly isFresh: boolean;
  readonly route: RequestRoute;
};

/**
 * Leads the requests that are made through {@link HttpTransport.send} on their route and observes them. Bounds the answers to all other
 * requests of the process: those of the credentials package, which would read an endless answer until the memory is full. Create one for the
 * process.
 *
 * The SDK's HTTP layer accepts no agent, but makes all its requests with `request` of Node's modules. A request is identified by its nonce:
 * `AsyncLocalStorage` would cost a tenth more CPU time a call before Node 24.
 */
export class HttpTransport {
  /** By nonce, from the start of the call until it makes its request. */
  readonly #expected = new Map<string, Exchange>();
  readonly #readTimers = new ReadTimers();

  /** @param answerBounds for requests that are not made through {@link HttpTransport.send} */
  constructor(answerBounds: AnswerBounds) {
    for (const module of [http, https]) {
      const { request } = module;
      const make = (args: readonly unknown[]): ClientRequest => Reflect.apply(request, module, args);
      Object.assign(module, { request: (...args: readonly unknown[]) => this.#make(make, args) });
    }
    subscribe('http.client.request.start', (message) => {
      // The channel's message, by Node's documentation: it types none.
      const { request } = message as { readonly request: ClientRequest };
      const nonce = request.getHeader(NONCE_HEADER);
      if (typeof nonce !== 'string') boundAnswer(request, answerBounds);
      // It must not go another way than its route.
      else if (this.#expected.has(nonce)) request.destroy(new Error('the SDK makes its requests in another way'));
    });
  }

  /**
   * Makes a call that sends one request with the given nonce, and returns the answer.
   *
   * Settles after the last byte, or when the request has failed or was destroyed: at the timeout, or because the body is too large or
   * compressed. Rejects with the {@link ApiError} `RequestTimeout` or `ProxyFailure`, with {@link StaleConnection}, with Node's error, or with
   * the error of the call if it made no request.
   */
  send(call: (nonce: string) => Promise<unknown>, options: SendOptions): Promise<Reply> {
    // No connection can become idle between this line and the request, because no other code runs in between.
    if (options.isFresh) closeIdle(options.route.agent);
    return new Promise((resolve, reject) => {
      const nonce = randomUUID();
      const exchange = new Exchange(options, this.#readTimers, resolve, reject);
      const ended = (error: unknown) => {
        this.#expected.delete(nonce);
        exchange.callEnded(error);
      };
      this.#expected.set(nonce, exchange);
      call(nonce).then(() => ended(undefined), ended);
    });
  }

  /** Makes a request. If it is an expected one, it goes on its route. */
  #make(make: (args: readonly unknown[]) => ClientRequest, args: readonly unknown[]): ClientRequest {
    const [options, ...rest] = args;
    const nonce: unknown = Reflect.get(Object(Reflect.get(Object(options), 'headers')), NONCE_HEADER);
    const exchange = typeof nonce === 'string' ? this.#expected.get(nonce) : undefined;
    if (exchange === undefined) return make(args);
    this.#expected.delete(String(nonce));
    const made = make([exchange.onRoute(Object(options)), ...rest]);
    exchange.attach(made);
    return made;
  }
}

class Exchange {
  readonly #route: RequestRoute;
  readonly #readTimers: ReadTimers;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: unknown) => void;
  readonly #deadline: NodeJS.Timeout;
  readonly #ended = new AbortController();
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #chunks: Buffer[] = [];
  #size = 0;
  #isOver = false;
  /** The connection of the request. */
  #socket: Socket | undefined;
  /** The bytes that the connection had read before the request. */
  #bytesBefore = 0;

  constructor(
    { route, timeoutMs }: SendOptions,
    readTimers: ReadTimers,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ) {
    this.#route = route;
    this.#readTimers = readTimers;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#deadline = setTimeout(() => this.#expire(timeoutMs), Math.min(timeoutMs, MAX_SLEEP_MS));
  }

  /** The options of the request of the call, which lead it on its route. */
  onRoute(options: RequestOptions): RequestOptions {
    return this.#route.options(options, this.#ended.signal);
  }

  /** Called with the request of the call when it is made. A request that is made after the end is destroyed, so that it does not reach the API. */
  attach(request: ClientRequest): void {
    if (this.#isOver) {
      request.destroy();
      return;
    }
    this.#request = request;
    request.once('socket', (socket) => {
      this.#socket = socket;
      this.#bytesBefore = socket.bytesRead;
    });
    request.prependOnceListener('error', (error) => this.#connectionFailed(request, error));
    request.once('response', (response) => this.#receive(request, response));
    // A connection may close after the last byte but before the answer was read.
    request.once('close', () => {
      if (this.#isOver) return;
      if (this.#response?.complete) this.#succeed(this.#response, undefined);
      else this.#connectionFailed(request, prematureClose());
    });
  }

  /** The call has settled. Its result counts only if it made no request. */
  callEnded(error: unknown): void {
    if (this.#request === undefined) this.#fail(error);
    // Reads what the call left unread.
    else this.#response?.resume();
  }

  #receive(request: ClientRequest, response: IncomingMessage): void {
    this.#response = response;
    if (response.socket) this.#readTimers.stop(response.socket);
    const { proxy, isForwarded } = this.#route;
    const { statusCode = 0 } = response;
    if (isForwarded && wantsPasswordOfProxy(statusCode, response.headers)) {
      this.#fail(new ProxyError(`the proxy ${proxy} answered ${describeProxyStatus(statusCode)}`));
      request.destroy();
      return;
    }
    const encoding = response.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') {
      this.#rejectBody(request, response, `is encoded as ${encoding}, which was not asked for`);
      return;
    }
    // A `data` listener would take the chunks from the SDK. Therefore `push` is wrapped, with which the parser fills the stream.
    const push = response.push;
    response.push = (chunk: Buffer | null, ...rest) => {
      this.#size += chunk?.length ?? 0;
      if (this.#size > MAX_BODY_BYTES) {
        this.#rejectBody(request, response, `has more than ${MAX_BODY_BYTES} bytes`);
        return false;
      }
      if (chunk && !this.#isOver) this.#chunks.push(chunk);
      return push.call(response, chunk, ...rest);
    };
    response.once('end', () => this.#succeed(response, undefined));
  }

  #rejectBody(request: ClientRequest, response: IncomingMessage, flaw: string): void {
    this.#chunks = [];
    request.destroy();
    this.#succeed(response, flaw);
  }

  #succeed(response: IncomingMessage, flaw: string | undefined): void {
    if (this.#isOver) return;
    const body = Buffer.concat(this.#chunks);
    const request = this.#request;
    this.#finish();
    const sent = () => request?.getHeaders() ?? {};
    this.#resolve({ status: response.statusCode ?? 0, headers: response.headers, body, sent, flaw });
  }

  #expire(timeoutMs: number): void {
    const { proxy } = this.#route;
    const isProxySilent = this.#request !== undefined && isWaitingForProxy(this.#route, this.#request);
    this.#request?.destroy();
    const code = isProxySilent ? PROXY_FAILURE : 'RequestTimeout';
    const through = proxy === undefined ? '' : ` through the proxy ${proxy}`;
    const message = isProxySilent
      ? `the proxy ${proxy} gave no connection within ${timeoutMs} ms`
      : `no whole answer within ${timeoutMs} ms${through}`;
    this.#fail(new ApiError({ code, kind: 'transport', message }));
  }

  /** The connection has failed, or was closed by us. */
  #connectionFailed(request: ClientRequest, error: Error): void {
    const isClosed = 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    const isUnanswered = this.#socket !== undefined && this.#socket.bytesRead === this.#bytesBefore;
    if (request.reusedSocket && isClosed && isUnanswered) this.#fail(new StaleConnection());
    else
      this.#fail(
        this.#route.isForwarded ? new ProxyError(`the proxy ${this.#route.proxy} failed`, { cause: error }) : error,
      );
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#finish();
    this.#reject(error);
  }

  /** A kept-alive connection may keep a reference to this object. Therefore everything large is dropped. */
  #finish(): void {
    this.#isOver = true;
    this.#ended.abort();
    clearTimeout(this.#deadline);
    this.#chunks = [];
    this.#request = undefined;
    this.#response = undefined;
    this.#socket = undefined;
  }
}

/** tinyproxy answers 401 to a wrong password. The API never asks for one. */
function wantsPasswordOfProxy(status: number, headers: IncomingHttpHeaders): boolean {
  const isChallenge = /^basic\b/i.test(headers['www-authenticate'] ?? '');
  return status === PROXY_AUTHENTICATION_REQUIRED || (status === 401 && isChallenge);
}

function prematureClose(): Error {
  return Object.assign(new Error('the connection was closed before the end of the answer'), { code: 'ECONNRESET' });
}

/**
 * The SDK's HTTP layer (httpx 2.3) starts a timer for each answer, which the core never stops. Each would keep its request and answer in memory
 * until it fires.
 */
class ReadTimers {
  /** The property of a socket with its timer: the same symbol for all sockets. */
  #key: symbol | undefined;

  stop(socket: Socket): void {
    this.#key ??= Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'TIMER::READ_TIMER');
    if (this.#key !== undefined) clearTimeout(Reflect.get(socket, this.#key));
  }
}

/**
 * Closes the connection of a request that has just started when its answer exceeds the bounds or is compressed. The caller gets an error with
 * the reason, from the request or from the answer.
 */
function boundAnswer(request: ClientRequest, { maxBytes, timeoutMs }: AnswerBounds): void {
  // The request of a tunnel ends with the request that needs it.
  if (request.method === 'CONNECT') return;
  let end = (reason: string): unknown => request.destroy(new Error(reason));
  const deadline = setTimeout(() => end(`no whole answer within ${timeoutMs} ms`), timeoutMs);
  request.once('close', () => clearTimeout(deadline));
  request.prependOnceListener('response', (response) => {
    end = (reason) => endAnswer(response, reason);
    const encoding = response.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity' && !request.hasHeader('accept-encoding')) {
      // The reader would decompress it, to any size.
      delete response.headers['content-encoding'];
      end(`the answer is encoded as ${encoding}, which was not asked for`);
      return;
    }
    watchSize(response, maxBytes, () => end(`the answer has more than ${maxBytes} bytes`));
  });
}

/** Wraps `push`, because a `data` listener would take the chunks from the reader. */
function watchSize(response: IncomingMessage, maxBytes: number, exceeded: () => void): void {
  let size = 0;
  const push = response.push;
  response.push = (chunk: Buffer | null, ...rest) => {
    size += chunk?.length ?? 0;
    if (size <= maxBytes) return push.call(response, chunk, ...rest);
    exceeded();
    return false;
  };
}

/** Destroys the answer in the next turn of the event loop: only then the reader listens to its errors. */
function endAnswer(response: IncomingMessage, reason: string): void {
  response.push = () => false;
  setImmediate(() => response.destroy(new Error(reason)));
}
