// The loop of one set of credentials: waits until something may start, takes a slot, and only then picks the task.
import { ApiError } from '../acr/api.ts';
import type { RateLimits } from '../model/settings.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import { keepRunning } from '../util/keep-running.ts';
import type { Logger } from '../util/logger.ts';
import type { AdaptiveRate } from './adaptive-rate.ts';
import { CredentialsBreaker } from './credentials-breaker.ts';
import { DueQueue, type Line } from './due-queue.ts';
import { SchedulerLog } from './scheduler-log.ts';
import type { Task, TaskScheduler } from './task.ts';

/** Hands out slots: `rate-limiter.ts`. */
export interface SlotLimiter {
  readonly inFlight: number;
  limits: RateLimits;
  /** Runs the job in the next free slot; false when `signal` was aborted before it could start. */
  start(job: () => Promise<void>, signal: AbortSignal): Promise<boolean>;
}

/** What is known of the use of a quota. It outlives the scheduler: credentials that a reload brings back have no fresh quota. */
export type Quota = { readonly limiter: SlotLimiter; readonly adaptiveRate: AdaptiveRate };

/** Brings credentials up to date before a slot is taken: `acr/credentials.ts`. Rejects with `ApiError` when there are none. */
export interface SchedulerCredentials {
  ensure(): Promise<void>;
  /** Reads secret files again; true when they have changed. */
  refresh(): Promise<boolean>;
}

export type SchedulerOptions = {
  /** The value of the `credentials` label. */
  readonly name: string;
  readonly limits: RateLimits;
  readonly quota: Quota;
  readonly clock: Clock;
  readonly errors: InternalErrors;
  readonly logger: Logger;
};

/** While credentials are refused, secret files are looked at this often. */
const SECRET_CHECK_MS = 1_000;

/** A task that an error of our own code has stopped is put back to be due after this long. */
const PUT_BACK_AFTER_MS = 30_000;

/** Tasks of an instance that has moved to another scheduler are handed over, no more than that in one go. */
const MOST_HANDED_OVER = 250;

export class Scheduler implements TaskScheduler {
  readonly name: string;
  readonly quota: Quota;
  readonly breaker = new CredentialsBreaker();
  readonly #queue = new DueQueue<Task>();
  readonly #clock: Clock;
  readonly #errors: InternalErrors;
  readonly #log: SchedulerLog;
  readonly #failedByRefusal = new Set<Task>();
  /** Undefined until the SDK is loaded that makes them: then nothing is started. */
  #credentials: SchedulerCredentials | undefined;
  #maxConcurrent: number;
  #isRunning = false;
  #hasEnded = false;
  #isThrottled = false;
  /** The credentials that were brought up to date last. */
  #ensured: SchedulerCredentials | undefined;
  #idle: { readonly untilMs: number; readonly wake: AbortController } | undefined;

  constructor({ name, limits, quota, clock, errors, logger }: SchedulerOptions) {
    this.name = name;
    this.quota = quota;
    this.#clock = clock;
    this.#errors = errors;
    this.#log = new SchedulerLog(name, logger, clock);
    this.#maxConcurrent = limits.maxConcurrent;
    this.configure(limits);
  }

  get inFlight(): number {
    return this.quota.limiter.inFlight;
  }

  /** Whether its tasks are scheduled at present: false before {@link Scheduler.run}, after it, and while its loop rests because it threw. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** How many tasks wait for their turn, due or not. */
  get size(): number {
    return this.#queue.size;
  }

  backlog(nowMs: number) {
    return this.#queue.backlog(nowMs);
  }

  /** Changes the limits without forgetting what was sent, throttled or paused under the old ones. */
  configure({ requestsPerSecond, maxConcurrent }: RateLimits): void {
    this.quota.adaptiveRate.configured = requestsPerSecond;
    this.#maxConcurrent = maxConcurrent;
    this.#applyLimits();
    this.#wake(Number.NEGATIVE_INFINITY);
  }

  /** Requests are made under these credentials from now on: what the API said of others no longer counts. */
  useCredentials(credentials: SchedulerCredentials): void {
    this.#credentials = credentials;
    this.breaker.replaced(this.#clock.monotonic());
    this.#wake(Number.NEGATIVE_INFINITY);
  }

  /** Schedules a task, or schedules it anew. */
  schedule(task: Task, line: Line, dueAtMs: number): void {
    this.#queue.put(task, line, dueAtMs);
    this.#wake(dueAtMs);
  }

  /** Forgets a task; one that is under way is not touched. */
  withdraw(task: Task): void {
    this.#queue.remove(task);
    this.#failedByRefusal.delete(task);
  }

  /** Schedules tasks until `signal` is aborted. Requests under way are not waited for. Never rejects; not to be called twice. */
  async run(signal: AbortSignal): Promise<void> {
    await keepRunning((until) => this.#loop(until), signal, {
      clock: this.#clock,
      report: (error) => this.#errors.report('scheduler', error, { credentials: this.name }),
    });
    this.#hasEnded = true;
  }

