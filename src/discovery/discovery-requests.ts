// The task of an instance's discovery: sends its requests one after the other, each when the scheduler starts it.
import { ApiError } from '../acr/api-error.ts';
import type { AcrOperations, ApiAction } from '../acr/operations.ts';
import { outcomeOf, type RequestSender } from '../polling/request-sender.ts';
import type { WatchedInstance } from '../polling/watched-instance.ts';
import type { TaskGroup } from '../scheduler/due-queue.ts';
import { NOT_QUEUED, type Outcome, type Task } from '../scheduler/task.ts';

/** Thrown when the discovery ends during a request. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

/** A request that waits for its slot, or is under way. */
type QueuedRequest = {
  send(): Promise<ApiError | undefined>;
  fail(error: ApiError): void;
  cancel(): void;
};

export class DiscoveryRequests implements Task {
  group: TaskGroup = 'discovery';
  dueAtMs = NOT_QUEUED.dueAtMs;
  heap = NOT_QUEUED.heap;
  position = NOT_QUEUED.position;
  readonly component = 'discovery';
  readonly #instance: WatchedInstance;
  readonly #requests: RequestSender;
  #pending: QueuedRequest | undefined;
  #inFlight: QueuedRequest | undefined;
  #isCancelled = false;

  constructor(instance: WatchedInstance, requests: RequestSender) {
    this.#instance = instance;
    this.#requests = requests;
  }

  get scheduler() {
    return this.#instance.scheduler;
  }

  /**
   * Sends a request in a slot of the scheduler, not before `dueAtMs` by the monotonic clock. Resolves to its answer or its error. Call it
   * again only when the promise has settled. Rejects with {@link Cancelled} only.
   *
   * @param isExpected whether an error is expected: then it does not count as a failed request
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
        this.#pending = undefined;
        resolve(answer);
      };
      this.#pending = {
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

  /** Rejects the present request and every later one. */
  cancel(): void {
    this.#isCancelled = true;
    this.scheduler.withdraw(this);
    this.#pending?.cancel();
    this.#pending = undefined;
  }

  async perform(): Promise<Outcome> {
    const pending = this.#pending;
    if (pending === undefined) return { kind: 'ended' };
    this.#inFlight = pending;
    try {
      return await outcomeOf(() => pending.send());
    } finally {
      if (this.#inFlight === pending) this.#inFlight = undefined;
    }
  }

  fail(error: ApiError): void {
    this.#pending?.fail(error);
  }

  isOutstanding(): boolean {
    return this.#pending !== undefined && this.#pending !== this.#inFlight;
  }

  logFields() {
    return { instance_id: this.#instance.id };
  }
}
