// Keeps the snapshot in a directory: the present file, the previous one, those that were not good, and a lock.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../util/clock.ts';
import { codeOf } from '../util/error-code.ts';
import type { Logger } from '../util/logger.ts';
import { DirectoryLock, RENEWED_EVERY_MS } from './directory-lock.ts';
import {
  compressor,
  readSnapshot,
  readStart,
  SnapshotFormatError,
  START_BYTES,
  snapshotText,
} from './snapshot-format.ts';
import { type LoadedSnapshot, type Storage, StorageInUseError } from './storage.ts';

const PRESENT = 'state.ndjson.gz';
const PREVIOUS = 'state.previous.ndjson.gz';
const UNFINISHED = 'state.tmp';
const BAD = /^state\.bad-.*\.ndjson\.gz$/;
/** Bad files that are kept for a look at what happened. */
const BAD_FILES = 3;

export type SnapshotFileOptions = {
  readonly directory: string;
  /** The pid of this process, for the lock. */
  readonly pid: number;
  readonly exporterVersion: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The name of this host, for the lock. */
  readonly host?: string;
  /** Opens a file for writing. */
  readonly create?: (path: string) => Promise<FileHandle>;
};

export class SnapshotFile implements Storage {
  readonly #options: SnapshotFileOptions;
  readonly #closing = new AbortController();
  readonly #lock: DirectoryLock;
  #renewing: Promise<void> | undefined;

  constructor(options: SnapshotFileOptions) {
    this.#options = options;
    this.#lock = new DirectoryLock(options.directory, { ...options, signal: this.#closing.signal });
  }

  async load(): Promise<LoadedSnapshot> {
    const { directory, logger } = this.#options;
    try {
      await this.#takeDirectory();
    } catch (error) {
      if (error instanceof StorageInUseError) throw error;
      logger.warn('storage not writable', { directory, error: messageOf(error) });
    }
    this.#renewing ??= this.#renewLock();
    for (const name of [PRESENT, PREVIOUS]) {
      const snapshot = await this.#read(name);
      if (snapshot !== undefined) return snapshot;
    }
    return { records: [], savedMs: undefined };
  }

  async save(records: Iterable<object>): Promise<void> {
    await this.#takeDirectory();
    const unfinished = this.#path(UNFINISHED);
    try {
      await this.#write(unfinished, records);
      await renameIfThere(this.#path(PRESENT), this.#path(PREVIOUS));
      await rename(unfinished, this.#path(PRESENT));
    } catch (error) {
      // On a full disk, a part of a file takes the room that others need.
      await rm(unfinished, { force: true }).catch(() => {});
      throw error;
    }
    await syncDirectory(this.#options.directory);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#renewing;
    await this.#lock.release();
  }

  async #takeDirectory(): Promise<void> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    await this.#lock.hold();
  }

  /** So that a process on another host sees that this one lives. */
  async #renewLock(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      await this.#options.clock.sleep(RENEWED_EVERY_MS, signal);
      if (signal.aborted) return;
      // A save says what is wrong.
      await this.#lock.hold().catch(() => {});
    }
  }

  /** Undefined if there is no file of this name, or no good one. */
  async #read(name: string): Promise<LoadedSnapshot | undefined> {
    const { logger } = this.#options;
    try {
      const snapshot = await readSnapshot(await readWhole(this.#path(name)));
      logger.debug('state loaded', { file: this.#path(name), saved: new Date(snapshot.savedMs).toISOString() });
      return snapshot;
    } catch (error) {
      // What is wrong with the directory itself was logged.
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      const { expected, found } =
        error instanceof SnapshotFormatError ? error : { expected: 'a readable file', found: messageOf(error) };
      logger.warn('state file not used', {
        file: this.#path(name),
        expected,
        found,
        moved_to: await this.#moveAside(name),
      });
      return undefined;
    }
  }

  /** Gives the new path, or undefined if the file could not be moved. */
  async #moveAside(name: string): Promise<string | undefined> {
    const time = new Date(this.#options.clock.now()).toISOString().replace(/[:.]/g, '-');
    const aside = this.#path(`state.bad-${time}${name === PREVIOUS ? '-previous' : ''}.ndjson.gz`);
    try {
      await rename(this.#path(name), aside);
      const bad = (await readdir(this.#options.directory)).filter((each) => BAD.test(each)).sort();
      for (const each of bad.slice(0, -BAD_FILES)) await rm(this.#path(each), { recursive: true });
      return aside;
    } catch {
      return undefined;
    }
  }

  async #write(path: string, records: Iterable<object>): Promise<void> {
    const { exporterVersion, clock, create = createFile } = this.#options;
    await rm(path, { recursive: true, force: true });
    const handle = await create(path);
    try {
      const text = snapshotText(records, exporterVersion, clock.now());
      await pipeline(text, compressor(), async (compressed: AsyncIterable<Buffer>) => {
        for await (const piece of compressed) await handle.writeFile(piece);
      });
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  #path(name: string): string {
    return join(this.#options.directory, name);
  }
}

function createFile(path: string): Promise<FileHandle> {
  return open(path, 'wx', 0o600);
}

/** Reads a snapshot file. Opening a pipe would wait for its writer, and reading a device might never end. */
async function readWhole(path: string): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw new SnapshotFormatError('a regular file', 'a file of another kind');
    // Of a file that is not a snapshot, only the start is read, however large it is.
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    await readStart(buffer.subarray(0, bytesRead));
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

/** Makes renames last. Some file systems cannot, and need not. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'ENOTSUP'].includes(String(codeOf(error)))) throw error;
  } finally {
    await handle.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
