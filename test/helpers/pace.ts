// A yardstick for tests of the rate: what the machine lets through while the test runs.
import type { ExecutionContext } from 'ava';

/** How much of a late start the next ones may catch up, in periods: as much as the exporter may, by its promise about any window of time. */
const CATCH_UP = 0.4;

/**
 * Starts at this rate by bare timers on the event loop of the test, until the test ends. A machine that is slow or stands still for a while costs it the
 * same starts as what is tested, so that a test can tell a slow machine from a limiter that wastes quota.
 */
export class Pace {
  readonly #periodMs: number;
  readonly #startsMs: number[] = [];
  #timer: NodeJS.Timeout;

  constructor(t: ExecutionContext, requestsPerSecond: number) {
    this.#periodMs = 1_000 / requestsPerSecond;
    this.#timer = this.#startAt(performance.now() + this.#periodMs / 2);
    t.teardown(() => clearTimeout(this.#timer));
  }

  /** How many starts the machine has cost in `[fromMs, toMs)`, by `performance.now()`. */
  lostBetween(fromMs: number, toMs: number): number {
    const starts = this.#startsMs.filter((at) => at >= fromMs && at < toMs).length;
    return Math.max(0, Math.floor((toMs - fromMs) / this.#periodMs) - starts);
  }

  #startAt(dueMs: number): NodeJS.Timeout {
    this.#timer = setTimeout(
      () => {
        const nowMs = performance.now();
        this.#startsMs.push(nowMs);
        this.#startAt(Math.max(dueMs, nowMs - CATCH_UP * this.#periodMs) + this.#periodMs);
      },
      Math.ceil(dueMs - performance.now()),
    );
    return this.#timer;
  }
}
