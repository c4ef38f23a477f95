// Looks up the id or the names of a repository, and tries again until it is found.

import { ApiError } from '../acr/api-error.ts';
import { isNoSuchThing } from '../acr/error-codes.ts';
import type { PollError } from '../model/scan.ts';
import type { Timing } from '../model/settings.ts';
import type { FoundRepository, Repository } from '../model/target.ts';
import type { TaskGroup } from '../scheduler/due-queue.ts';
import { backoffDelayMs } from '../scheduler/poll-delay.ts';
import { NOT_QUEUED, type Outcome, type Task } from '../scheduler/task.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { FailureLog } from './failure-log.ts';
import { outcomeOf, type RequestSender } from './request-sender.ts';
import type { WatchedInstance } from './watched-instance.ts';

const ACTION = 'GetRepository';

/** The parts that all lookups share. */
export type LookupContext = {
  readonly requests: RequestSender;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly timing: () => Timing;
  readonly failures: FailureLog<RepositoryLookup>;
};

/** The object that the lookup is for. Its repository may be replaced while the lookup waits. */
export type LookupSubject = { readonly instance: WatchedInstance; readonly repository: Repository };

export type LookupEvents = {
  readonly found: (lookup: RepositoryLookup, repository: FoundRepository) => void;
  /** There is no repository with these names any more, although its id was known. */
  readonly gone: (lookup: RepositoryLookup) => void;
  readonly failed: (lookup: RepositoryLookup, error: PollError) => void;
};

/** The log of failed lookups. */
export function lookupFailures(options: {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
}): FailureLog<RepositoryLookup> {
  const texts = {
    action: ACTION,
    begun: 'repository lookups fail',
    over: 'repository lookups no longer fail',
    failed: 'repository lookup failed',
    counted: 'repositories',
    instanceOf: ({ instance }: RepositoryLookup) => instance.id,
    nameOf: ({ repository }: RepositoryLookup) => repositoryName(repository),
    isWatched: (lookup: RepositoryLookup) => lookup.isOutstanding(),
  } as const;
  return new FailureLog(texts, options);
}

export class RepositoryLookup implements Task {
  group: TaskGroup = NOT_QUEUED.group;
  dueAtMs = NOT_QUEUED.dueAtMs;
  heap = NOT_QUEUED.heap;
  position = NOT_QUEUED.position;
  /** Whether the id is known, and is looked up again because the API answered that it does not exist. */
  confirms: boolean;
  readonly component = 'polling';
  readonly #subject: LookupSubject;
  readonly #context: LookupContext;
  readonly #events: LookupEvents;
  /** Failed lookups in a row. */
  #failures = 0;
  #hasEnded = false;

  constructor(subject: LookupSubject, confirms: boolean, context: LookupContext, events: LookupEvents) {
    this.#subject = subject;
    this.confirms = confirms;
    this.#context = context;
    this.#events = events;
  }

  get instance(): WatchedInstance {
    return this.#subject.instance;
  }

  get repository(): Repository {
    return this.#subject.repository;
  }

  get scheduler() {
    return this.instance.scheduler;
  }

  /** Schedules the first request at once. */
  begin(): void {
    this.#schedule(0);
  }

  /** Ends the lookup. An answer that is under way is dropped. */
  end(): void {
    this.#hasEnded = true;
    this.scheduler.withdraw(this);
  }

  perform(): Promise<Outcome> {
    return outcomeOf(() => this.#ask());
  }

  fail(error: ApiError): void {
    this.#context.requests.failed(this.instance.id, ACTION, error.code);
    this.#failed(error);
  }

  isOutstanding(): boolean {
    return !this.#hasEnded;
  }

  logFields() {
    const { instanceId, namespace, name } = this.repository;
    return { instance_id: instanceId, repo_namespace: namespace || undefined, repo_name: name };
  }

  async #ask(): Promise<ApiError | undefined> {
    const { instanceId, id, namespace, name } = this.repository;
    const request =
      id === '' || this.confirms
        ? { instanceId, repoNamespaceName: namespace, repoName: name }
        : { instanceId, repoId: id };
    const { requests, failures, timing } = this.#context;
    const answer = await requests.send(this, this.instance, ACTION, (api) => api.getRepository(request));
    if (answer instanceof ApiError) {
      if (this.confirms && answer.kind === 'answered' && isNoSuchThing(answer.code)) this.#events.gone(this);
      this.#failed(answer);
      return answer;
    }
    if (this.#hasEnded) return undefined;
    failures.answered(this);
    // The owner ends the lookup, but after other changes that are under way.
    this.#schedule(timing().backoff.maxMs);
    this.#events.found(this, { id: answer.repoId, namespace: answer.repoNamespaceName, name: answer.repoName });
    return undefined;
  }

  #failed({ code, message, requestId }: ApiError): void {
    if (this.#hasEnded) return;
    const { clock, random, timing, failures } = this.#context;
    this.#failures += 1;
    const error = { code, message, requestId, timeMs: clock.now() };
    failures.failed(this, error);
    this.#events.failed(this, error);
    this.#schedule(backoffDelayMs(this.#failures, timing().backoff, random()));
  }

  #schedule(delayMs: number): void {
    this.scheduler.schedule(this, 'lookup', this.#context.clock.monotonic() + delayMs);
  }
}

/** `shop/api`, or the name alone while the namespace is unknown. */
export function repositoryName({ namespace, name }: Repository): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
