// Reads what came in over HTTP.
import type { IncomingMessage } from 'node:http';
import type { SignedRequest } from './signature.ts';

/** The whole body; throws when it has more than `most` bytes or the connection breaks. */
export async function readBody(request: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > most) throw new RangeError(`expected a body of at most ${most} bytes, found more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The request in the form in which it was signed. */
export function toSignedRequest(request: IncomingMessage, body: Buffer): SignedRequest {
  const { path, query } = targetOf(request);
  const headers = new Map(
    Object.entries(request.headersDistinct).map(([name, values]) => [name, values ?? []] as const),
  );
  return { method: request.method ?? '', path, query: [...new URLSearchParams(query)], headers, body };
}

/** The request target's path as it was sent, and the text after the first question mark. */
export function targetOf({ url = '/' }: IncomingMessage): { path: string; query: string } {
  const mark = url.indexOf('?');
  return mark < 0 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}
