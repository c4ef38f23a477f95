// A limit on the rate of requests: a token bucket, like that of Go's golang.org/x/time/rate.
import type { Clock } from '../../util/clock.ts';

/** One request each `intervalMs` (above 0), and up to `burst` of them at once. */
export type RateLimit = { readonly intervalMs: number; readonly burst: number };

export class RequestLimiter {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #limit: RateLimit | undefined;
  #tokens = 0;
  #filledMs = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Sets the limit; undefined for none. Another limit starts with a full bucket, an equal one changes nothing. */
  setLimit(limit: RateLimit | undefined): void {
    const before = this.#limit;
    this.#limit = limit;
    if (!limit || (limit.intervalMs === before?.intervalMs && limit.burst === before.burst)) return;
    this.#tokens = limit.burst;
    this.#filledMs = this.#clock.monotonic();
  }

  /** Takes a token for a request. False if there is none. */
  take(): boolean {
    if (!this.#limit) return true;
    const { intervalMs, burst } = this.#limit;
    const nowMs = this.#clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#filledMs) / intervalMs);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
