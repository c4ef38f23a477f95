// Reads the body of a request within a bound.
import type { IncomingMessage } from 'node:http';

/**
 * The body, or undefined as soon as it is larger than `maxBytes`; the rest is read and thrown away, so that the client sees the answer. Rejects
 * with the error of the connection when that closes before the end.
 */
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
