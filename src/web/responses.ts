// Sends answers: a line of text, or a body in many pieces, without copying it and without filling the socket's buffer.
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type { Context } from 'koa';

/** Written at once: enough to make the cost of system calls small, and little enough not to block the event loop. */
const BATCH_BYTES = 1_000_000;
/** Encrypted bytes are a copy, which stays in memory until a slow client has read it. */
const ENCRYPTED_BATCH_BYTES = 128_000;

/** Answers with a line of text, or several. */
export function answerPlainly(ctx: Context, status: number, text: string): void {
  ctx.status = status;
  ctx.type = 'text/plain; charset=utf-8';
  ctx.body = `${text}\n`;
}

/**
 * Writes `chunks` and ends the response. The caller sets the head with `Content-Length`. The chunks must not change meanwhile.
 *
 * Resolves when the operating system has taken all, or when the connection is closed; never rejects.
 */
export async function sendChunks(response: ServerResponse, chunks: readonly Buffer[]): Promise<void> {
  const batchBytes = response.socket instanceof TLSSocket ? ENCRYPTED_BATCH_BYTES : BATCH_BYTES;
  for (let next = 0; next < chunks.length && !response.destroyed; ) {
    next = writeBatch(response, chunks, next, batchBytes);
    // Without `Content-Length`, Node.js 22 emits no `drain` if the system took everything at once: https://github.com/nodejs/node/issues/60432
    if (response.writableNeedDrain && response.writableLength > 0) await eventOrClose(response, 'drain');
    // With a client that reads fast enough, every write succeeds at once, and the whole body would be written in one turn.
    await nextTurn();
  }
  await end(response);
}

/**
 * Writes pieces and ends the response. Each piece is made when the previous one was taken, so that a client that does not read costs the
 * memory of one piece. The caller sets the head.
 *
 * Resolves when the operating system has taken all, or when the connection is closed. Rejects with the error of a piece; it closes the
 * connection then, since half an answer must not look like a whole one.
 */
export async function sendPieces(response: ServerResponse, pieces: AsyncIterable<string>): Promise<void> {
  try {
    for await (const piece of pieces) {
      if (response.destroyed) return;
      if (!response.write(piece)) await eventOrClose(response, 'drain');
    }
  } catch (error) {
    response.destroy();
    throw error;
  }
  await end(response);
}

async function end(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  response.end();
  if (!response.writableFinished) await eventOrClose(response, 'finish');
}

/** Writes chunks from `first` on in one system call, and returns the index of the next one. */
function writeBatch(response: ServerResponse, chunks: readonly Buffer[], first: number, batchBytes: number): number {
  let next = first;
  response.cork();
  for (let bytes = 0; next < chunks.length && bytes < batchBytes; next++) {
    const chunk = chunks[next];
    if (!chunk) continue;
    bytes += chunk.length;
    response.write(chunk);
  }
  response.uncork();
  return next;
}

/** Waits for an event, or for the end of the response, after which the event does not come. */
function eventOrClose(response: ServerResponse, event: 'drain' | 'finish'): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off(event, done);
      response.off('close', done);
      resolve();
    };
    response.on(event, done);
    response.on('close', done);
  });
}
