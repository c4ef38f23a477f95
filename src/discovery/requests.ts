// The requests of one instance's discovery: one after the other, each when the scheduler gives it a turn.
import type { AcrOperations, ApiAction, ApiError } from '../acr/api.ts';
import type { Reply, Requests } from '../polling/requests.ts';
import { type DiscoveryTask, type DiscoveryTurns, NOT_QUEUED, type WatchedInstance } from '../polling/task.ts';
import type { Outcome } from '../scheduler/parts.ts';

/** Nobody wants to know any more. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

/** A request that waits for its turn, or is under way. */
type Question = {
  send(): Promise<ApiError | undefined>;
  fail(error: ApiError): void;
  cancel(): void;
};

export class Turns implements DiscoveryTurns {
  readonly task: DiscoveryTask;
  readonly #requests: Requests;
  #question: Question | undefined;
  #underWay: Question | undefined;
  #isCancelled = false;

  constructor(instance: WatchedInstance, requests: Requests) {
    this.task = { ...NOT_QUEUED, line: 'discovery', kind: 'discovery', instance, turns: this };
    this.#requests = requests;
  }

  /**
   * Sends a request when it is its turn, and not before `dueAtMs` by the monotonic clock. To be called again only when the
   * promise has settled. Rejects with {@link Cancelled}, and with nothing else.
   *
   * @param isExpected whether an error does not count as a failed request, since it is as good as an answer
   */
  ask<Body>(
    action: ApiAction,
    call: (api: AcrOperations) => Promise<{ readonly body: Body }>,
    dueAtMs: number,
    isExpected: (error: ApiError) => boolean = () => false,
  ): Promise<Reply<Body>> {
    if (this.#isCancelled) return Promise.reject(new Cancelled());
    const { instance } = this.task;
    return new Promise((resolve, reject) => {
      const settle = (reply: Reply<Body>) => {
        this.#question = undefined;
        resolve(reply);
      };
      this.#question = {
        send: async () => {
          const reply = await this.#requests.send(this.task, action, call, (error) => !isExpected(error));
          settle(reply);
          return reply.error;
        },
        fail: (error) => {
          this.#requests.failed(instance.id, action, error.code);
          settle({ body: undefined, error });
        },
        cancel: () => reject(new Cancelled()),
      };
      instance.scheduler.schedule(this.task, 'discovery', dueAtMs);
    });
  }

  get isAsking(): boolean {
    return this.#question !== undefined && this.#question !== this.#underWay;
  }

  throwIfCancelled(): void {
    if (this.#isCancelled) throw new Cancelled();
  }

  /** Sends the request whose turn it is. */
  async perform(): Promise<Outcome> {
    const question = this.#question;
    if (question === undefined) return { kind: 'ended' };
    this.#underWay = question;
    try {
      return { kind: 'performed', error: await question.send() };
    } finally {
      if (this.#underWay === question) this.#underWay = undefined;
    }
  }

  /** The request whose turn it is could not be sent. */
  fail(error: ApiError): void {
    this.#question?.fail(error);
  }

  /** Ends the present request and every later one. */
  cancel(): void {
    this.#isCancelled = true;
    this.task.instance.scheduler.withdraw(this.task);
    this.#question?.cancel();
    this.#question = undefined;
  }
}
