// What the log says of a set of credentials: that they are refused and why, and that the API throttles them.
import type { ApiError } from '../acr/api.ts';
import type { Clock } from '../util/clock.ts';
import { formatDuration } from '../util/duration.ts';
import type { Logger } from '../util/logger.ts';
import type { SchedulerReports, ThrottledRate } from './parts.ts';

/** What goes on, or comes back, is told again after this. */
const TOLD_AGAIN_AFTER_MS = 600_000;

export class SchedulerLog implements SchedulerReports {
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

  refused({ code, message, requestId }: ApiError, probeInMs: number): void {
    const atMs = this.#clock.monotonic();
    if (this.#refused?.code === code && atMs - this.#refused.atMs < TOLD_AGAIN_AFTER_MS) return;
    this.#refused = { code, atMs };
    this.#logger.error('credentials refused: everything under them waits', {
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

  throttled({ code, requestId }: ApiError, { current, configured }: ThrottledRate): void {
    const atMs = this.#clock.monotonic();
    if (current >= this.#throttled.lowest && atMs - this.#throttled.atMs < TOLD_AGAIN_AFTER_MS) return;
    this.#throttled = { lowest: current, atMs, isOn: true };
    this.#logger.warn('throttled: requests are slowed down', {
      credentials: this.#credentials,
      code,
      request_id: requestId || undefined,
      requests_per_second: Number(current.toPrecision(3)),
      configured,
    });
  }

  recovered(configured: number): void {
    if (!this.#throttled.isOn) return;
    this.#throttled.isOn = false;
    this.#logger.info('recovered from throttling', { credentials: this.#credentials, requests_per_second: configured });
  }
}
