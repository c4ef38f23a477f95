// What every answer carries, whoever writes it, errors included.
import { type IncomingMessage, ServerResponse } from 'node:http';

/** Nothing here is for other sites to embed or to read, nor theirs to know where a link was followed from. */
const SECURITY_HEADERS: ReadonlyMap<string, string> = new Map([
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'deny'],
  ['Referrer-Policy', 'no-referrer'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
]);

/** A class of responses for `createServer`, which carry the operator's headers and, beside those, the usual ones. */
export function guardedResponse(operatorsHeaders: () => ReadonlyMap<string, string>) {
  return class<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
    /** Called for every head, by node too when a body comes without one. */
    override writeHead(statusCode: number, ...rest: unknown[]): this {
      for (const [name, value] of SECURITY_HEADERS) if (!this.hasHeader(name)) this.setHeader(name, value);
      for (const [name, value] of operatorsHeaders()) this.setHeader(name, Buffer.from(value).toString('latin1'));
      return Reflect.apply(super.writeHead, this, [statusCode, ...rest]);
    }
  };
}
