// What every answer carries, whoever writes it, errors included.
import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http';

/** Nothing here is for other sites to embed or to read, nor theirs to know where a link was followed from. */
const SECURITY_HEADERS: ReadonlyMap<string, string> = new Map([
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'deny'],
  ['Referrer-Policy', 'no-referrer'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
]);

/**
 * A class of responses for `createServer`, which carry the operator's headers and, beside those, the usual ones.
 *
 * @param began called with every response that is made, those that Node answers on its own among them
 */
export function guardedResponse(
  operatorsHeaders: () => ReadonlyMap<string, string>,
  began: (response: ServerResponse) => void,
) {
  return class<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
    constructor(...parameters: ConstructorParameters<typeof ServerResponse<Request>>) {
      super(...parameters);
      began(this);
    }

    /** Called for every head, by node too when a body comes without one. */
    override writeHead(statusCode: number, ...rest: unknown[]): this {
      for (const [name, value] of SECURITY_HEADERS) if (!this.hasHeader(name)) this.setHeader(name, value);
      for (const [name, value] of operatorsHeaders()) this.setHeader(name, asSent(value));
      return Reflect.apply(super.writeHead, this, [statusCode, ...rest]);
    }
  };
}

/** A whole answer without a body, in bytes, for a client with which no answer of node's can be begun. The connection is to be closed after it. */
export function guardedFarewell(
  statusCode: number,
  operatorsHeaders: ReadonlyMap<string, string>,
  own: Readonly<Record<string, string>> = {},
): Buffer {
  const operators = [...operatorsHeaders].map(([name, value]) => [name, asSent(value)] as const);
  const usual = { ...own, Connection: 'close', 'Content-Length': '0' };
  const headers = new Map([...Object.entries(usual), ...SECURITY_HEADERS, ...operators]);
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\n${lines.join('')}\r\n`, 'latin1');
}

/** Bytes of UTF-8 as the characters that stand for them in a head. */
function asSent(value: string): string {
  return Buffer.from(value).toString('latin1');
}
