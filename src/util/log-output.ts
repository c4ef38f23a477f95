// Writes the lines of the log without waiting for their reader. If it stalls, a limited number of bytes is kept for it; further lines are
// dropped and counted.
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Enough for hours: an outage logs some kilobytes a minute. */
const MAX_WAITING_BYTES = 2 ** 20;
/** The pause before the next try to write to a stopped terminal. */
const RETRY_MS = 100;

/** The part of Node's writable streams that is used here. */
export interface LineSink {
  /** Bytes that were accepted and are not written yet. */
  readonly writableLength: number;
  /** Accepts a text, however much waits already. Calls `done` when it is written, or with the error if it is lost. */
  write(text: string, done: (error?: Error | null) => void): unknown;
  on(event: 'error', listener: () => void): unknown;
}

/** Writes finished lines to one sink. Never throws and never blocks. */
export class LogOutput {
  /** Called with the number of lost lines when the reader has caught up. */
  onResumed: ((lostLines: number) => void) | undefined;
  readonly #sink: LineSink;
  #dropped = 0;
  /** The number of dropped lines that {@link onResumed} was called with. */
  #reported = 0;

  constructor(sink: LineSink) {
    this.#sink = sink;
    // Each write gets its own error. Without a listener the event would end the process.
    sink.on('error', () => undefined);
  }

  /** The number of lost lines: too many bytes waited already, or the reader was gone. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes a line, which ends in a newline. */
  write(line: string): void {
    if (this.#sink.writableLength + line.length > MAX_WAITING_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#sink.write(line, (error) => this.#written(error));
  }

  /** Resolves when every line is written, or after `maxMs` milliseconds. */
  async flush(maxMs: number): Promise<void> {
    if (this.#sink.writableLength === 0) return;
    const written = new Promise<void>((resolve) => this.#sink.write('', () => resolve()));
    await Promise.race([written, sleep(maxMs)]);
  }

  #written(error: Error | null | undefined): void {
    if (error) this.#dropped += 1;
    else if (this.#dropped > this.#reported && this.#sink.writableLength === 0) {
      const lost = this.#dropped - this.#reported;
      this.#reported = this.#dropped;
      this.onResumed?.(lost);
    }
  }
}

/**
 * The sink for a descriptor. Node writes to pipes and sockets without blocking, and without a thread that `process.exit` would wait
 * for. To a terminal, which stalls after Ctrl-S, and to a file it writes blocking, and throws when the disk is full.
 *
 * @param standard gives Node's own stream for the descriptor
 */
export function logSink(descriptor: number, standard: () => LineSink): LineSink {
  const kind = fstatSync(descriptor);
  if (kind.isFIFO() || kind.isSocket()) return standard();
  return new DescriptorSink(kind.isCharacterDevice() ? nonBlocking(descriptor) : descriptor);
}

/** Opens a terminal a second time: a change of the descriptor's own mode would affect every process that shares it. */
function nonBlocking(descriptor: number): number {
  try {
    return openSync(`/dev/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return descriptor;
  }
}

type Waiting = { bytes: Buffer; readonly done: (error?: Error) => void };

class DescriptorSink implements LineSink {
  writableLength = 0;
  readonly #descriptor: number;
  readonly #waiting: Waiting[] = [];

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Every error belongs to one line: the next one may succeed. */
  on(): void {}

  write(text: string, done: (error?: Error) => void): void {
    const bytes = Buffer.from(text);
    this.writableLength += bytes.length;
    this.#waiting.push({ bytes, done });
    if (this.#waiting.length === 1) this.#drain();
  }

  #drain(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const error = this.#writeSome(next);
      if (error !== undefined && 'code' in error && error.code === 'EAGAIN') {
        setTimeout(() => this.#drain(), RETRY_MS);
        return;
      }
      if (error === undefined && next.bytes.length > 0) continue;
      this.writableLength -= next.bytes.length;
      this.#waiting.shift();
      next.done(error);
    }
  }

  #writeSome(next: Waiting): Error | undefined {
    try {
      const written = writeSync(this.#descriptor, next.bytes);
      next.bytes = next.bytes.subarray(written);
      this.writableLength -= written;
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}
