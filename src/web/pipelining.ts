// Clients may send requests before they have read the answers to those before (pipelining). Node parses all that comes and has all of it
// answered: a thousand answers that stay in memory until they are read. Here the next request is parsed when the answer before it is over.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const NOTHING = Buffer.alloc(0);
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The requests of all connections. */
export class Pipelining {
  readonly #pipelines = new WeakMap<Socket, Pipeline>();

  /** Takes a connection over. To be called when Node listens to it, and before anything is read. */
  take(socket: Socket): void {
    this.#pipelines.set(socket, new Pipeline(socket));
  }

  /** A request was parsed: the next one on its connection waits until this response is closed. */
  began(response: ServerResponse): void {
    this.#pipelines.get(response.req.socket)?.began(response);
  }

  /** Whether part of an answer has been sent on a connection and the rest has not. */
  isAnswering(socket: Socket): boolean {
    return this.#pipelines.get(socket)?.isAnswering ?? false;
  }
}

/** Hands what comes on a connection to Node's parser in pieces that end where a head may end. */
class Pipeline {
  readonly #socket: Socket;
  readonly #parse: (bytes: Buffer) => void;
  /** Responses that are not closed: one, or two where a request begins in the piece in which the body of the one before ends. */
  readonly #open = new Set<ServerResponse>();
  /** What came and is not parsed. While there is any, no more is read. */
  #unparsed: Buffer = NOTHING;
  /** Whether the line that the last piece ended in has text so far. */
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
      this.#goOn();
    });
    socket.on('drain', () => this.#goOn());
    socket.once('close', () => setImmediate(() => this.#closeAll()));
  }

  get isAnswering(): boolean {
    return [...this.#open].some(({ headersSent }) => headersSent);
  }

  began(response: ServerResponse): void {
    this.#open.add(response);
    response.once('close', () => {
      this.#open.delete(response);
      this.#goOn();
    });
  }

  #goOn(): void {
    while (this.#unparsed.length > 0 && this.#mayParse()) {
      const end = this.#endOfHead();
      const piece = this.#unparsed.subarray(0, end);
      this.#unparsed = end === this.#unparsed.length ? NOTHING : this.#unparsed.subarray(end);
      this.#parse(piece);
    }
    if (this.#unparsed.length > 0) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Whether the parser is still there, and no answer is open but to a request whose body is yet to come. */
  #mayParse(): boolean {
    const { destroyed, writableEnded, writableNeedDrain } = this.#socket;
    if (destroyed || writableEnded || writableNeedDrain) return false;
    const [first, second] = this.#open;
    return first === undefined || (second === undefined && !first.req.complete);
  }

  /** Where the first empty line ends, as the head of a request does; all that there is when there is none. */
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

  /** Node closes only the response that is being sent when a connection closes: one behind it would stay open for ever. */
  #closeAll(): void {
    for (const response of this.#open) {
      response.destroy();
      response.emit('close');
    }
  }
}
