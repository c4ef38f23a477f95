// Saves what is known every interval in which something changed, and once more at the end.
import type { SaveStatus } from '../model/exporter-status.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { Storage } from './storage.ts';

/** What is saved. */
export interface SnapshotSource {
  /** Whether anything changed since {@link records} was last called. */
  changed(): boolean;
  /**
   * Begins a snapshot. The records are taken over several turns of the event loop, so things may change between two of them: a change after this
   * call counts for {@link changed}, whether or not the snapshot still includes it.
   */
  records(): Iterable<object>;
}

export type SaverOptions = {
  readonly storage: Pick<Storage, 'save'>;
  readonly source: SnapshotSource;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
};

/** A save that takes longer than this is shown as failed: the disk hangs. */
const HANGS_AFTER_MS = 60_000;

export class Saver {
  readonly #options: SaverOptions;
  #status: SaveStatus = { successful: undefined, savedMs: undefined, durationSeconds: undefined };
  /** Whether records were taken that no save has stored. */
  #isOwing = false;
  /** The start of the save under way, by the monotonic clock. */
  #beganMs: number | undefined;
  #lastProblem: string | undefined;

  constructor(options: SaverOptions) {
    this.#options = options;
  }

  /**
   * Saves until `signal` is aborted, then once more if something changed. Saves never overlap. A save that fails is repeated an interval later.
   * Resolves after the last save; never rejects for a save that fails.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, intervalMs } = this.#options;
    let dueMs = clock.monotonic() + intervalMs;
    while (!signal.aborted) {
      const restMs = dueMs - clock.monotonic();
      if (restMs > 0) {
        await clock.sleep(restMs, signal);
        continue;
      }
      dueMs = clock.monotonic() + intervalMs;
      await this.#saveIfChanged();
    }
    await this.#saveIfChanged();
  }

  get status(): SaveStatus {
    const beganMs = this.#beganMs;
    if (beganMs === undefined || this.#options.clock.monotonic() - beganMs < HANGS_AFTER_MS) return this.#status;
    return { ...this.#status, successful: false };
  }

  async #saveIfChanged(): Promise<void> {
    const { source, clock } = this.#options;
    if (!this.#isOwing && !source.changed()) return;
    const beganMs = clock.monotonic();
    this.#beganMs = beganMs;
    const problem = await this.#save();
    this.#beganMs = undefined;
    const durationSeconds = (clock.monotonic() - beganMs) / 1_000;
    const savedMs = problem === undefined ? clock.now() : this.#status.savedMs;
    this.#status = { successful: problem === undefined, savedMs, durationSeconds };
    this.#log(problem);
  }

  /** Gives what went wrong, or undefined. */
  async #save(): Promise<string | undefined> {
    const { source, storage } = this.#options;
    this.#isOwing = true;
    try {
      await storage.save(source.records());
      this.#isOwing = false;
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** A disk that stays full is not news at every save. */
  #log(problem: string | undefined): void {
    const { logger } = this.#options;
    if (problem === this.#lastProblem) return;
    if (problem === undefined) logger.info('state saved again');
    else logger.warn('state not saved', { error: problem });
    this.#lastProblem = problem;
  }
}
