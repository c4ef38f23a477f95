// Sends requests of the scheduler, one at a time for each task, and counts them.
import { type AcrOperations, type ApiAction, ApiError, StaleConnection } from '../acr/api.ts';
import type { Clock } from '../util/clock.ts';
import { instanceOf, type Task } from './task.ts';

/** Who counts requests: `metrics/own.ts`. Durations are in seconds. */
export interface RequestMeter {
  requestSent(instanceId: string, action: ApiAction): void;
  requestEnded(instanceId: string, action: ApiAction, seconds: number): void;
  requestFailed(instanceId: string, action: ApiAction, code: string): void;
}

/** What came of a request: an answer, or the error that it failed with. */
export type Reply<Body> =
  | { readonly body: Body; readonly error: undefined }
  | { readonly body: undefined; readonly error: ApiError };

/** A request is worth sending once more, in the next slot: its task is put back. Nothing else comes of it. */
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
   * Makes a call, which sends one request for a task. Rejects with {@link SendAgain} when the request was lost with a stale connection, the
   * first time: the next one for this task goes on a fresh one, and counts. Rejects with what is no `ApiError` too: an error of our own
   * code.
   *
   * @param isFailure whether an error counts as a failed request; of another one that is not known yet
   */
  async send<Body>(
    task: Task,
    action: ApiAction,
    call: (api: AcrOperations) => Promise<{ readonly body: Body }>,
    isFailure: (error: ApiError) => boolean = () => true,
  ): Promise<Reply<Body>> {
    const { id, api } = instanceOf(task);
    if (api === undefined) throw new Error(`instance ${id} has no API client yet: its scheduler was started too early`);
    const sentAtMs = this.#clock.monotonic();
    const isAgain = this.#again.delete(task);
    this.#meter.requestSent(id, action);
    try {
      const { body } = await call(isAgain ? api.afresh : api);
      return { body, error: undefined };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error instanceof StaleConnection && !isAgain) {
        this.#again.add(task);
        throw new SendAgain();
      }
      if (isFailure(error)) this.failed(id, action, error.code);
      return { body: undefined, error };
    } finally {
      this.#meter.requestEnded(id, action, (this.#clock.monotonic() - sentAtMs) / 1_000);
    }
  }

  /** Counts a request that failed with this code, be it that it could not be sent or that its answer makes no sense. */
  failed(instanceId: string, action: ApiAction, code: string): void {
    this.#meter.requestFailed(instanceId, action, code);
  }
}
