// Looks up what is missing of a repository, its id or its names, again and again until it is found.
import type { ApiError } from '../acr/api.ts';
import type { PollError } from '../model/scan.ts';
import type { Timing } from '../model/settings.ts';
import type { FoundRepository } from '../model/target.ts';
import { backoffDelayMs } from '../scheduler/intervals.ts';
import type { Outcome } from '../scheduler/parts.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { isNoSuchThing } from './error-codes.ts';
import { FailureLog } from './failure-log.ts';
import type { Requests } from './requests.ts';
import { type LookupTask, nameOf } from './task.ts';

const ACTION = 'GetRepository';

export type LookupOptions = {
  readonly requests: Requests;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  readonly timing: () => Timing;
  readonly lookedUp: (task: LookupTask, found: FoundRepository) => void;
  /** There is no repository of these names, although an id was known for them. */
  readonly gone: (task: LookupTask) => void;
  readonly lookupFailed: (task: LookupTask, error: PollError) => void;
};

export class RepositoryLookup {
  readonly #options: LookupOptions;
  readonly #failures: FailureLog<LookupTask>;

  constructor(options: LookupOptions) {
    this.#options = options;
    const words = {
      action: ACTION,
      begun: 'repository lookups fail',
      over: 'repository lookups no longer fail',
      failed: 'repository lookup failed',
      counted: 'repositories',
      instanceOf: ({ watched }: LookupTask) => watched.instance.id,
      nameOf,
      isWatched: (task: LookupTask) => task.watched.lookup === task,
    } as const;
    this.#failures = new FailureLog(words, options);
  }

  /** Sends the task's request and tells what it found. */
  async perform(task: LookupTask): Promise<Outcome> {
    const { instanceId, id, namespace, name } = task.watched.repository;
    const request =
      id === '' || task.confirms
        ? { instanceId, repoNamespaceName: namespace, repoName: name }
        : { instanceId, repoId: id };
    const { requests, lookedUp, gone, timing } = this.#options;
    const { body, error } = await requests.send(task, ACTION, (api) => api.getRepository(request));
    if (error !== undefined) {
      if (task.confirms && error.kind === 'answered' && isNoSuchThing(error.code)) gone(task);
      this.#failed(task, error);
    } else if (task.watched.lookup === task) {
      this.#failures.answered(task);
      // What was found ends the lookup, though not before the changes that are under way.
      this.#schedule(task, timing().backoff.maxMs);
      lookedUp(task, { id: body.repoId, namespace: body.repoNamespaceName, name: body.repoName });
    }
    return { kind: 'performed', error };
  }

  /** The request could not be sent. */
  fail(task: LookupTask, error: ApiError): void {
    this.#options.requests.failed(task.watched.instance.id, ACTION, error.code);
    this.#failed(task, error);
  }

  #failed(task: LookupTask, { code, message, requestId }: ApiError): void {
    const { clock, random, timing, lookupFailed } = this.#options;
    const { watched } = task;
    if (watched.lookup !== task) return;
    task.failures += 1;
    const error = { code, message, requestId, timeMs: clock.now() };
    this.#failures.failed(task, error);
    lookupFailed(task, error);
    this.#schedule(task, backoffDelayMs(task.failures, timing().backoff, random()));
  }

  #schedule(task: LookupTask, delayMs: number): void {
    task.watched.instance.scheduler.schedule(task, 'lookup', this.#options.clock.monotonic() + delayMs);
  }
}
