// Clients may send several requests before they read the answers (pipelining). Node parses and answers all of them at once: a thousand answers
// that stay in memory until they are read. Here the next request is parsed when the previous answer has ended.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const NOTHING = Buffer.alloc(0);
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The pipelines of all connections. */
export class Pipelining {
  readonly #pipelines = new WeakMap<Socket, PipelinedInput>();

  /** Takes the input of a connection over. Call it when Node listens to the socket, and before anything is read. */
  take(socket: Socket): void {
    this.#pipelines.set(socket, new PipelinedInput(socket));
  }

  /** A request was parsed: the next one on its connection waits until this response is closed. */
  onResponse(response: ServerResponse): void {
    this.#pipelines.get(response.req.socket)?.onResponse(response);
  }

  /** Whether an answer on a connection has begun and not ended. */
  isAnswering(socket: Socket): boolean {
    return this.#pipelines.get(socket)?.isAnswering ?? false;
  }
}

/** Passes the input of a connection to Node's parser in pieces that end where a head may end. */
class PipelinedInput {
  readonly #socket: Socket;
  readonly #parse: (bytes: Buffer) => void;
  /** Responses that are not closed: one, or two if a request begins in the piece in which the body of the previous one ends. */
  readonly #open = new Set<ServerResponse>();
  /** Input that is not parsed yet. While there is any, the socket is paused. */
  #unparsed: Buffer = NOTHING;
  /** Whether the last piece ended within a line that has text so far. */
  #isInText = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const parsers = socket.listeners('data');
    this.#parse = (bytes) => {
      for (const parse of parsers) Reflect.apply(parse, socket, [bytes]);
    };
    socket.removeAllListeners('data');
    socket.on('data', (bytes: Buffer) => {
      this.#unparsed = this.#unparsed.length === 0 ? bytes : Buffer.concat([this.#unparsed, bytes]);
      this.#parseNext();
    });
    socket.on('drain', () => this.#parseNext());
    socket.once('close', () => setImmediate(() => this.#closeAll()));
  }

  get isAnswering(): boolean {
    return [...this.#open].some(({ headersSent }) => headersSent);
  }

  onResponse(response: ServerResponse): void {
    this.#open.add(response);
    response.once('close', () => {
      this.#open.delete(response);
      this.#parseNext();
    });
  }

  #parseNext(): void {
    while (this.#unparsed.length > 0 && this.#mayParse()) {
      const end = this.#endOfHead();
      const piece = this.#unparsed.subarray(0, end);
      this.#unparsed = end === this.#unparsed.length ? NOTHING : this.#unparsed.subarray(end);
      this.#parse(piece);
    }
    if (this.#unparsed.length > 0) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Whether the connection is open, and no answer is open except that to a request whose body has not come yet. */
  #mayParse(): boolean {
    const { destroyed, writableEnded, writableNeedDrain } = this.#socket;
    if (destroyed || writableEnded || writableNeedDrain) return false;
    const [first, second] = this.#open;
    return first === undefined || (second === undefined && !first.req.complete);
  }

  /** The end of the first empty line, where the head of a request ends; the end of the input when there is none. */
  #endOfHead(): number {
    const bytes = this.#unparsed;
    for (let start = 0; ; ) {
      const feed = bytes.indexOf(LINE_FEED, start);
      const end = feed < 0 ? bytes.length : feed;
      const hasText = end - start > 1 || (end - start === 1 && bytes[start] !== CARRIAGE_RETURN);
      const isEmpty = !this.#isInText && !hasText;
      this.#isInText = feed < 0 && !isEmpty;
      if (feed < 0) return bytes.length;
      if (isEmpty) return feed + 1;
      start = feed + 1;
    }
  }

  /** When a connection closes, Node closes only the response that is being sent. A later one would stay open forever. */
  #closeAll(): void {
    for (const response of this.#open) {
      response.destroy();
      response.emit('close');
    }
  }
}
