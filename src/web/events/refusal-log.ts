// Logs refused events without letting a flood of them fill the log.
import type { Clock } from '../../util/clock.ts';
import type { LogFields, Logger } from '../../util/logger.ts';

/** The time between two lines. */
const QUIET_MS = 60_000;

export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #loggedMs = Number.NEGATIVE_INFINITY;
  /** Refused since the last line. */
  #count = 0;

  constructor({ logger, clock }: { readonly logger: Logger; readonly clock: Pick<Clock, 'monotonic'> }) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** A line for the first one, and at most one a minute for the others, with their number and the last one's reason. */
  add(reason: string, fields: LogFields): void {
    this.#count += 1;
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#loggedMs < QUIET_MS) return;
    this.#logger.warn('event not taken', { reason, ...fields, count: this.#count });
    this.#loggedMs = nowMs;
    this.#count = 0;
  }
}
