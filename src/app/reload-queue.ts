// Runs reloads one at a time.
import type { ReloadResult } from '../web/routes.ts';

export class ReloadQueue {
  readonly #reload: () => Promise<ReloadResult>;
  /** Settles when the next reload may begin. Never rejects. */
  #last: Promise<unknown> = Promise.resolve();
  #waiting: Promise<ReloadResult> | undefined;

  /** @param reload reads the configuration and applies it; must not reject */
  constructor(reload: () => Promise<ReloadResult>) {
    this.#reload = reload;
  }

  /** Delays all reloads until `start` has settled. */
  waitFor(start: Promise<unknown>): void {
    this.#last = start.catch(() => {});
  }

  /** Runs another change of the configuration in force when no reload runs. Rejects as it does. */
  between(change: () => Promise<void>): Promise<void> {
    const changed = this.#last.then(change);
    this.#last = changed.catch(() => {});
    return changed;
  }

  /** Adds a reload. Requests that come while one waits for its turn share it: it has not read the file yet. */
  add(): Promise<ReloadResult> {
    if (this.#waiting !== undefined) return this.#waiting;
    const waiting = this.#last.then(() => {
      this.#waiting = undefined;
      return this.#reload();
    });
    this.#waiting = waiting;
    this.#last = waiting;
    return waiting;
  }
}
