// Sends the requests of tasks, one at a time for each task, and counts them.
import { ApiError, StaleConnection } from '../acr/api-error.ts';
import type { AcrOperations, ApiAction } from '../acr/operations.ts';
import type { Outcome, Task } from '../scheduler/task.ts';
import type { Clock } from '../util/clock.ts';
import type { WatchedInstance } from './watched-instance.ts';

/** Counts requests: `metrics/self-metrics.ts`. Durations are in seconds. */
export interface RequestMeter {
  requestSent(instanceId: string, action: ApiAction): void;
  requestEnded(instanceId: string, action: ApiAction, seconds: number): void;
  requestFailed(instanceId: string, action: ApiAction, code: string): void;
}

/** A request was lost with a stale connection, and can be sent once more in the next slot. */
export class SendAgain extends Error {
  override readonly name = 'SendAgain';
}

export class RequestSender {
  readonly #meter: RequestMeter;
  readonly #clock: Clock;
  /** Tasks whose last request was lost with a stale connection. */
  readonly #again = new WeakSet<Task>();

  constructor(meter: RequestMeter, clock: Clock) {
    this.#meter = meter;
    this.#clock = clock;
  }

  /**
   * Sends one request of a task. Gives its answer or its error. Rejects with {@link SendAgain} if the request is lost with a stale connection:
   * the next request of this task uses a fresh connection, and gives an error if that is lost too. Any other rejection is an error of our
   * own code.
   *
   * @param isFailure whether an error counts as a failed request now; otherwise the caller counts it later, if it was one
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

  /** Counts a failed request: one that was not sent, was answered with an error, or could not be parsed. */
  failed(instanceId: string, action: ApiAction, code: string): void {
    this.#meter.requestFailed(instanceId, action, code);
  }
}

/**
 * The outcome of a task that sends a request. A request that was lost with a stale connection puts the task back.
 *
 * @param send gives the error of the request, or undefined if it was answered
 */
export async function outcomeOf(send: () => Promise<ApiError | undefined>): Promise<Outcome> {
  try {
    return { kind: 'sent', error: await send() };
  } catch (error) {
    if (error instanceof SendAgain) return { kind: 'put-back' };
    throw error;
  }
}