  async #loop(signal: AbortSignal): Promise<void> {
    this.#isRunning = true;
    try {
      while (!signal.aborted) {
        const waitMs = this.#startsAtMs() - this.#clock.monotonic();
        if (waitMs > 0) await this.#rest(waitMs, signal);
        else if (await this.#hasCredentials(signal)) await this.#startOne(signal);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** When the next request may start, as far as is known now. */
  #startsAtMs(): number {
    const { pausedUntilMs } = this.quota.adaptiveRate;
    const dueAtMs = this.#queue.nextDueAtMs();
    if (this.#credentials === undefined || dueAtMs === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(this.breaker.refused ? this.breaker.probeAtMs : dueAtMs, pausedUntilMs);
  }

  async #rest(waitMs: number, signal: AbortSignal): Promise<void> {
    const boundedMs = this.breaker.refused ? Math.min(waitMs, SECRET_CHECK_MS) : waitMs;
    const wake = new AbortController();
    const onAbort = () => wake.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#idle = { untilMs: this.#clock.monotonic() + boundedMs, wake };
    await this.#clock.sleep(boundedMs, wake.signal);
    this.#idle = undefined;
    signal.removeEventListener('abort', onAbort);
    if (this.breaker.refused && (await this.#credentials?.refresh())) this.breaker.probeNow(this.#clock.monotonic());
  }

  #wake(dueAtMs: number): void {
    if (this.#idle !== undefined && dueAtMs < this.#idle.untilMs) this.#idle.wake.abort();
  }

  /** Before a slot is taken: a slow refresh inside one would bunch the requests behind it. */
  async #hasCredentials(signal: AbortSignal): Promise<boolean> {
    const credentials = this.#credentials;
    if (credentials === undefined) return false;
    try {
      if (this.breaker.refused) await credentials.refresh();
      await credentials.ensure();
      this.#ensured = credentials;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // At the end of the scheduler the renewal of its credentials ends too: that is no failure of theirs.
      if (credentials === this.#credentials && !signal.aborted) this.#failNext(error);
    }
    return credentials === this.#ensured;
  }

  /** There are no credentials: the task that would have been sent next bears the error, everything else waits. */
  #failNext(error: ApiError): void {
    const nowMs = this.#clock.monotonic();
    const probing = this.breaker.refused;
    const task = this.#take(Number.POSITIVE_INFINITY);
    if (task !== undefined) this.#fail(task, error);
    this.#refuse(task, nowMs, nowMs);
    if (probing) this.breaker.probeFailed(nowMs);
    this.#reportRefusal(error, nowMs);
  }

  /** The most urgent task of this scheduler. While an instance is being moved to another one, some of its tasks still lie here. */
  #take(nowMs: number): Task | undefined {
    for (let handedOver = 0; handedOver < MOST_HANDED_OVER; handedOver += 1) {
      const task = this.#queue.take(nowMs);
      if (task === undefined || this.#owns(task)) return task;
      task.scheduler.schedule(task, task.line, task.dueAtMs);
    }
    return undefined;
  }

  #fail(task: Task, error: ApiError): void {
    try {
      task.fail(error);
      this.#miss(task);
    } catch (cause) {
      this.#rescue(task, cause);
    }
  }

  /** Waits for a slot and starts the most urgent task in it; while refused, also waits for the outcome. */
  async #startOne(signal: AbortSignal): Promise<void> {
    this.#applyLimits();
    let ended: Promise<void> = Promise.resolve();
    const started = await this.quota.limiter.start(() => {
      ended = this.#performNext(signal);
      return ended;
    }, signal);
    if (started && this.breaker.refused) await ended;
  }

  /** Never rejects: what was taken from the queue is performed, put back or ended. */
  async #performNext(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonic();
    // A reload may have brought other credentials while the slot was waited for: they are to be looked at first.
    if (signal.aborted || this.#credentials !== this.#ensured || this.#startsAtMs() > nowMs) return;
    const probing = this.breaker.refused;
    const task = this.#take(probing ? Number.POSITIVE_INFINITY : nowMs);
    if (task === undefined) return;
    try {
      const outcome = await task.perform();
      if (outcome.kind === 'put-back') this.#putBack(task, task.dueAtMs);
      if (outcome.kind === 'sent') this.#settle(task, outcome.error, nowMs, probing);
      this.#miss(task);
    } catch (error) {
      this.#rescue(task, error);
      if (probing && this.breaker.refused) this.breaker.probeFailed(this.#clock.monotonic());
    }
  }

  /** Draws the conclusions from an outcome for everything under these credentials. */
  #settle(task: Task, error: ApiError | undefined, sentAtMs: number, probing: boolean): void {
    const nowMs = this.#clock.monotonic();
    this.#failedByRefusal.delete(task);
    if (error?.retryAfterMs !== undefined) this.quota.adaptiveRate.pause(nowMs, error.retryAfterMs);
    if (error?.kind === 'throttled') {
      this.#throttle(error, sentAtMs, nowMs);
    }
    // What the API says of credentials that are not used any more is no news.
    if (this.#hasEnded) return;
    if (error?.kind === 'refused') this.#refuse(task, sentAtMs, nowMs);
    const accepted = error === undefined || error.kind === 'answered' || error.kind === 'denied';
    if (accepted && this.breaker.accepted(sentAtMs)) this.#resume(nowMs);
    else if (probing && this.breaker.refused) this.breaker.probeFailed(nowMs);
    if (error?.kind === 'refused') this.#reportRefusal(error, nowMs);
  }

  #throttle(error: ApiError, sentAtMs: number, nowMs: number): void {
    const { adaptiveRate } = this.quota;
    const before = adaptiveRate.current(nowMs);
    adaptiveRate.throttled({ sentAtMs, nowMs });
    const rate = { current: adaptiveRate.current(nowMs), configured: adaptiveRate.configured };
    this.#isThrottled = true;
    if (rate.current < before) this.#log.throttled(error, rate);
    this.#applyLimits();
  }

  /** What was sent with older credentials, and is refused, may not be about these. */
  #reportRefusal(error: ApiError, nowMs: number): void {
    if (this.breaker.refused) this.#log.refused(error, Math.max(0, this.breaker.probeAtMs - nowMs));
  }

