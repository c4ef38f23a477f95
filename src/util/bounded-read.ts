// Reads a file of any kind within bounds of size and time. Opening a pipe without a writer blocks the thread. A thread that blocks in the
// system cannot be interrupted, and the process does not end before it.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 2 ** 20;
/** Time between two reads of a pipe that has no content yet. */
const RETRY_MS = 20;

export type ReadBounds = {
  readonly maxBytes: number;
  /** How long this thread waits for a pipe or a terminal. A regular file is read at once. */
  readonly maxWaitMs: number;
};

/** The content of a file. Throws the system's error; beyond a bound, an error with the code `EFBIG` or `ETIMEDOUT`. */
export function readWithin(path: string, { maxBytes, maxWaitMs }: ReadBounds): Buffer {
  const deadlineMs = performance.now() + maxWaitMs;
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const isPipe = fstatSync(descriptor).isFIFO();
    const chunks: Buffer[] = [];
    for (let total = 0; ; ) {
      const chunk = readSome(descriptor);
      // An empty pipe may be one that no writer has opened yet.
      const isEnd = chunk?.length === 0 && !(isPipe && total === 0);
      if (isEnd) return Buffer.concat(chunks);
      total += chunk?.length ?? 0;
      if (total > maxBytes) throw failure('EFBIG', `more than ${maxBytes} bytes`);
      if (chunk !== undefined && chunk.length > 0) chunks.push(chunk);
      else if (performance.now() >= deadlineMs) throw failure('ETIMEDOUT', `no end within ${maxWaitMs} ms`);
      else pause(RETRY_MS);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The next bytes: none at the end, undefined while a writer may still send some. */
function readSome(descriptor: number): Buffer | undefined {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  try {
    return chunk.subarray(0, readSync(descriptor, chunk));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined;
    throw error;
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
