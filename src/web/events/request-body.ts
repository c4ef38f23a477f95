// Reads the body of a request within a bound.
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../util/clock.ts';

/** How long the rest of a body may take that is thrown away. */
const DISCARD_MS = 5_000;

/** The body, or undefined as soon as it is larger than `maxBytes`. Rejects with the error of the connection when that closes before the end. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    let parts: Buffer[] = [];
    let bytes = 0;
    request.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes <= maxBytes) parts.push(part);
      else parts = [];
      if (bytes > maxBytes) resolve(undefined);
    });
    request.on('end', () => resolve(Buffer.concat(parts)));
    request.on('error', reject);
    request.on('close', () => reject(Object.assign(new Error('the client is gone'), { code: 'ECONNRESET' })));
  });
}

/**
 * Reads the rest of a body and throws it away. A connection that is closed before a client has sent everything is reset, and the client may never
 * see the answer. Resolves at the end of the body, after some seconds, or when the connection closes; never rejects.
 */
export async function discardBody(request: IncomingMessage, clock: Pick<Clock, 'sleep'>): Promise<void> {
  const over = new AbortController();
  for (const event of ['end', 'close', 'error']) request.once(event, () => over.abort());
  request.resume();
  if (!request.complete) await clock.sleep(DISCARD_MS, over.signal);
}
