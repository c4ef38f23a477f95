// The request rate of a set of credentials. Throttling lowers it, the API may pause it, and it recovers with time. Pure: the time is an
// argument.

import { dueMonotonicMs, type Moment, pastMonotonicMs, type RestoreMoment, wallMs } from '../model/moment.ts';
import type { RateMemory } from '../model/snapshot.ts';

/** Throttling never lowers the rate below this share of the configured rate. */
const MIN_SHARE = 0.1;
const RECOVERY_STEP = 0.1;
const RECOVERY_INTERVAL_MS = 10_000;
/** A longer pause that the API asks for is cut to this. */
const MAX_PAUSE_MS = 120_000;

/** A throttled request. Times are monotonic milliseconds. */
export type Throttled = { readonly sentAtMs: number; readonly nowMs: number };

export class AdaptiveRate {
  /** The configured rate in requests per second. Throttling holds for a new value too: the share stays. */
  configured: number;
  /** The share of the configured rate that was allowed at `#sinceMs`. */
  #share = 1;
  /** When a request was last throttled. */
  #sinceMs = Number.NEGATIVE_INFINITY;
  #halvedAtMs = Number.NEGATIVE_INFINITY;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(configured: number) {
    this.configured = configured;
  }

  /** Requests per second that are allowed now. */
  current(nowMs: number): number {
    return this.configured * this.#shareAt(nowMs);
  }

  /** No request starts before this. In the past when there is no pause. */
  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  /** Halves the rate, unless the request was sent before the last halving: such a request belongs to the same episode. */
  throttled({ sentAtMs, nowMs }: Throttled): void {
    const share = this.#shareAt(nowMs);
    const newEpisode = sentAtMs >= this.#halvedAtMs;
    this.#share = newEpisode ? Math.max(MIN_SHARE, share / 2) : share;
    this.#sinceMs = nowMs;
    if (newEpisode) this.#halvedAtMs = nowMs;
  }

  /** The API asks for a pause, with an error of any kind. It never shortens the present pause. */
  pause(nowMs: number, retryAfterMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + Math.min(retryAfterMs, MAX_PAUSE_MS));
  }

  /** What outlives the process; undefined if nothing limits the configured rate. */
  memory(moment: Moment): RateMemory | undefined {
    const isPaused = this.#pausedUntilMs > moment.monotonicMs;
    if (this.#shareAt(moment.monotonicMs) === 1 && !isPaused) return undefined;
    return {
      share: this.#share,
      since: this.#share === 1 ? undefined : wallMs(this.#sinceMs, moment),
      pausedUntil: isPaused ? wallMs(this.#pausedUntilMs, moment) : undefined,
    };
  }

  /** Goes on with what a former process knew. */
  resume({ share, since, pausedUntil }: RateMemory, moment: RestoreMoment): void {
    this.#share = Math.min(1, Math.max(MIN_SHARE, share));
    this.#sinceMs = pastMonotonicMs(since ?? moment.nowMs, moment);
    if (pausedUntil !== undefined) this.#pausedUntilMs = dueMonotonicMs(pausedUntil, moment, MAX_PAUSE_MS);
  }

  #shareAt(nowMs: number): number {
    if (this.#share === 1) return 1;
    const steps = Math.floor((nowMs - this.#sinceMs) / RECOVERY_INTERVAL_MS);
    return Math.min(1, this.#share + steps * RECOVERY_STEP);
  }
}
