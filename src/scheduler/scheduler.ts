// The loop of one set of credentials: waits until a task may start, gets a slot, and only then chooses the task.
import { ApiError } from '../acr/api-error.ts';
import type { CredentialsRefusal } from '../model/exporter-status.ts';
import { momentOf, wallMs } from '../model/moment.ts';
import type { PollError } from '../model/scan.ts';
import type { RateLimits } from '../model/settings.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import { keepRunning } from '../util/keep-running.ts';
import type { Logger } from '../util/logger.ts';
import type { AdaptiveRate } from './adaptive-rate.ts';
import { CredentialsBreaker } from './credentials-breaker.ts';
import { DueQueue, type TaskGroup } from './due-queue.ts';
import { SchedulerLog } from './scheduler-log.ts';
import type { Task, TaskScheduler } from './task.ts';

/** Starts jobs within the limits: `rate-limiter.ts`. */
export interface SlotLimiter {
  readonly inFlight: number;
  limits: RateLimits;
  /** Runs the job in the next free slot. False when `signal` is aborted first. */
  start(job: () => Promise<void>, signal: AbortSignal): Promise<boolean>;
}

/** How much of a quota is used. It outlives the scheduler: credentials that a reload removes and brings back have no fresh quota. */
export type Quota = { readonly limiter: SlotLimiter; readonly adaptiveRate: AdaptiveRate };

/** Gets valid credentials before a slot is taken: `acr/credentials/credentials.ts`. Rejects with `ApiError` when there are none. */
export interface SchedulerCredentials {
  ensure(): Promise<void>;
  /** Reads secret files again; true when they have changed. */
  refresh(): Promise<boolean>;
}

/** The replicas that share the rate of these credentials. */
export interface SchedulerGroup {
  /** The part of a rate that this replica may use now, in requests per second. */
  share(total: number): number;
  /** The API throttles requests, and may ask for a pause: the others do as this one does. */
  throttled(retryAfterMs: number | undefined): void;
  /** The API refuses the credentials. */
  refused(): void;
}

const ALONE: SchedulerGroup = { share: (total) => total, throttled: () => {}, refused: () => {} };

export type SchedulerOptions = {
  /** The value of the `credentials` label. */
  readonly name: string;
  readonly limits: RateLimits;
  readonly quota: Quota;
  /** Default: this process has the whole rate. */
  readonly group?: SchedulerGroup;
  readonly clock: Clock;
  readonly errors: InternalErrors;
  readonly logger: Logger;
};

/** While credentials are refused, the secret files are read this often. */
const SECRET_CHECK_MS = 1_000;

/** The API refuses the time of a request. */
const CLOCK_REFUSED = /^InvalidTimeStamp/;

/** A task that an error of our own code has stopped is due again after this time. */
const RETRY_AFTER_MS = 30_000;

/** Milliseconds. Throttling of several replicas within this time halves the rate once. */
const SAME_EPISODE_MS = 1_000;

/** Requests per second. A smaller share is none. */
const MIN_RATE = 0.0001;

/** At most so many tasks that belong to another scheduler are moved there before the event loop gets a turn. */
const MAX_MOVED_AT_ONCE = 250;

export class Scheduler implements TaskScheduler {
  readonly name: string;
  readonly quota: Quota;
  readonly breaker = new CredentialsBreaker();
  readonly #queue = new DueQueue<Task>();
  readonly #group: SchedulerGroup;
  readonly #clock: Clock;
  readonly #errors: InternalErrors;
  readonly #log: SchedulerLog;
  readonly #failedByRefusal = new Set<Task>();
  /** Undefined until the SDK is loaded. Until then no task starts. */
  #credentials: SchedulerCredentials | undefined;
  #maxConcurrent: number;
  #isHeld = false;
  #isRunning = false;
  #hasEnded = false;
  #isThrottled = false;
  /** The last refusal, and the time of the first in a row. */
  #refusal: { readonly error: PollError; readonly sinceMs: number } | undefined;
  /** The credentials of the last successful `ensure`. */
  #ensured: SchedulerCredentials | undefined;
  #idle: { readonly untilMs: number; readonly wake: AbortController } | undefined;

  constructor({ name, limits, quota, group = ALONE, clock, errors, logger }: SchedulerOptions) {
    this.name = name;
    this.quota = quota;
    this.#group = group;
    this.#clock = clock;
    this.#errors = errors;
    this.#log = new SchedulerLog(name, logger, clock);
    this.#maxConcurrent = limits.maxConcurrent;
    this.configure(limits);
  }

