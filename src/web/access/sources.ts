// The files that a web configuration was read from, and whether any of them is another one by now.
import { type BigIntStats, statSync } from 'node:fs';
import { readWithin } from '../../util/read-within.ts';
import { MAX_PIPE_WAIT_MS } from '../../util/yaml/read-text.ts';

/** Far more than certificates of any chain take. */
const MAX_BYTES = 2 ** 20;
/** File systems count time in steps: a file as young as this may change again within the same one. */
const YOUNG_MS = 100;
/** The stamp of a pipe or a device: it can be read but once, and what came out of it stays. */
const NO_FILE = 'no file';

type Source = { readonly stamp: string; readonly content: Buffer | undefined };

/** Reads files and remembers what it read. */
export class Sources {
  readonly #sources = new Map<string, Source>();
  readonly #before: ReadonlyMap<string, Source> | undefined;
  /** Until when pipes are waited for, all together: meanwhile this thread heeds no signal. */
  #pipesUntilMs: number | undefined;

  /** @param before what was read the last time */
  constructor(before?: Sources) {
    this.#before = before === undefined ? undefined : before.#sources;
  }

  /** The content of a file. Throws the system's error. */
  read(path: string): Buffer {
    // Before the file is read: what changes meanwhile is seen the next time.
    const stamp = stampOf(path);
    const before = this.#before?.get(path);
    let content = stamp === NO_FILE && before?.stamp === NO_FILE ? before.content : undefined;
    try {
      content ??= readWithin(path, { maxBytes: MAX_BYTES, maxWaitMs: this.#patienceMs() });
      return content;
    } finally {
      this.#sources.set(path, { stamp, content });
    }
  }

  /** While the program runs, nothing waits for a pipe that has taken the place of a file. */
  #patienceMs(): number {
    if (this.#before) return 0;
    const nowMs = performance.now();
    this.#pipesUntilMs ??= nowMs + MAX_PIPE_WAIT_MS;
    return Math.max(0, this.#pipesUntilMs - nowMs);
  }

  /** Whether every file looks as it did when it was read, which is to be had without reading it. */
  areUntouched(): boolean {
    return [...this.#sources].every(([path, { stamp }]) => stamp !== '' && stampOf(path) === stamp);
  }

  /** Whether both read the same from the same files. */
  equals(other: Sources): boolean {
    const others = other.#sources;
    const isSame = ([path, { content }]: [string, Source]) =>
      others.has(path) && sameContent(content, others.get(path)?.content);
    return this.#sources.size === others.size && [...this.#sources].every(isSame);
  }
}

function sameContent(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other);
}

/** Differs after any change, through symbolic links too; empty when the file is too young to tell. */
function stampOf(path: string): string {
  try {
    const stats = statSync(path, { bigint: true });
    if (!stats.isFile()) return NO_FILE;
    return isYoung(stats) ? '' : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'error';
  }
}

function isYoung({ mtimeMs, ctimeMs }: BigIntStats): boolean {
  const ageMs = Date.now() - Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
  return Math.abs(ageMs) < YOUNG_MS;
}
