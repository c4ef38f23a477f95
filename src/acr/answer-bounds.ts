// Bounds what is read of answers to requests that others make in this process: the credentials package asks a security token
// service, the metadata service or a credentials URI, and would read an answer that does not end until the memory is full.
import type { ClientRequest, IncomingMessage } from 'node:http';

/** How much of an answer is read, and how long it may take from the start of the request to the last byte. */
export type AnswerBounds = { readonly mostBytes: number; readonly withinMs: number };

/** The real answers have some kilobytes, and the packages that ask give up themselves a little earlier. */
export const ANSWER_BOUNDS: AnswerBounds = { mostBytes: 1024 * 1024, withinMs: 10_000 };

/**
 * Closes the connection of a request that has just started when its answer breaks the bounds or comes compressed. Whoever made
 * the request gets an error that says so, from the request or from the answer, whichever they wait for.
 */
export function boundAnswer(request: ClientRequest, { mostBytes, withinMs }: AnswerBounds): void {
  let end = (reason: string): unknown => request.destroy(new Error(reason));
  const deadline = setTimeout(() => end(`no whole answer within ${withinMs} ms`), withinMs);
  request.once('close', () => clearTimeout(deadline));
  request.prependOnceListener('response', (response) => {
    end = (reason) => endAnswer(response, reason);
    const encoding = response.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity' && !request.hasHeader('accept-encoding')) {
      // It would be unpacked by whoever reads it, to any size.
      delete response.headers['content-encoding'];
      end(`the answer is encoded as ${encoding}, which was not asked for`);
      return;
    }
    watchSize(response, mostBytes, () => end(`the answer has more than ${mostBytes} bytes`));
  });
}

/** A `data` listener would take the chunks from whoever reads them later, so the parser's way into the stream is watched. */
function watchSize(response: IncomingMessage, mostBytes: number, exceeded: () => void): void {
  let size = 0;
  const push = response.push;
  response.push = (chunk: Buffer | null, ...rest) => {
    size += chunk?.length ?? 0;
    if (size <= mostBytes) return push.call(response, chunk, ...rest);
    exceeded();
    return false;
  };
}

/** Whoever got the answer just now listens to its errors only when the present turn of the event loop is over. */
function endAnswer(response: IncomingMessage, reason: string): void {
  response.push = () => false;
  setImmediate(() => response.destroy(new Error(reason)));
}