  get inFlight(): number {
    return this.quota.limiter.inFlight;
  }

  /** Whether the loop runs: false before {@link Scheduler.run}, after it, and for a while after an error of our own code. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** How many tasks are in the queue, due or not. */
  get size(): number {
    return this.#queue.size;
  }

  /** Why the credentials are refused; undefined while they are accepted. */
  get refusal(): CredentialsRefusal | undefined {
    if (!this.breaker.isRefused || this.#refusal === undefined) return undefined;
    return { ...this.#refusal, nextProbeMs: wallMs(this.breaker.probeAtMs, momentOf(this.#clock)) };
  }

  backlog(nowMs: number) {
    return this.#queue.backlog(nowMs);
  }

  /** Whether a request is due that is not about a known tag: of discovery, for events, or a lookup. */
  hasOtherWork(nowMs: number): boolean {
    return this.#queue.hasOtherWork(nowMs);
  }

  /** Changes the limits. Requests in flight, throttling and pauses still count. */
  configure({ requestsPerSecond, maxConcurrent }: RateLimits): void {
    this.quota.adaptiveRate.configured = requestsPerSecond;
    this.#maxConcurrent = maxConcurrent;
    this.#applyLimits();
    this.#wake(Number.NEGATIVE_INFINITY);
  }

  /** What this replica may use: its share of the configured rate, and what throttling leaves of it. In requests per second. */
  get rate(): { readonly configured: number; readonly current: number } {
    const { adaptiveRate } = this.quota;
    const share = this.#group.share(adaptiveRate.configured);
    const current = (share * adaptiveRate.current(this.#clock.monotonic())) / adaptiveRate.configured;
    return share < MIN_RATE ? { configured: 0, current: 0 } : { configured: share, current };
  }

  /** Applies a new share of the rate. */
  shareChanged(): void {
    this.#applyLimits();
    this.#wake(Number.NEGATIVE_INFINITY);
  }

  /** Starts no task until `change` has settled, so that no task starts before it is complete. */
  async holdDuring(change: Promise<unknown>): Promise<void> {
    this.#isHeld = true;
    await change.catch(() => {});
    this.#isHeld = false;
    this.#wake(Number.NEGATIVE_INFINITY);
  }

  /** Another replica was throttled under these credentials. Within a second of a halving here it is the same episode. */
  throttledElsewhere(retryAfterMs: number | undefined): void {
    const nowMs = this.#clock.monotonic();
    this.quota.adaptiveRate.throttled({ sentAtMs: nowMs - SAME_EPISODE_MS, nowMs });
    if (retryAfterMs !== undefined) this.quota.adaptiveRate.pause(nowMs, retryAfterMs);
    this.#isThrottled = true;
    this.#applyLimits();
  }

  /** These credentials were refused to another replica. */
  refusedElsewhere(): void {
    const nowMs = this.#clock.monotonic();
    this.breaker.recordRefusal(nowMs, nowMs);
    this.#wake(Number.NEGATIVE_INFINITY);
  }

  /** Uses these credentials from now on. What the API said about others no longer counts. */
  useCredentials(credentials: SchedulerCredentials): void {
    this.#credentials = credentials;
    this.breaker.replaced(this.#clock.monotonic());
    this.#wake(Number.NEGATIVE_INFINITY);
  }

  /** Schedules a task, or moves it if it is scheduled already. */
  schedule(task: Task, group: TaskGroup, dueAtMs: number): void {
    this.#queue.put(task, group, dueAtMs);
    this.#wake(dueAtMs);
  }

  /** Removes a task from the queue. A request that is under way goes on. */
  withdraw(task: Task): void {
    this.#queue.remove(task);
    this.#failedByRefusal.delete(task);
  }

  /** Performs tasks until `signal` is aborted. Does not wait for requests under way. Never rejects. Call it once. */
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

  /** The earliest time at which the next request may start. */
  #startsAtMs(): number {
    const { pausedUntilMs } = this.quota.adaptiveRate;
    const dueAtMs = this.#queue.nextDueAtMs();
    if (this.#credentials === undefined || dueAtMs === undefined || this.#isHeld || this.rate.current === 0)
      return Number.POSITIVE_INFINITY;
    return Math.max(this.breaker.isRefused ? this.breaker.probeAtMs : dueAtMs, pausedUntilMs);
  }

  async #rest(waitMs: number, signal: AbortSignal): Promise<void> {
    const boundedMs = this.breaker.isRefused ? Math.min(waitMs, SECRET_CHECK_MS) : waitMs;
    const wake = new AbortController();
    const onAbort = () => wake.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#idle = { untilMs: this.#clock.monotonic() + boundedMs, wake };
    await this.#clock.sleep(boundedMs, wake.signal);
    this.#idle = undefined;
    signal.removeEventListener('abort', onAbort);
    if (this.breaker.isRefused && (await this.#credentials?.refresh())) this.breaker.probeNow(this.#clock.monotonic());
  }

  #wake(dueAtMs: number): void {
    if (this.#idle !== undefined && dueAtMs < this.#idle.untilMs) this.#idle.wake.abort();
  }

  /** Called before a slot is taken: a slow renewal within a slot would delay the requests behind it, and then bunch them. */
  async #hasCredentials(signal: AbortSignal): Promise<boolean> {
    const credentials = this.#credentials;
    if (credentials === undefined) return false;
    try {
      if (this.breaker.isRefused) await credentials.refresh();
      await credentials.ensure();
      this.#ensured = credentials;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // When the scheduler ends, the renewal of its credentials ends too. That is no failure.
      if (credentials === this.#credentials && !signal.aborted) this.#failNextTask(error);
    }
    return credentials === this.#ensured;
  }

  /** There are no credentials: the next task fails with the error, the other tasks wait. */
  #failNextTask(error: ApiError): void {
    const nowMs = this.#clock.monotonic();
    const probing = this.breaker.isRefused;
    const task = this.#takeOwn(Number.POSITIVE_INFINITY);
    if (task !== undefined) this.#fail(task, error);
    this.#refuse(task, nowMs, nowMs);
    if (probing) this.breaker.probeFailed(nowMs);
    this.#reportRefusal(error, nowMs);
  }

  /** The next task. Tasks of an instance that a reload gave to another scheduler may still be in the queue: they are moved there. */
  #takeOwn(nowMs: number): Task | undefined {
    for (let moved = 0; moved < MAX_MOVED_AT_ONCE; moved += 1) {
      const task = this.#queue.takeNext(nowMs);
      if (task === undefined || this.#owns(task)) return task;
      task.scheduler.schedule(task, task.group, task.dueAtMs);
    }
    return undefined;
  }

  #fail(task: Task, error: ApiError): void {
    try {
      task.fail(error);
      this.#checkScheduled(task);
    } catch (cause) {
      this.#reportAndRetry(task, cause);
    }
  }

  /** Waits for a slot and starts the next task in it. While the credentials are refused, it waits for the outcome too. */
  async #startOne(signal: AbortSignal): Promise<void> {
    this.#applyLimits();
    let ended: Promise<void> = Promise.resolve();
    const started = await this.quota.limiter.start(() => {
      ended = this.#performNext(signal);
      return ended;
    }, signal);
    if (started && this.breaker.isRefused) await ended;
  }

  /** Never rejects. A task that is taken from the queue is performed, put back or ended. */
  async #performNext(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonic();
    // A reload may have replaced the credentials during the wait for the slot: the loop calls `ensure` for them first.
    if (signal.aborted || this.#credentials !== this.#ensured || this.#startsAtMs() > nowMs) return;
    const probing = this.breaker.isRefused;
    const task = this.#takeOwn(probing ? Number.POSITIVE_INFINITY : nowMs);
    if (task === undefined) return;
    try {
      const outcome = await task.perform();
      if (outcome.kind === 'put-back') this.#putBack(task, task.dueAtMs);
      if (outcome.kind === 'sent') this.#applyOutcome(task, outcome.error, nowMs, probing);
      this.#checkScheduled(task);
    } catch (error) {
      this.#reportAndRetry(task, error);
      if (probing && this.breaker.isRefused) this.breaker.probeFailed(this.#clock.monotonic());
    }
  }

  /** Updates the breaker and the rate of these credentials from the outcome of a request. */
  #applyOutcome(task: Task, error: ApiError | undefined, sentAtMs: number, probing: boolean): void {
    const nowMs = this.#clock.monotonic();
    this.#failedByRefusal.delete(task);
    if (error?.retryAfterMs !== undefined) this.quota.adaptiveRate.pause(nowMs, error.retryAfterMs);
    if (error?.kind === 'throttled') {
      this.#throttle(error, sentAtMs, nowMs);
    }
    // The credentials are not in use any more: nothing to log.
    if (this.#hasEnded) return;
    // A wrong clock is this replica's own: the others are not refused.
    if (error?.kind === 'refused' && this.#refuse(task, sentAtMs, nowMs) && !CLOCK_REFUSED.test(error.code))
      this.#group.refused();
    const accepted = error === undefined || error.kind === 'answered' || error.kind === 'denied';
    if (accepted && this.breaker.recordAcceptance(sentAtMs)) this.#resume(nowMs);
    else if (probing && this.breaker.isRefused) this.breaker.probeFailed(nowMs);
    if (error?.kind === 'refused') this.#reportRefusal(error, nowMs);
  }

  #throttle(error: ApiError, sentAtMs: number, nowMs: number): void {
    const { adaptiveRate } = this.quota;
    const before = adaptiveRate.current(nowMs);
    adaptiveRate.throttled({ sentAtMs, nowMs });
    const rate = { current: adaptiveRate.current(nowMs), configured: adaptiveRate.configured };
    this.#isThrottled = true;
    if (rate.current < before) {
      this.#log.throttled(error, rate);
      this.#group.throttled(error.retryAfterMs);
    }
    this.#applyLimits();
  }

  /** Keeps and logs a refusal, unless it was of a request with older credentials. */
  #reportRefusal(error: ApiError, nowMs: number): void {
    if (!this.breaker.isRefused) return;
    const { code, message, requestId } = error;
    const timeMs = this.#clock.now();
    const sinceMs = this.#refusal?.sinceMs ?? timeMs;
    this.#refusal = { error: { code, message, requestId, timeMs }, sinceMs };
    this.#log.refused(error, Math.max(0, this.breaker.probeAtMs - nowMs));
  }

  /** Whether the credentials count as refused from now on. */
  #refuse(task: Task | undefined, sentAtMs: number, nowMs: number): boolean {
    const before = this.breaker.isRefused;
    this.breaker.recordRefusal(sentAtMs, nowMs);
    if (!this.breaker.isRefused) return false;
    if (task !== undefined && this.#owns(task)) this.#failedByRefusal.add(task);
    if (before) return false;
    // A wait that began earlier would not read the secret files in time.
    this.#wake(Number.NEGATIVE_INFINITY);
    return true;
  }

  /** The credentials are accepted again: tasks that failed because of them are due at once. */
  #resume(nowMs: number): void {
    this.#log.accepted();
    this.#refusal = undefined;
    for (const task of this.#failedByRefusal) {
      if (task.position >= 0 && this.#owns(task)) this.#queue.put(task, task.group, nowMs);
    }
    this.#failedByRefusal.clear();
    this.#wake(nowMs);
  }

  /** Throws if a task should be in a queue and is in none: it would never run again. */
  #checkScheduled(task: Task): void {
    if (task.position >= 0 || !task.isOutstanding()) return;
    throw new Error(`the ${task.group} task was neither scheduled again nor over`);
  }

  /** An error of our own code has stopped a task. Reports it and schedules the task again. */
  #reportAndRetry(task: Task, error: unknown): void {
    this.#errors.report(task.component, error, task.logFields());
    this.#putBack(task, this.#clock.monotonic() + RETRY_AFTER_MS);
  }

  #putBack(task: Task, dueAtMs: number): void {
    if (task.position >= 0 || !task.isOutstanding()) return;
    task.scheduler.schedule(task, task.group, dueAtMs);
  }

  /** False for a task whose instance a reload gave to another scheduler. */
  #owns(task: Task): boolean {
    return task.scheduler === this;
  }

  #applyLimits(): void {
    const { adaptiveRate } = this.quota;
    const isWhole = adaptiveRate.current(this.#clock.monotonic()) === adaptiveRate.configured;
    if (this.#isThrottled && isWhole) {
      this.#isThrottled = false;
      this.#log.recovered(adaptiveRate.configured);
    }
    const { configured: share, current: requestsPerSecond } = this.rate;
    if (share === 0) return;
    const maxConcurrent = Math.ceil((this.#maxConcurrent * share) / adaptiveRate.configured);
    this.quota.limiter.limits = { requestsPerSecond, maxConcurrent };
  }
}
