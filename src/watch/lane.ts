// The loop of one set of credentials: waits until something may start, takes a slot, and only then picks the task.
import type { ApiError } from '../acr/api.ts';
import type { Clock } from '../util/clock.ts';
import { DueQueue, type Line } from './due-queue.ts';
import type { LaneCredentials, LaneLimits, LaneOptions, SlotLimiter, TaskPerformer } from './lane-parts.ts';
import { Pace } from './pace.ts';
import { Refusal } from './refusal.ts';
import { instanceOf, type Task } from './task.ts';

/** While credentials are refused, secret files are looked at this often. */
const SECRET_CHECK_MS = 1_000;

export class Lane {
  readonly name: string;
  readonly pace: Pace;
  readonly refusal = new Refusal();
  credentials: LaneCredentials;
  readonly #queue = new DueQueue<Task>();
  readonly #limiter: SlotLimiter;
  readonly #performer: TaskPerformer;
  readonly #clock: Clock;
  readonly #onRefusal: (refused: boolean) => void;
  readonly #failedByRefusal = new Set<Task>();
  #maxConcurrent: number;
  /** The credentials that were brought up to date last. */
  #ensured: LaneCredentials | undefined;
  #idle: { readonly untilMs: number; readonly wake: AbortController } | undefined;

  constructor({ name, limits, limiter, credentials, performer, clock, onRefusal }: LaneOptions) {
    this.name = name;
    this.pace = new Pace(limits.requestsPerSecond);
    this.credentials = credentials;
    this.#limiter = limiter;
    this.#performer = performer;
    this.#clock = clock;
    this.#onRefusal = onRefusal;
    this.#maxConcurrent = limits.maxConcurrent;
  }

  get inFlight(): number {
    return this.#limiter.inFlight;
  }

  backlog(nowMs: number) {
    return this.#queue.backlog(nowMs);
  }

  /** Changes the limits without forgetting what was sent, throttled or paused under the old ones. */
  configure({ requestsPerSecond, maxConcurrent }: LaneLimits): void {
    this.pace.configured = requestsPerSecond;
    this.#maxConcurrent = maxConcurrent;
    this.#applyLimits();
    this.#wake(Number.NEGATIVE_INFINITY);
  }

  /** Other credentials take the place of the old ones: what the API said of those no longer counts. */
  replaceCredentials(credentials: LaneCredentials): void {
    this.credentials = credentials;
    this.refusal.replaced(this.#clock.monotonic());
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

  /** Schedules tasks until `signal` is aborted. Requests under way are not waited for. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#limiter.stop(), { once: true });
    while (!signal.aborted) {
      const waitMs = this.#startsAtMs() - this.#clock.monotonic();
      if (waitMs > 0) await this.#rest(waitMs, signal);
      else if (await this.#hasCredentials()) await this.#startOne(signal);
    }
  }

  /** When the next request may start, as far as is known now. */
  #startsAtMs(): number {
    const dueAtMs = this.#queue.nextDueAtMs() ?? Number.POSITIVE_INFINITY;
    if (!this.refusal.refused) return Math.max(dueAtMs, this.pace.pausedUntilMs);
    return this.#queue.size === 0
      ? Number.POSITIVE_INFINITY
      : Math.max(this.refusal.probeAtMs, this.pace.pausedUntilMs);
  }

  async #rest(waitMs: number, signal: AbortSignal): Promise<void> {
    const boundedMs = this.refusal.refused ? Math.min(waitMs, SECRET_CHECK_MS) : waitMs;
    const wake = new AbortController();
    const onAbort = () => wake.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#idle = { untilMs: this.#clock.monotonic() + boundedMs, wake };
    await this.#clock.sleep(boundedMs, wake.signal);
    this.#idle = undefined;
    signal.removeEventListener('abort', onAbort);
    if (this.refusal.refused && (await this.credentials.refresh())) this.refusal.probeNow(this.#clock.monotonic());
  }

  #wake(dueAtMs: number): void {
    if (this.#idle !== undefined && dueAtMs < this.#idle.untilMs) this.#idle.wake.abort();
  }

  /** Before a slot is taken: a slow refresh inside one would bunch the requests behind it. */
  async #hasCredentials(): Promise<boolean> {
    const { credentials } = this;
    try {
      if (this.refusal.refused) await credentials.refresh();
      await credentials.ensure();
      this.#ensured = credentials;
    } catch (error) {
      if (credentials === this.credentials) this.#failNext(error as ApiError);
    }
    return credentials === this.#ensured;
  }

