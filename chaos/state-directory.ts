// The directory in which the exporter keeps its state, on a small disk of its own where this program may mount one: what is in it between two
// processes, and what becomes of it. The format is read here anew, as docs/storage.md has it: nothing of the exporter decides what is good.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { atEnd, temporaryDirectory } from './leftovers.ts';
import type { Random } from './random.ts';

const PRESENT = 'state.ndjson.gz';
const PREVIOUS = 'state.previous.ndjson.gz';
/** More than seven times what the files of a run take. */
const DISK_SIZE = '256k';
const PAGE = Buffer.alloc(4_096, 1);

/** Changes what is in a whole state file; undefined takes the file away, and a directory comes in its place for `'directory'`. */
export type Damage = (file: Buffer, random: Random) => Buffer | 'directory' | undefined;

export function torn(file: Buffer, random: Random): Buffer {
  return file.subarray(0, random.whole(1, file.length - 1));
}

export function withFlippedByte(file: Buffer, random: Random): Buffer {
  const changed = Buffer.from(file);
  const at = random.whole(0, file.length - 1);
  changed[at] = (changed[at] ?? 0) ^ (1 << random.whole(0, 7));
  return changed;
}

/** A whole gzip file in which complete scans have failed, and the checksum is that of before. */
export function withOtherStatuses(file: Buffer): Buffer {
  const text = gunzipSync(file).toString();
  const swap = (_: string, status: string) => `"status":"${status === 'complete' ? 'failed' : 'complete'}"`;
  return gzipSync(text.replace(/"status":"(complete|failed)"/g, swap));
}

export function replaced(file: Buffer, random: Random): Buffer | 'directory' | undefined {
  return random.one([
    () => Buffer.alloc(0),
    () => Buffer.from('not ours'),
    () => gzipSync('{"format":"something else"}\n'),
    () => sealed(gunzipSync(file).toString().replace('"version":1,', '"version":99,')),
    () => 'directory' as const,
    () => undefined,
  ])();
}

/** The text of a state with the checksum that it has to have. */
function sealed(text: string): Buffer {
  const lines = text.trimEnd().split('\n').slice(0, -1);
  const body = `${lines.join('\n')}\n`;
  const sha256 = createHash('sha256').update(body).digest('hex');
  return gzipSync(`${body}${JSON.stringify({ records: lines.length - 1, sha256 })}\n`);
}

/** Whether a file is a whole state, by its own checksum. */
function isWhole(file: Buffer): boolean {
  try {
    const text = gunzipSync(file).toString();
    const end = text.lastIndexOf('\n', text.length - 2) + 1;
    const { format, version }: { format?: unknown; version?: unknown } = JSON.parse(text.slice(0, text.indexOf('\n')));
    const { records, sha256 }: { records?: unknown; sha256?: unknown } = JSON.parse(text.slice(end));
    const isOurs = format === 'acr-scan-exporter state' && version === 1;
    const isComplete = records === text.slice(0, end).split('\n').length - 2;
    return isOurs && isComplete && sha256 === createHash('sha256').update(text.slice(0, end)).digest('hex');
  } catch {
    return false;
  }
}

export class StateDirectory {
  readonly #disk: string;
  readonly #removeDisk: () => void;
  readonly #isMounted: boolean;
  /** Why nothing can be written. */
  #block: 'full' | 'a file' | undefined;

  constructor() {
    let mounted: string | undefined;
    const unmount = () => {
      if (mounted !== undefined) spawnSync('umount', ['-l', mounted]);
      mounted = undefined;
    };
    // Before the directory is removed, which is under the disk.
    const takeBack = atEnd(unmount);
    const { path, remove } = temporaryDirectory('chaos-disk');
    this.#disk = path;
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_SIZE},mode=0700`, 'chaos', path]);
    this.#isMounted = status === 0;
    if (this.#isMounted) mounted = path;
    this.#removeDisk = () => {
      unmount();
      takeBack();
      remove();
    };
  }

  get path(): string {
    return join(this.#disk, 'state');
  }

  get block(): 'full' | 'a file' | undefined {
    return this.#block;
  }

  /** Fills the disk; where there is none of its own, puts a file in place of the directory. */
  fill(): void {
    if (!this.#isMounted) {
      this.putFileInPlace();
      return;
    }
    mkdirSync(this.path, { recursive: true });
    this.#block = 'full';
    const file = openSync(join(this.#disk, 'filler'), 'w');
    try {
      while (true) writeSync(file, PAGE);
    } catch {
      // It is full.
    } finally {
      closeSync(file);
    }
  }

  putFileInPlace(): void {
    mkdirSync(this.path, { recursive: true });
    this.#block = 'a file';
    renameSync(this.path, this.#away);
    writeFileSync(this.path, '');
  }

  /** Makes room again, and puts the directory back. */
  unblock(): void {
    if (this.#block === 'full') rmSync(join(this.#disk, 'filler'));
    if (this.#block === 'a file') {
      rmSync(this.path);
      renameSync(this.#away, this.path);
    }
    this.#block = undefined;
  }

  get #away(): string {
    return join(this.#disk, 'state.away');
  }

  /** When the file that a start can use was written, in milliseconds since the epoch: the present one, else the previous one, if it is whole. */
  usableFrom(): number | undefined {
    for (const name of [PRESENT, PREVIOUS]) {
      const path = join(this.path, name);
      const found = statSync(path, { throwIfNoEntry: false });
      if (found?.isFile() && isWhole(readFileSync(path))) return found.mtimeMs;
    }
    return undefined;
  }

  /** When the oldest file was written that a start may use; infinity where there is none. */
  oldestFrom(): number {
    const directory = this.#block === 'a file' ? this.#away : this.path;
    const times = [PRESENT, PREVIOUS].map((name) => {
      try {
        return statSync(join(directory, name)).mtimeMs;
      } catch {
        return Number.POSITIVE_INFINITY;
      }
    });
    return Math.min(...times);
  }

  /** Damages the present file, and the previous one too if that is wanted, as far as they are there. */
  damage(damage: Damage, random: Random, both = false): void {
    for (const name of both ? [PRESENT, PREVIOUS] : [PRESENT]) {
      const path = join(this.path, name);
      const found = statSync(path, { throwIfNoEntry: false });
      if (found === undefined || !found.isFile() || !isWhole(readFileSync(path))) continue;
      const changed = damage(readFileSync(path), random);
      rmSync(path);
      if (changed === 'directory') mkdirSync(path);
      else if (changed !== undefined) writeFileSync(path, changed);
      else continue;
      // A change that does no harm leaves a file that was written when it was.
      utimesSync(path, found.mtimeMs / 1_000, found.mtimeMs / 1_000);
    }
  }

  remove(): void {
    this.#removeDisk();
  }
}
