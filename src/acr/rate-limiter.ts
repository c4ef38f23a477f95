// Bounds how often and how many requests of one set of credentials start: bottleneck paces, a counter bounds.
import Bottleneck from 'bottleneck';
import type { Clock } from '../util/clock.ts';

export type RateLimits = { readonly requestsPerSecond: number; readonly maxConcurrent: number };

/** bottleneck paces by the wall clock. When that moves by more than this against the monotonic one, its plans are void. */
const WALL_CLOCK_STEP_MS = 50;
const WALL_CLOCK_CHECK_MS = 1_000;

/**
 * Hands out slots one after the other. Who asks for the next one only when it got the last, and decides in the slot what to
 * do with it, always does the most urgent thing.
 */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #stopped = new AbortController();
  #limits: RateLimits;
  #pacer: Bottleneck;
  #wallClockOffsetMs: number;
  #inFlight = 0;
  #freed: (() => void) | undefined;
  #waiting: (() => void) | undefined;

  constructor(limits: RateLimits, clock: Clock) {
    this.#clock = clock;
    this.#limits = limits;
    this.#pacer = new Bottleneck({ minTime: 1_000 / limits.requestsPerSecond });
    this.#wallClockOffsetMs = clock.now() - clock.monotonic();
    void this.#watchWallClock();
  }

  /** Jobs that have started and not ended. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** From the next slot on; what is in flight and when the last slot was stays known. */
  set limits(limits: RateLimits) {
    const paceChanges = limits.requestsPerSecond !== this.#limits.requestsPerSecond;
    this.#limits = limits;
    if (paceChanges) void this.#pacer.updateSettings({ minTime: 1_000 / limits.requestsPerSecond });
    this.#freed?.();
  }

  /**
   * Runs `job` as soon as the limits allow, and resolves when it has started. The slot is taken until the job's promise
   * settles; a job must not reject. To be called again only when the promise has resolved.
   *
   * @returns false when the limiter was stopped before the job could start
   */
  async start(job: () => Promise<void>): Promise<boolean> {
    while (this.#inFlight >= this.#limits.maxConcurrent && !this.#stopped.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#freed = resolve;
      });
    }
    await this.#nextTurn();
    if (this.#stopped.signal.aborted) return false;
    this.#inFlight += 1;
    void job().finally(() => {
      this.#inFlight -= 1;
      this.#freed?.();
    });
    return true;
  }

  /** Lets go of whoever waits for a slot. Jobs in flight are not touched. */
  stop(): void {
    this.#stopped.abort();
    this.#freed?.();
    this.#waiting?.();
  }

  /** Resolves when the pace allows the next start. */
  #nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#schedule(resolve);
    });
  }

  #schedule(resolve: () => void): void {
    void this.#pacer.schedule(async () => {
      if (this.#waiting === resolve) this.#waiting = undefined;
      resolve();
    });
  }

  async #watchWallClock(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#clock.sleep(WALL_CLOCK_CHECK_MS, this.#stopped.signal);
      const offsetMs = this.#clock.now() - this.#clock.monotonic();
      if (Math.abs(offsetMs - this.#wallClockOffsetMs) > WALL_CLOCK_STEP_MS) this.#replacePacer();
      this.#wallClockOffsetMs = offsetMs;
    }
  }

  /** A new pacer would let its first turn start at once, right behind the old one's last: so it gives an empty one first. */
  #replacePacer(): void {
    this.#pacer = new Bottleneck({ minTime: 1_000 / this.#limits.requestsPerSecond });
    void this.#pacer.schedule(async () => {});
    if (this.#waiting !== undefined) this.#schedule(this.#waiting);
  }
}
