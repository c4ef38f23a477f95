// The security headers of every answer, also of those that Node writes by itself.
import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http';

/** Other sites must not embed or read anything here, and do not learn where a link was followed. */
const SECURITY_HEADERS: ReadonlyMap<string, string> = new Map([
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'deny'],
  ['Referrer-Policy', 'no-referrer'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
]);

/**
 * A class of responses for `createServer` with the configured headers and, where they do not say otherwise, the usual ones.
 *
 * @param onResponse called with every response, also those that Node answers by itself
 */
export function responseWithHeaders(
  configuredHeaders: () => ReadonlyMap<string, string>,
  onResponse: (response: ServerResponse) => void,
) {
  return class<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
    constructor(...parameters: ConstructorParameters<typeof ServerResponse<Request>>) {
      super(...parameters);
      onResponse(this);
    }

    /** Called for every head, also by Node when a body is written without one. */
    override writeHead(statusCode: number, ...rest: unknown[]): this {
      for (const [name, value] of SECURITY_HEADERS) if (!this.hasHeader(name)) this.setHeader(name, value);
      for (const [name, value] of configuredHeaders()) this.setHeader(name, asLatin1(value));
      return Reflect.apply(super.writeHead, this, [statusCode, ...rest]);
    }
  };
}

/** A whole response without a body as bytes, for a connection on which Node has no response to write. Close the connection after it. */
export function closingResponse(
  statusCode: number,
  configuredHeaders: ReadonlyMap<string, string>,
  more: Readonly<Record<string, string>> = {},
): Buffer {
  const configured = [...configuredHeaders].map(([name, value]) => [name, asLatin1(value)] as const);
  const usual = { ...more, Connection: 'close', 'Content-Length': '0' };
  const headers = new Map([...Object.entries(usual), ...SECURITY_HEADERS, ...configured]);
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\n${lines.join('')}\r\n`, 'latin1');
}

/** The UTF-8 bytes of a text as characters of Latin-1, the encoding of a head. */
function asLatin1(value: string): string {
  return Buffer.from(value).toString('latin1');
}
