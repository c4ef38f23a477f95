// Reads a file of whatever kind within bounds of size and time. A pipe without a writer blocks whoever opens it, and a thread that
// blocks in the system can neither be interrupted nor does the process end before it.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 2 ** 20;
/** A pipe, which may get its content later, is looked at again after this. */
const LOOK_AGAIN_MS = 20;

export type ReadBounds = {
  readonly mostBytes: number;
  /** How long a pipe or a terminal may take, during which this thread waits. A regular file is read at once. */
  readonly mostMs: number;
};

/** The content of a file. Throws the system's error, or one with the code `EFBIG` or `ETIMEDOUT` beyond a bound. */
export function readWithin(path: string, { mostBytes, mostMs }: ReadBounds): Buffer {
  const deadlineMs = performance.now() + mostMs;
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const isPipe = fstatSync(descriptor).isFIFO();
    const chunks: Buffer[] = [];
    for (let total = 0; ; ) {
      const chunk = readSome(descriptor);
      // An empty pipe may be one that nothing has opened for writing yet.
      const isEnd = chunk?.length === 0 && !(isPipe && total === 0);
      if (isEnd) return Buffer.concat(chunks);
      total += chunk?.length ?? 0;
      if (total > mostBytes) throw failure('EFBIG', `more than ${mostBytes} bytes`);
      if (chunk !== undefined && chunk.length > 0) chunks.push(chunk);
      else if (performance.now() >= deadlineMs) throw failure('ETIMEDOUT', `no end within ${mostMs} ms`);
      else pause(LOOK_AGAIN_MS);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The next bytes: none at the end, undefined while a writer has more to come. */
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
