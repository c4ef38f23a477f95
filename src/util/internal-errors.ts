// Errors of our own code that were caught: each is counted, and logged without repeating itself.
import type { Clock } from './clock.ts';
import type { LogFields, Logger } from './logger.ts';

/** Where an error was caught: the values of the `component` label of `acr_scan_exporter_internal_errors_total`. */
export const COMPONENTS = ['scheduler', 'discovery', 'polling', 'reload', 'web'] as const;
export type Component = (typeof COMPONENTS)[number];

/** The same error of the same component is not logged again for this long. */
const REPEAT_AFTER_MS = 60_000;

/** How many different errors are remembered; beyond that the memory starts anew, and errors are logged again. */
const MOST_REMEMBERED = 100;

type Told = { readonly atMs: number; repeats: number };

export type InternalErrorsOptions = {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Counts an error. */
  readonly count: (component: Component) => void;
};

/** Takes what was caught although nothing should have thrown it. One for the process. */
export class InternalErrors {
  readonly #options: InternalErrorsOptions;
  readonly #told = new Map<string, Told>();

  constructor(options: InternalErrorsOptions) {
    this.#options = options;
  }

  /** Counts an error, and logs it with its stack in one field, at most once a minute. Never throws. */
  report(component: Component, error: unknown, fields: LogFields = {}): void {
    const { logger, clock, count } = this.#options;
    count(component);
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const key = `${component} ${message}`;
    const nowMs = clock.monotonic();
    const told = this.#told.get(key);
    if (told !== undefined && nowMs - told.atMs < REPEAT_AFTER_MS) {
      told.repeats += 1;
      return;
    }
    if (told === undefined && this.#told.size >= MOST_REMEMBERED) this.#told.clear();
    this.#told.set(key, { atMs: nowMs, repeats: 0 });
    const stack = error instanceof Error ? error.stack : undefined;
    const repeats = told?.repeats || undefined;
    logger.error('internal error', { component, ...fields, error: message, stack, repeats });
  }
}
