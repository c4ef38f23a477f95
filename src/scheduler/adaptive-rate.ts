// The rate that a set of credentials is asked at, as throttling slows it down, the API pauses it, and time lets it recover. Pure: time comes in.

/** Throttling never slows down below this share of the configured rate. */
const SLOWEST = 0.1;
const RECOVERY_STEP = 0.1;
const RECOVERY_INTERVAL_MS = 10_000;
/** What the API asks for beyond this is not believed. */
const LONGEST_PAUSE_MS = 120_000;

/** An answer that says: slower. Times are monotonic milliseconds. */
export type Throttled = { readonly sentAtMs: number; readonly nowMs: number };

export class AdaptiveRate {
  #configured: number;
  /** The share of the configured rate that was allowed at `#sinceMs`, the last time that a request was throttled. */
  #share = 1;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #halvedAtMs = Number.NEGATIVE_INFINITY;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  /** @param requestsPerSecond the configured rate */
  constructor(requestsPerSecond: number) {
    this.#configured = requestsPerSecond;
  }

  /** Requests per second. A new value keeps the share of it that throttling has left. */
  get configured(): number {
    return this.#configured;
  }

  set configured(requestsPerSecond: number) {
    this.#configured = requestsPerSecond;
  }

  /** Requests per second that are allowed now. */
  current(nowMs: number): number {
    return this.#configured * this.#shareAt(nowMs);
  }

  /** Until when nothing starts; in the past when nothing is paused. */
  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  /** Halves the rate, unless the request was sent before the last halving: then it belongs to the same episode. */
  throttled({ sentAtMs, nowMs }: Throttled): void {
    const share = this.#shareAt(nowMs);
    const newEpisode = sentAtMs >= this.#halvedAtMs;
    this.#share = newEpisode ? Math.max(SLOWEST, share / 2) : share;
    this.#sinceMs = nowMs;
    if (newEpisode) this.#halvedAtMs = nowMs;
  }

  /** An error of any kind asks for a pause; a shorter one than the present does not end that. */
  pause(nowMs: number, retryAfterMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + Math.min(retryAfterMs, LONGEST_PAUSE_MS));
  }

  #shareAt(nowMs: number): number {
    if (this.#share === 1) return 1;
    const steps = Math.floor((nowMs - this.#sinceMs) / RECOVERY_INTERVAL_MS);
    return Math.min(1, this.#share + steps * RECOVERY_STEP);
  }
}
