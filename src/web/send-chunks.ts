// Sends a body that is in many pieces, without copying it and without handing the socket more than it takes.
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';

/** How much is handed over at once: enough that system calls do not count, little enough that the event loop does not wait for one. */
const PIECE_BYTES = 1_000_000;
/** Encrypted it is a copy, which stays as long as a slow client takes for it. */
const ENCRYPTED_PIECE_BYTES = 128_000;

/**
 * Writes `chunks` and ends the response. Head and `Content-Length` are the caller's. The chunks must not change until it is done.
 *
 * @returns when all is handed to the operating system, or as soon as the client is gone; never rejects
 */
export async function sendChunks(response: ServerResponse, chunks: readonly Buffer[]): Promise<void> {
  const pieceBytes = response.socket instanceof TLSSocket ? ENCRYPTED_PIECE_BYTES : PIECE_BYTES;
  for (let next = 0; next < chunks.length && !response.destroyed; ) {
    next = writePiece(response, chunks, next, pieceBytes);
    if (response.writableNeedDrain) await eventOrClose(response, 'drain');
    // A client that reads as fast as we write lets each write succeed at once: without this the whole body would go in one turn.
    await nextTurn();
  }
  await end(response);
}

/**
 * Writes pieces and ends the response. Each piece is made when the one before was taken, so that a client that does not read costs no more
 * than one of them. Head and encoding are the caller's.
 *
 * @returns when all is handed to the operating system, or as soon as the client is gone. Rejects with what the making of a piece throws;
 * the connection is closed then, since half an answer must not look like a whole one.
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

/** Writes chunks from `first` on as one system call would take them, and returns which is next. */
function writePiece(response: ServerResponse, chunks: readonly Buffer[], first: number, pieceBytes: number): number {
  let next = first;
  response.cork();
  for (let bytes = 0; next < chunks.length && bytes < pieceBytes; next++) {
    const chunk = chunks[next];
    if (!chunk) continue;
    bytes += chunk.length;
    response.write(chunk);
  }
  response.uncork();
  return next;
}

/** Waits for an event that will not come once the response is closed. */
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