  #refuse(task: Task | undefined, sentAtMs: number, nowMs: number): void {
    const before = this.breaker.refused;
    this.breaker.refusedAt(sentAtMs, nowMs);
    if (!this.breaker.refused) return;
    if (task !== undefined && this.#owns(task)) this.#failedByRefusal.add(task);
    if (before) return;
    // A rest that began before knows nothing of the secret files that are to be looked at meanwhile.
    this.#wake(Number.NEGATIVE_INFINITY);
  }

  /** The credentials are good again: what failed only because of them is asked at once. */
  #resume(nowMs: number): void {
    this.#log.accepted();
    for (const task of this.#failedByRefusal) {
      if (task.position >= 0 && this.#owns(task)) this.#queue.put(task, task.line, nowMs);
    }
    this.#failedByRefusal.clear();
    this.#wake(nowMs);
  }

  /** A task that should lie in a queue by now and lies in none would never be heard of again. */
  #miss(task: Task): void {
    if (task.position >= 0 || !task.isOutstanding()) return;
    throw new Error(`the ${task.line} task was neither scheduled again nor over`);
  }

  /** An error of our own code has stopped a task: the error is told, and the task gets another turn. */
  #rescue(task: Task, error: unknown): void {
    this.#errors.report(task.component, error, task.logFields());
    this.#putBack(task, this.#clock.monotonic() + PUT_BACK_AFTER_MS);
  }

  #putBack(task: Task, dueAtMs: number): void {
    if (task.position >= 0 || !task.isOutstanding()) return;
    task.scheduler.schedule(task, task.line, dueAtMs);
  }

  /** A reload may have given a task that was under way to another scheduler. */
  #owns(task: Task): boolean {
    return task.scheduler === this;
  }

  #applyLimits(): void {
    const { adaptiveRate } = this.quota;
    const requestsPerSecond = adaptiveRate.current(this.#clock.monotonic());
    if (this.#isThrottled && requestsPerSecond === adaptiveRate.configured) {
      this.#isThrottled = false;
      this.#log.recovered(adaptiveRate.configured);
    }
    this.quota.limiter.limits = { requestsPerSecond, maxConcurrent: this.#maxConcurrent };
  }
}
