// The task of an instance's discovery: its requests, one after the other, each when the scheduler gives it a turn.
import { type AcrOperations, type ApiAction, ApiError } from '../acr/api.ts';
import type { WatchedInstance } from '../polling/instance.ts';
import { outcomeOf, type Requests } from '../polling/requests.ts';
import type { Line } from '../scheduler/due-queue.ts';
import { NOT_QUEUED, type Outcome, type Task } from '../scheduler/task.ts';

/** The discovery has ended: its answers are of no use. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

/** A request that waits for its turn, or is under way. */
type Waiting = {
  send(): Promise<ApiError | undefined>;
  fail(error: ApiError): void;
  cancel(): void;
};

export class DiscoveryRequests implements Task {
  line: Line = 'discovery';
  dueAtMs = NOT_QUEUED.dueAtMs;
  heap = NOT_QUEUED.heap;
  position = NOT_QUEUED.position;
  readonly component = 'discovery';
  readonly #instance: WatchedInstance;
  readonly #requests: Requests;
  #waiting: Waiting | undefined;
  #underWay: Waiting | undefined;
  #isCancelled = false;

  constructor(instance: WatchedInstance, requests: Requests) {
    this.#instance = instance;
    this.#requests = requests;
  }

  get scheduler() {
    return this.#instance.scheduler;
  }

  /**
   * Sends a request when it is its turn, and not before `dueAtMs` by the monotonic clock. Gives its answer or its error. Call it again only
   * when the promise has settled. Rejects with {@link Cancelled}, and with nothing else.
   *
   * @param isExpected whether an error is as good as an answer: it does not count as a failed request
   */
  ask<Answer extends object>(
    action: ApiAction,
    call: (api: AcrOperations) => Promise<Answer>,
    dueAtMs: number,
    isExpected: (error: ApiError) => boolean = () => false,
  ): Promise<Answer | ApiError> {
    if (this.#isCancelled) return Promise.reject(new Cancelled());
    return new Promise((resolve, reject) => {
      const settle = (answer: Answer | ApiError) => {
        this.#waiting = undefined;
        resolve(answer);
      };
      this.#waiting = {
        send: async () => {
          const answer = await this.#requests.send(this, this.#instance, action, call, (error) => !isExpected(error));
          settle(answer);
          return answer instanceof ApiError ? answer : undefined;
        },
        fail: (error) => {
          this.#requests.failed(this.#instance.id, action, error.code);
          settle(error);
        },
        cancel: () => reject(new Cancelled()),
      };
      this.scheduler.schedule(this, 'discovery', dueAtMs);
    });
  }

  throwIfCancelled(): void {
    if (this.#isCancelled) throw new Cancelled();
  }

  /** Ends the present request and every later one. */
  cancel(): void {
    this.#isCancelled = true;
    this.scheduler.withdraw(this);
    this.#waiting?.cancel();
    this.#waiting = undefined;
  }

  async perform(): Promise<Outcome> {
    const waiting = this.#waiting;
    if (waiting === undefined) return { kind: 'ended' };
    this.#underWay = waiting;
    try {
      return await outcomeOf(() => waiting.send());
    } finally {
      if (this.#underWay === waiting) this.#underWay = undefined;
    }
  }

  fail(error: ApiError): void {
    this.#waiting?.fail(error);
  }

  isOutstanding(): boolean {
    return this.#waiting !== undefined && this.#waiting !== this.#underWay;
  }

  logFields() {
    return { instance_id: this.#instance.id };
  }
}
