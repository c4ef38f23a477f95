// Counts the errors of our own code that were caught, and logs them without repetition.
import type { Clock } from './clock.ts';
import type { LogFields, Logger } from './logger.ts';

/** The values of the label `component` of `acr_scan_exporter_internal_errors_total`: where an error was caught. */
export const COMPONENTS = [
  'scheduler',
  'discovery',
  'polling',
  'events',
  'reload',
  'web',
  'storage',
  'replicas',
] as const;
export type Component = (typeof COMPONENTS)[number];

/** The same error of the same component is logged at most once in this time. */
const REPEAT_AFTER_MS = 60_000;

/** The number of different errors that are remembered. When it is reached, all are forgotten, and may be logged again. */
const MAX_REMEMBERED = 100;

type Logged = { readonly atMs: number; repeats: number };

export type InternalErrorsOptions = {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Counts an error. */
  readonly count: (component: Component) => void;
};

/** Takes errors that nothing should have thrown. There is one for the process. */
export class InternalErrors {
  readonly #options: InternalErrorsOptions;
  readonly #logged = new Map<string, Logged>();

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
    const logged = this.#logged.get(key);
    if (logged !== undefined && nowMs - logged.atMs < REPEAT_AFTER_MS) {
      logged.repeats += 1;
      return;
    }
    if (logged === undefined && this.#logged.size >= MAX_REMEMBERED) this.#logged.clear();
    this.#logged.set(key, { atMs: nowMs, repeats: 0 });
    const stack = error instanceof Error ? error.stack : undefined;
    const repeats = logged?.repeats || undefined;
    logger.error('internal error', { component, ...fields, error: message, stack, repeats });
  }
}
