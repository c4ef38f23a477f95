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
  type Stats,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { atEnd, temporaryDirectory } from './leftovers.ts';
import type { Random } from './random.ts';
import type { SavedSuccess, TagName } from './record.ts';

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

/** The text of a file that is a whole state, by its own checksum; undefined for any other. */
function wholeText(file: Buffer): string | undefined {
  try {
    const text = gunzipSync(file).toString();
    const end = text.lastIndexOf('\n', text.length - 2) + 1;
    const { format, version }: { format?: unknown; version?: unknown } = JSON.parse(text.slice(0, text.indexOf('\n')));
    const { records, sha256 }: { records?: unknown; sha256?: unknown } = JSON.parse(text.slice(end));
    const isOurs = format === 'acr-scan-exporter state' && version === 1;
    const isComplete = records === text.slice(0, end).split('\n').length - 2;
    const isSealed = sha256 === createHash('sha256').update(text.slice(0, end)).digest('hex');
    return isOurs && isComplete && isSealed ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Fields of the records that are read here. */
type SavedRecord = {
  readonly kind: string;
  readonly number?: number;
  readonly instance?: string;
  readonly id?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly repository?: number;
  readonly tag?: string;
  readonly digest?: string;
  readonly success?: number;
};

function successesIn(text: string): ReadonlyMap<TagName, SavedSuccess> {
  const records: readonly SavedRecord[] = text
    .trimEnd()
    .split('\n')
    .slice(1, -1)
    .map((line) => JSON.parse(line));
  const repositories = new Map(
    records.filter(({ kind }) => kind === 'repository').map((record) => [record.number, record]),
  );
  const successes = new Map<TagName, SavedSuccess>();
  for (const { kind, repository, tag, digest = '', success: at } of records) {
    const { instance, id: repoId = '', namespace, name } = repositories.get(repository) ?? {};
    if (kind !== 'tag' || at === undefined || !namespace) continue;
    successes.set(`${instance} ${namespace} ${name} ${tag}`, { repoId, digest, at });
  }
  return successes;
}

/** A file that a start can use. */
export type UsableState = {
  /** When it was written, in milliseconds since the epoch. */
  readonly savedAt: number;
  readonly successes: ReadonlyMap<TagName, SavedSuccess>;
};

/** Undefined where there is no such file, or no directory that it might be in. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
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

  /** Fills the disk, again where a save made room; where there is none of its own, puts a file in place of the directory. */
  fill(): void {
    if (!this.#isMounted) {
      if (this.#block === undefined) this.putFileInPlace();
      return;
    }
    mkdirSync(this.path, { recursive: true });
    this.#block = 'full';
    const file = openSync(join(this.#disk, 'filler'), 'a');
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

  /** What a start can use: the present file, else the previous one, if it is whole. */
  usable(): UsableState | undefined {
    for (const name of [PRESENT, PREVIOUS]) {
      const path = join(this.path, name);
      const found = statOf(path);
      const text = found?.isFile() ? wholeText(readFileSync(path)) : undefined;
      if (found !== undefined && text !== undefined) return { savedAt: found.mtimeMs, successes: successesIn(text) };
    }
    return undefined;
  }

  /** When the oldest file was written that a start may use; infinity where there is none. */
  oldestFrom(): number {
    const directory = this.#block === 'a file' ? this.#away : this.path;
    const times = [PRESENT, PREVIOUS].map((name) => statOf(join(directory, name))?.mtimeMs ?? Number.POSITIVE_INFINITY);
    return Math.min(...times);
  }

  /** Damages the present file, and the previous one too if that is wanted, as far as they are there. */
  damage(damage: Damage, random: Random, both = false): void {
    for (const name of both ? [PRESENT, PREVIOUS] : [PRESENT]) {
      const path = join(this.path, name);
      const found = statOf(path);
      if (found === undefined || !found.isFile() || wholeText(readFileSync(path)) === undefined) continue;
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
