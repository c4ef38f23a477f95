// Bounds how often and how many requests of one set of credentials start: bottleneck paces, a counter bounds.
import { setImmediate as turn } from 'node:timers/promises';
import Bottleneck from 'bottleneck';
import type { RateLimits } from '../model/settings.ts';
import type { Clock } from '../util/clock.ts';

/**
 * How far a start that came late may be made up for by the next one, in periods. bottleneck plans from its plan: a start that is
 * a whole period late is followed by one at once, and two of those in a row with what the network adds would be over the quota.
 */
const MOST_CATCHING_UP = 0.4;

/**
 * bottleneck gives this many jobs a second at most. Each wakes the process up three times, so beyond that a job stands for several
 * turns, which {@link RateLimiter} spaces itself: at 100 requests a second it would else cost more than half of what they do.
 */
const MOST_JOBS_PER_SECOND = 2;

/** bottleneck paces by the wall clock. When that moves by more than this against the monotonic one, its plans are void. */
const WALL_CLOCK_STEP_MS = 50;
const WALL_CLOCK_CHECK_MS = 1_000;

/** Who waits for no longer than this need not be woken when the limits change; what it takes to be woken costs more than the timer. */
const SHORT_WAIT_MS = 50;

/** A start that comes early by less is not held back, in periods: that would take another timer, which knows whole milliseconds. */
const MOST_EARLY = 0.02;

/**
 * Hands out slots one after the other. Who asks for the next one only when it got the last, and decides in the slot what to
 * do with it, always does the most urgent thing.
 */
export class RateLimiter {
  readonly #clock: Clock;
  #limits: RateLimits;
  #pacer: Bottleneck;
  #wallClockOffsetMs: number;
  /** Turns of the pacer's last job that were not taken yet. */
  #turnsLeft = 0;
  #inFlight = 0;
  /** When the last start was, or had been due when it was late by more than may be made up for. */
  #lastDueMs = Number.NEGATIVE_INFINITY;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  /** Ends the wait of a turn that is held back, since the limits have changed or nobody waits any more. Made anew only when used. */
  #lookAgain = new AbortController();
  #freed: (() => void) | undefined;
  #waiting: (() => void) | undefined;

  constructor(limits: RateLimits, clock: Clock) {
    this.#clock = clock;
    this.#limits = limits;
    this.#pacer = createPacer(limits);
    this.#wallClockOffsetMs = clock.now() - clock.monotonic();
  }

  /** Jobs that have started and not ended. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** From now on; what is in flight and when the last slot was stays known. */
  set limits(limits: RateLimits) {
    const paceChanges = limits.requestsPerSecond !== this.#limits.requestsPerSecond;
    this.#limits = limits;
    if (paceChanges) {
      this.#replacePacer();
      this.#lookAgain.abort();
      this.#lookAgain = new AbortController();
    }
    this.#freed?.();
  }

  /**
   * Runs `job` as soon as the limits allow, and resolves when it has started. The slot is taken until the job's promise
   * settles; a job must not reject. To be called again only when the promise has resolved.
   *
   * @param signal lets go of the wait; jobs in flight are not touched
   * @returns false when the signal was aborted before the job could start
   */
  async start(job: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    const letGo = () => this.#letGo();
    signal.addEventListener('abort', letGo, { once: true });
    try {
      while (this.#isFull() && !signal.aborted) await this.#nextEnd();
      if (!signal.aborted) await this.#nextTurn();
      if (!signal.aborted) await this.#bound(signal);
    } finally {
      signal.removeEventListener('abort', letGo);
    }
    if (signal.aborted) return false;
    this.#inFlight += 1;
    void job().finally(() => {
      this.#inFlight -= 1;
      this.#freed?.();
    });
    // What the first calls cost until they are compiled, or a pause for garbage, delays the request: the next one keeps its distance.
    await turn();
    this.#accountUntil(this.#clock.monotonic());
    return true;
  }

  /** Ends every wait, and leaves no timer behind. */
  #letGo(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#replacePacer();
    this.#lookAgain.abort();
    this.#lookAgain = new AbortController();
    this.#freed?.();
    waiting?.();
  }

