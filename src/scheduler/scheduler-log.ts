// Logs when the API refuses or throttles a set of credentials, and why.
import type { ApiError } from '../acr/api-error.ts';
import type { Clock } from '../util/clock.ts';
import { formatDuration } from '../util/duration.ts';
import type { Logger } from '../util/logger.ts';

/** A state that lasts or comes back is logged again after this time. */
const LOG_AGAIN_AFTER_MS = 600_000;

/** Requests a second. */
type ThrottledRate = { readonly current: number; readonly configured: number };

export class SchedulerLog {
  readonly #credentials: string;
  readonly #logger: Logger;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #refused: { readonly code: string; readonly atMs: number } | undefined;
  #throttled = { lowest: Number.POSITIVE_INFINITY, atMs: Number.NEGATIVE_INFINITY, isOn: false };

  constructor(credentials: string, logger: Logger, clock: Pick<Clock, 'monotonic'>) {
    this.#credentials = credentials;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** The API refuses the credentials. The next probe comes after `probeInMs`. */
  refused({ code, message, requestId }: ApiError, probeInMs: number): void {
    const atMs = this.#clock.monotonic();
    if (this.#refused?.code === code && atMs - this.#refused.atMs < LOG_AGAIN_AFTER_MS) return;
    this.#refused = { code, atMs };
    this.#logger.error('credentials refused: all requests with them wait', {
      credentials: this.#credentials,
      code,
      error: message,
      request_id: requestId || undefined,
      next_probe: `in ${formatDuration(Math.round(probeInMs / 1_000) * 1_000)}`,
    });
  }

  accepted(): void {
    this.#refused = undefined;
    this.#logger.info('credentials accepted again', { credentials: this.#credentials });
  }

  /** The rate was lowered. */
  throttled({ code, requestId }: ApiError, { current, configured }: ThrottledRate): void {
    const atMs = this.#clock.monotonic();
    if (current >= this.#throttled.lowest && atMs - this.#throttled.atMs < LOG_AGAIN_AFTER_MS) return;
    this.#throttled = { lowest: current, atMs, isOn: true };
    this.#logger.warn('throttled: requests are slowed down', {
      credentials: this.#credentials,
      code,
      request_id: requestId || undefined,
      requests_per_second: Number(current.toPrecision(3)),
      configured,
    });
  }

  /** The rate is the configured one again. */
  recovered(configured: number): void {
    if (!this.#throttled.isOn) return;
    this.#throttled.isOn = false;
    this.#logger.info('recovered from throttling', { credentials: this.#credentials, requests_per_second: configured });
  }
}
