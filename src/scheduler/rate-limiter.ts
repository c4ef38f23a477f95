// Limits the rate and the concurrency of the requests of one set of credentials. bottleneck does the work; a guard holds it to the monotonic
// clock.
import { setImmediate as turn } from 'node:timers/promises';
import Bottleneck from 'bottleneck/light.js';
import type { RateLimits } from '../model/settings.ts';
import type { Clock } from '../util/clock.ts';

/** How much of a late start the next ones may catch up, in periods. With more, network jitter could exceed the quota. */
const MAX_CATCH_UP = 0.4;
/** bottleneck plans each start by the wall clock. If that moves by more than this against the monotonic clock, the plan is discarded. */
const CLOCK_STEP_MS = 50;

/** One job waits at a time. It chooses its request when it starts, so the most urgent request is always next. */
export class RateLimiter {
  readonly #clock: Clock;
  #periodMs = 0;
  #maxConcurrent = 0;
  /** Undefined after its plan was discarded. A new one starts its first job at once, so it is created only when a start is due. */
  #limiter: Bottleneck | undefined;
  /** The `maxConcurrent` of the present bottleneck: without the jobs in flight of an earlier one, which it does not count. */
  #limiterConcurrency = 0;
  #inFlight = 0;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  /** The next start is due one period after this: the last start, or earlier by what may be caught up. */
  #countedMs = Number.NEGATIVE_INFINITY;
  #pause = new AbortController();

  constructor(limits: RateLimits, clock: Clock) {
    this.#clock = clock;
    this.limits = limits;
  }

  /** How many jobs have started and not ended. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Changes the limits at once. Jobs in flight and the last start still count. */
  set limits({ requestsPerSecond, maxConcurrent }: RateLimits) {
    if (this.#periodMs === 1_000 / requestsPerSecond && this.#maxConcurrent === maxConcurrent) return;
    this.#periodMs = 1_000 / requestsPerSecond;
    this.#maxConcurrent = maxConcurrent;
    this.#discardPlan();
  }

  /** Runs `job`, which must not reject, when the limits allow. False when `signal` is aborted first. Only one call may wait at a time. */
  async start(job: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    const onAbort = () => this.#discardPlan();
    signal.addEventListener('abort', onAbort, { once: true });
    let started = false;
    while (!started && !signal.aborted) {
      const limiter = this.#limiter;
      const waitMs = this.#inFlight < this.#maxConcurrent ? this.#earlyMs() : Number.POSITIVE_INFINITY;
      if (limiter !== undefined) started = await new Promise((done) => this.#schedule(limiter, job, done));
      else if (waitMs > 0) await this.#rest(waitMs);
      else this.#createLimiter();
    }
    signal.removeEventListener('abort', onAbort);
    return started;
  }

  /** Calls `done` with true when the job has started, and with false when the plan was discarded first. */
  #schedule(limiter: Bottleneck, job: () => Promise<void>, done: (started: boolean) => void): void {
    const run = async () => {
      // bottleneck does not know that the start before was late, or that the wall clock was set forward.
      while (limiter === this.#limiter && this.#earlyMs() > 0) await this.#rest(this.#earlyMs());
      if (limiter !== this.#limiter) return;
      this.#inFlight += 1;
      const ended = job();
      // The first jobs take long to write their requests, until the code is compiled: the period starts after that.
      await turn();
      this.#lastStartMs = this.#clock.monotonic();
      this.#countedMs = Math.max(this.#countedMs + this.#periodMs, this.#lastStartMs - MAX_CATCH_UP * this.#periodMs);
      done(true);
      await ended;
      this.#inFlight -= 1;
      if (limiter === this.#limiter) return;
      void this.#limiter?.updateSettings({ maxConcurrent: ++this.#limiterConcurrency });
      this.#pause.abort();
    };
    const onEnd = () => done(false);
    limiter.schedule(run).then(onEnd, onEnd);
  }

  #createLimiter(): void {
    this.#limiterConcurrency = this.#maxConcurrent - this.#inFlight;
    this.#limiter = new Bottleneck({ minTime: this.#periodMs, maxConcurrent: this.#limiterConcurrency });
    const offsetMs = this.#clock.now() - this.#clock.monotonic();
    this.#limiter.on('scheduled', () => {
      if (Math.abs(this.#clock.now() - this.#clock.monotonic() - offsetMs) > CLOCK_STEP_MS) this.#discardPlan();
    });
  }

  /** How long before the next start is due. */
  #earlyMs(): number {
    return this.#countedMs + this.#periodMs - this.#clock.monotonic();
  }

  /** Waits until the time is over, a job of an earlier plan has ended, or the plan is discarded. */
  async #rest(ms: number): Promise<void> {
    this.#pause = new AbortController();
    await this.#clock.sleep(Math.ceil(ms), this.#pause.signal);
  }

  #discardPlan(): void {
    void this.#limiter?.stop();
    this.#limiter = undefined;
    this.#countedMs = this.#lastStartMs;
    this.#pause.abort();
  }
}
