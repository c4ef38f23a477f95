// Sends the requests of tasks, one at a time for each task, and counts them.
import { type AcrOperations, type ApiAction, ApiError, StaleConnection } from '../acr/api.ts';
import type { Outcome, Task } from '../scheduler/task.ts';
import type { Clock } from '../util/clock.ts';
import type { WatchedInstance } from './instance.ts';

/** Counts requests: `metrics/self-metrics.ts`. Durations are in seconds. */
export interface RequestMeter {
  requestSent(instanceId: string, action: ApiAction): void;
  requestEnded(instanceId: string, action: ApiAction, seconds: number): void;
  requestFailed(instanceId: string, action: ApiAction, code: string): void;
}

/** A request was lost with a stale connection and is worth sending once more, in the next slot. */
export class SendAgain extends Error {
  override readonly name = 'SendAgain';
}

export class Requests {
  readonly #meter: RequestMeter;
  readonly #clock: Clock;
  /** Tasks whose last request was lost with a stale connection. */
  readonly #again = new WeakSet<Task>();

  constructor(meter: RequestMeter, clock: Clock) {
    this.#meter = meter;
    this.#clock = clock;
  }

  /**
   * Sends one request of a task and gives its answer, or the error that it failed with. Rejects with {@link SendAgain} the first time that
   * the request is lost with a stale connection: the next one of this task goes on a fresh connection, and counts. Rejects with anything
   * else only where our own code is at fault.
   *
   * @param isFailure whether an error counts as a failed request; of another one that is not known yet
   */
  async send<Answer extends object>(
    task: Task,
    { id, api }: WatchedInstance,
    action: ApiAction,
    call: (api: AcrOperations) => Promise<Answer>,
    isFailure: (error: ApiError) => boolean = () => true,
  ): Promise<Answer | ApiError> {
    if (api === undefined) throw new Error(`instance ${id} has no API client yet: its scheduler was started too early`);
    const sentAtMs = this.#clock.monotonic();
    const isAgain = this.#again.delete(task);
    this.#meter.requestSent(id, action);
    try {
      return await call(isAgain ? api.afresh : api);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error instanceof StaleConnection && !isAgain) {
        this.#again.add(task);
        throw new SendAgain();
      }
      if (isFailure(error)) this.failed(id, action, error.code);
      return error;
    } finally {
      this.#meter.requestEnded(id, action, (this.#clock.monotonic() - sentAtMs) / 1_000);
    }
  }

  /** Counts a request that failed with this code, whether it was not sent or its answer makes no sense. */
  failed(instanceId: string, action: ApiAction, code: string): void {
    this.#meter.requestFailed(instanceId, action, code);
  }
}

/**
 * The outcome of a task that sends a request. A request that is worth sending once more puts the task back.
 *
 * @param send gives the error of the request, undefined where it was answered
 */
export async function outcomeOf(send: () => Promise<ApiError | undefined>): Promise<Outcome> {
  try {
    return { kind: 'sent', error: await send() };
  } catch (error) {
    if (error instanceof SendAgain) return { kind: 'put-back' };
    throw error;
  }
}