  #isFull(): boolean {
    return this.#inFlight >= this.#limits.maxConcurrent;
  }

  /**
   * Resolves when a job has ended or may be one of more. What that takes is not made up for: a request that was held up on its way
   * may have arrived just now, and the ones behind it would follow too closely.
   */
  async #nextEnd(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#freed = resolve;
    });
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#clock.monotonic() - this.#periodMs());
  }

  /** Resolves when the pace allows the next start. */
  async #nextTurn(): Promise<void> {
    if (this.#turnsLeft === 0) {
      this.#noticeClockStep();
      const came = new AbortController();
      const turnCame = new Promise<void>((resolve) => {
        this.#waiting = resolve;
        this.#schedule(resolve);
      });
      void this.#watchWallClock(came.signal);
      await turnCame;
      came.abort();
      this.#turnsLeft = turnsPerJob(this.#limits);
    }
    this.#turnsLeft -= 1;
  }

  #schedule(resolve: () => void): void {
    const turn = this.#pacer.schedule(async () => {
      if (this.#waiting === resolve) this.#waiting = undefined;
      resolve();
    });
    // Rejects when its pacer was stopped: then the wait has ended, or another pacer gives the turn.
    turn.catch(() => {});
  }

  /**
   * Holds a turn back that comes too early by the monotonic clock, whatever the pacer makes of its plans and of the wall clock, or
   * that comes when fewer jobs may be in flight than when it was waited for.
   */
  async #bound(signal: AbortSignal): Promise<void> {
    for (let earlyMs = this.#earlyMs(); earlyMs > 0 || this.#isFull(); earlyMs = this.#earlyMs()) {
      if (this.#isFull()) await this.#nextEnd();
      else await this.#clock.sleep(Math.ceil(earlyMs), earlyMs > SHORT_WAIT_MS ? this.#lookAgain.signal : undefined);
      if (signal.aborted) return;
    }
    this.#lastDueMs += this.#periodMs();
    this.#accountUntil(this.#clock.monotonic());
  }

  /** A start at this time: what it was late is made up for in part. */
  #accountUntil(startMs: number): void {
    this.#lastStartMs = startMs;
    this.#lastDueMs = Math.max(this.#lastDueMs, startMs - MOST_CATCHING_UP * this.#periodMs());
  }

  /** How long it is until the next start is due, under the present limits; 0 where that is next to nothing. */
  #earlyMs(): number {
    const periodMs = this.#periodMs();
    const earlyMs = this.#lastDueMs + periodMs - this.#clock.monotonic();
    return earlyMs < MOST_EARLY * periodMs ? 0 : earlyMs;
  }

  #periodMs(): number {
    return 1_000 / this.#limits.requestsPerSecond;
  }

  /** While a turn is waited for: one that is planned already would wait for as long as the clock was set back. */
  async #watchWallClock(came: AbortSignal): Promise<void> {
    while (!came.aborted) {
      await this.#clock.sleep(WALL_CLOCK_CHECK_MS, came);
      if (!came.aborted) this.#noticeClockStep();
    }
  }

  #noticeClockStep(): void {
    const offsetMs = this.#clock.now() - this.#clock.monotonic();
    const stepMs = Math.abs(offsetMs - this.#wallClockOffsetMs);
    this.#wallClockOffsetMs = offsetMs;
    if (stepMs > WALL_CLOCK_STEP_MS) this.#replacePacer();
  }

  /** A new pacer lets its first turn go at once: a whole period is kept all the same. */
  #replacePacer(): void {
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#lastStartMs);
    void this.#pacer.stop({ dropWaitingJobs: true });
    this.#pacer = createPacer(this.#limits);
    this.#turnsLeft = 0;
    if (this.#waiting !== undefined) this.#schedule(this.#waiting);
  }
}

function createPacer(limits: RateLimits): Bottleneck {
  return new Bottleneck({ minTime: (1_000 * turnsPerJob(limits)) / limits.requestsPerSecond });
}

function turnsPerJob({ requestsPerSecond }: RateLimits): number {
  return Math.max(1, Math.round(requestsPerSecond / MOST_JOBS_PER_SECOND));
}
