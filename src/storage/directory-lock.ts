// Lets one process at a time use a directory, by a file in it that says which.
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rm, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../util/clock.ts';
import { codeOf } from '../util/error-code.ts';
import type { Logger } from '../util/logger.ts';
import { StorageInUseError } from './storage.ts';

const FILE = 'lock';
/** How often the process that has the lock renews its time. */
export const RENEWED_EVERY_MS = 5_000;
/** A lock of another host that nothing renews for so long was left behind. */
const ABANDONED_AFTER_MS = 3 * RENEWED_EVERY_MS;
/** A lock of another host with a time so long ago was left behind, unless the clocks of the two differ by more. */
const LONG_AGO_MS = 600_000;
const LOOK_AGAIN_MS = 1_000;
/** Attempts to take a lock that others take and leave at the same time. */
const ATTEMPTS = 5;

/** The process that has a lock. */
type LockHolder = {
  /** Different for every lock that was ever taken. */
  readonly token: string;
  readonly pid: number;
  /** When the process started, as Linux counts it; undefined elsewhere. Another process that got the same pid started at another time. */
  readonly started: string | undefined;
  readonly host: string;
};

type Found = { readonly text: string; readonly holder: LockHolder | undefined; readonly renewedMs: number };

export type DirectoryLockOptions = {
  readonly pid: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when the process no longer wants the lock: ends a wait. */
  readonly signal: AbortSignal;
  /** The name of this host. */
  readonly host?: string;
};

export class DirectoryLock {
  readonly #directory: string;
  readonly #name: string;
  readonly #path: string;
  readonly #options: DirectoryLockOptions;
  readonly #host: string;
  readonly #token = randomUUID();
  /** The attempt under way: a renewal and a save never make two. */
  #holding: Promise<void> | undefined;

  /** @param name of the file */
  constructor(directory: string, options: DirectoryLockOptions, name = FILE) {
    this.#directory = directory;
    this.#name = name;
    this.#path = join(directory, name);
    this.#options = options;
    this.#host = options.host ?? hostname();
  }

  /**
   * Takes the lock, or renews it. A lock that its process left behind is replaced. Waits up to 15 s to see whether a process on another host
   * still renews its lock.
   *
   * @throws {StorageInUseError} when another living process has the lock
   * @throws when the file cannot be read or written
   */
  hold(): Promise<void> {
    this.#holding ??= this.#hold().finally(() => {
      this.#holding = undefined;
    });
    return this.#holding;
  }

  async #hold(): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (await this.#create()) return;
      const found = await this.#read();
      if (found === undefined) continue;
      if (found.holder?.token === this.#token) return this.#renew();
      if (await this.#isInUse(found)) throw new StorageInUseError(describe(this.#path, found.holder));
      await this.#removeLeftBehind(found);
    }
    throw new StorageInUseError(`${this.#path}: other processes take it all the time`);
  }

  /** Removes the lock if this process has it. Never rejects. */
  async release(): Promise<void> {
    try {
      const found = await this.#read();
      if (found?.holder?.token === this.#token) await rm(this.#path);
    } catch {
      // What cannot be removed is found to be left behind by the next process.
    }
  }

  /** Gives false if there is a lock already. */
  async #create(): Promise<boolean> {
    const { pid } = this.#options;
    const holder: LockHolder = {
      token: this.#token,
      pid,
      started: (await processStat(pid))?.started,
      host: this.#host,
    };
    const handle = await open(this.#path, 'wx', 0o600).catch((error: unknown) => {
      if (codeOf(error) === 'EEXIST') return undefined;
      throw error;
    });
    if (handle === undefined) return false;
    try {
      await handle.writeFile(`${JSON.stringify(holder)}\n`);
      return true;
    } catch (error) {
      await rm(this.#path, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  }

  /** Undefined if there is no lock. */
  async #read(): Promise<Found | undefined> {
    try {
      // Network file systems look at the server again when a file is opened.
      // Opening a pipe would wait for its writer, and reading a device might never end.
      const handle = await open(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const stats = await handle.stat();
        if (!stats.isFile()) throw new Error(`${this.#path}: expected a regular file, found a file of another kind`);
        const text = await handle.readFile('utf8');
        return { text, holder: parseHolder(text), renewedMs: stats.mtimeMs };
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #renew(): Promise<void> {
    const seconds = this.#options.clock.now() / 1_000;
    await utimes(this.#path, seconds, seconds);
  }

  async #isInUse(found: Found): Promise<boolean> {
    const { holder } = found;
    if (holder?.host === this.#host && holder.started !== undefined) {
      const stat = await processStat(holder.pid);
      return stat?.started === holder.started && !stat.hasEnded;
    }
    if (this.#options.clock.now() - found.renewedMs > LONG_AGO_MS) return false;
    return this.#isRenewed(found);
  }

  async #isRenewed({ text, holder, renewedMs }: Found): Promise<boolean> {
    const { clock, logger, signal } = this.#options;
    const longestMs = holder === undefined ? LOOK_AGAIN_MS : ABANDONED_AFTER_MS;
    if (holder !== undefined) {
      const fields = { lock: this.#path, pid: holder.pid, host: holder.host, seconds: longestMs / 1_000 };
      logger.info('waiting to see whether a process on another host still uses the storage', fields);
    }
    const endMs = clock.monotonic() + longestMs;
    while (clock.monotonic() < endMs && !signal.aborted) {
      await clock.sleep(LOOK_AGAIN_MS, signal);
      const found = await this.#read();
      if (found?.text !== text) return false;
      if (found.renewedMs !== renewedMs) return true;
    }
    return signal.aborted;
  }

  /**
   * Removes a lock that was left behind. Several processes may find the same one: each looks at it again and removes it while it has a lock for just
   * that, so none removes what another has taken since.
   */
  async #removeLeftBehind({ text }: Found): Promise<void> {
    const hash = createHash('sha256').update(`${this.#name} ${text}`).digest('hex').slice(0, 16);
    const removal = new DirectoryLock(this.#directory, this.#options, `${FILE}.${hash}`);
    try {
      await removal.hold();
    } catch (error) {
      if (error instanceof StorageInUseError) return;
      // On a full volume, what is removed makes room.
      if (codeOf(error) !== 'ENOSPC' && codeOf(error) !== 'EDQUOT') throw error;
    }
    try {
      if ((await this.#read())?.text === text) await rm(this.#path, { force: true });
    } finally {
      await removal.release();
    }
  }
}

/** What Linux says of a process; undefined if there is none with this pid, and on other systems. */
async function processStat(pid: number): Promise<{ started: string; hasEnded: boolean } | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  if (stat === undefined) return undefined;
  // The second field is the name of the program in parentheses, which may hold anything. The state is the third, the start time the 22nd.
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { started: `${bootId.trim()} ${fields[18]}`, hasEnded: /[ZXx]/.test(state) };
}

/** Undefined for a lock that is being written, or whose process ended meanwhile. */
function parseHolder(text: string): LockHolder | undefined {
  try {
    const { token, pid, started, host }: Record<string, unknown> = Object(JSON.parse(text));
    if (typeof token !== 'string' || typeof pid !== 'number' || typeof host !== 'string') return undefined;
    return { token, pid, started: typeof started === 'string' ? started : undefined, host };
  } catch {
    return undefined;
  }
}

function describe(path: string, holder: LockHolder | undefined): string {
  const process = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
  return `${path}: ${process} uses this directory: stop it, or choose another --storage.path`;
}