  /** There are no credentials: the task that would have been sent next bears the error, everything else waits. */
  #failNext(error: ApiError): void {
    const nowMs = this.#clock.monotonic();
    const probing = this.refusal.refused;
    const task = this.#queue.take(Number.POSITIVE_INFINITY);
    if (task !== undefined) this.#performer.fail(task, error);
    this.#refuse(task, nowMs, nowMs);
    if (probing) this.refusal.probeFailed(nowMs);
  }

  /** Waits for a slot and starts the most urgent task in it; while refused, also waits for the outcome. */
  async #startOne(signal: AbortSignal): Promise<void> {
    this.#applyLimits();
    let ended: Promise<void> = Promise.resolve();
    const started = await this.#limiter.start(() => {
      ended = this.#performNext(signal);
      return ended;
    });
    if (started && this.refusal.refused) await ended;
  }

  async #performNext(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonic();
    // A reload may have brought other credentials while the slot was waited for: they are to be looked at first.
    if (signal.aborted || this.credentials !== this.#ensured || this.#startsAtMs() > nowMs) return;
    const probing = this.refusal.refused;
    const task = this.#queue.take(probing ? Number.POSITIVE_INFINITY : nowMs);
    if (task === undefined) return;
    const outcome = await this.#performer.perform(task);
    if (outcome.sent) this.#settle(task, outcome.error, nowMs, probing);
  }

  /** Draws the conclusions from an outcome for everything under these credentials. */
  #settle(task: Task, error: ApiError | undefined, sentAtMs: number, probing: boolean): void {
    const nowMs = this.#clock.monotonic();
    this.#failedByRefusal.delete(task);
    if (error?.kind === 'refused') this.#refuse(task, sentAtMs, nowMs);
    if (error?.retryAfterMs !== undefined) this.pace.pause(nowMs, error.retryAfterMs);
    if (error?.kind === 'throttled') {
      this.pace.throttled({ sentAtMs, nowMs });
      this.#applyLimits();
    }
    const accepted = error === undefined || error.kind === 'answered' || error.kind === 'denied';
    if (accepted && this.refusal.accepted(sentAtMs)) this.#resume(nowMs);
    else if (probing && this.refusal.refused) this.refusal.probeFailed(nowMs);
  }

  #refuse(task: Task | undefined, sentAtMs: number, nowMs: number): void {
    const before = this.refusal.refused;
    this.refusal.refusedAt(sentAtMs, nowMs);
    if (!this.refusal.refused) return;
    if (task !== undefined && this.#owns(task)) this.#failedByRefusal.add(task);
    if (before) return;
    this.#onRefusal(true);
    // Who rests for long does not know yet that secret files are to be looked at meanwhile.
    this.#wake(Number.NEGATIVE_INFINITY);
  }

  /** The credentials are good again: what failed only because of them is asked at once. */
  #resume(nowMs: number): void {
    this.#onRefusal(false);
    for (const task of this.#failedByRefusal) {
      if (task.position >= 0 && this.#owns(task)) this.#queue.put(task, task.line, nowMs);
    }
    this.#failedByRefusal.clear();
    this.#wake(nowMs);
  }

  /** A reload may have given a task that was under way to another lane. */
  #owns(task: Task): boolean {
    return instanceOf(task).lane === this;
  }

  #applyLimits(): void {
    const requestsPerSecond = this.pace.current(this.#clock.monotonic());
    this.#limiter.limits = { requestsPerSecond, maxConcurrent: this.#maxConcurrent };
  }
}
