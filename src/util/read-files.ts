// Files that settings were read from, and whether any of them has changed.
import { type BigIntStats, statSync } from 'node:fs';
import { readWithin } from './bounded-read.ts';
import { MAX_PIPE_WAIT_MS } from './yaml/read-text.ts';

/** Far more than any chain of certificates needs. */
const MAX_BYTES = 2 ** 20;
/** File systems count time in steps: a file that changed this recently may change again with the same time stamp. */
const RECENT_MS = 100;
/** The stamp of a pipe or a device. It can be read only once, so its content stays. */
const NO_FILE = 'no file';

type ReadFile = { readonly stamp: string; readonly content: Buffer | undefined };

/** Reads files and remembers what it read. */
export class ReadFiles {
  readonly #files = new Map<string, ReadFile>();
  readonly #before: ReadonlyMap<string, ReadFile> | undefined;
  /** The end of the wait for all pipes together: this thread handles no signals meanwhile. */
  #pipesUntilMs: number | undefined;

  /** @param before the files as they were read the last time */
  constructor(before?: ReadFiles) {
    this.#before = before === undefined ? undefined : before.#files;
  }

  /** The content of a file. Throws the system's error. */
  read(path: string): Buffer {
    // Taken before the file is read, so that a change meanwhile is seen the next time.
    const stamp = stampOf(path);
    const before = this.#before?.get(path);
    let content = stamp === NO_FILE && before?.stamp === NO_FILE ? before.content : undefined;
    try {
      content ??= readWithin(path, { maxBytes: MAX_BYTES, maxWaitMs: this.#maxWaitMs() });
      return content;
    } finally {
      this.#files.set(path, { stamp, content });
    }
  }

  /** Only at the start: while the program runs, it does not wait for a pipe that has replaced a file. */
  #maxWaitMs(): number {
    if (this.#before) return 0;
    const nowMs = performance.now();
    this.#pipesUntilMs ??= nowMs + MAX_PIPE_WAIT_MS;
    return Math.max(0, this.#pipesUntilMs - nowMs);
  }

  /** Whether no file has changed since it was read, by its size and times. */
  areUntouched(): boolean {
    return [...this.#files].every(([path, { stamp }]) => stamp !== '' && stampOf(path) === stamp);
  }

  /** Whether both have the same files with the same content. */
  equals(other: ReadFiles): boolean {
    const others = other.#files;
    const isSame = ([path, { content }]: [string, ReadFile]) =>
      others.has(path) && sameContent(content, others.get(path)?.content);
    return this.#files.size === others.size && [...this.#files].every(isSame);
  }
}

function sameContent(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other);
}

/** Different after any change, also behind symbolic links; empty when the file has changed too recently to be sure. */
function stampOf(path: string): string {
  try {
    const stats = statSync(path, { bigint: true });
    if (!stats.isFile()) return NO_FILE;
    return isRecent(stats) ? '' : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'error';
  }
}

function isRecent({ mtimeMs, ctimeMs }: BigIntStats): boolean {
  const ageMs = Date.now() - Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
  return Math.abs(ageMs) < RECENT_MS;
}
