// Reloads when the content of the configuration file has changed.
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';

/** A program that writes a file in place, or replaces it in two steps, leaves half of it or none for a moment. */
const SETTLE_MS = 1_000;

/** The configuration file. */
export interface WatchedFile {
  /** The checksum of the content that was loaded last, with or without success. */
  readonly loadedChecksum: string;
  /** The checksum of the present content. Never rejects. */
  checksum(): Promise<string>;
}

type AutoReloadDependencies = {
  readonly file: WatchedFile;
  /** The time between two looks at the file. */
  readonly intervalMs: number;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly logger: Logger;
  /** Must not reject. */
  readonly reload: () => Promise<unknown>;
};

/**
 * A content is loaded once, whether it is good or not: a bad file is reported once, and tried again when it changes. A file that is away for a
 * moment is not reported.
 */
export class AutoReload {
  readonly #deps: AutoReloadDependencies;

  constructor(deps: AutoReloadDependencies) {
    this.#deps = deps;
  }

  /** Looks at the file until `signal` is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, intervalMs, logger, reload } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(intervalMs, signal);
      if (!(await this.#hasChanged(signal))) continue;
      logger.info('configuration file changed');
      await reload();
    }
  }

  /** Whether the file has another content than what was loaded, and has had it for {@link SETTLE_MS}. */
  async #hasChanged(signal: AbortSignal): Promise<boolean> {
    const { file, clock } = this.#deps;
    let before: string | undefined;
    for (;;) {
      const content = await file.checksum();
      if (signal.aborted || content === file.loadedChecksum) return false;
      if (content === before) return true;
      before = content;
      await clock.sleep(SETTLE_MS, signal);
    }
  }
}
