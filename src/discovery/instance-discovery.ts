// The discovery of one instance: a run, a pause, the next run.

import type { DiscoveryStatus, RuleCount } from '../model/exporter-status.ts';
import type { ListScope } from '../model/list-scopes.ts';
import { type Moment, pastMonotonicMs, wallMs } from '../model/moment.ts';
import type { PollError } from '../model/scan.ts';
import type { Backoff } from '../model/settings.ts';
import type { DiscoveryMemory } from '../model/snapshot.ts';
import type { FoundRepository } from '../model/target.ts';
import { FailureLog } from '../polling/failure-log.ts';
import type { RequestSender } from '../polling/request-sender.ts';
import type { WatchedInstance } from '../polling/watched-instance.ts';
import { backoffDelayMs, spreadMs } from '../scheduler/poll-delay.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import { keepRunning } from '../util/keep-running.ts';
import type { Logger } from '../util/logger.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import { Cancelled, DiscoveryRequests } from './discovery-requests.ts';
import { DiscoveryRun, type DiscoveryRunResult, ListingTimes } from './discovery-run.ts';
import { EmptyRuleLog } from './empty-rule-log.ts';
import type { ListFailure } from './paginate.ts';
import { PushedRepositories, type PushedRepository } from './pushed-repositories.ts';
import type { DiscoveredReconciler } from './reconcile-discovered.ts';
import type { DiscoverySettings } from './rules.ts';
import type { TagLimit } from './tag-limit.ts';

/** What the discoveries of all instances share. */
export type DiscoveryContext = {
  readonly reconciler: DiscoveredReconciler;
  readonly tagLimit: TagLimit;
  readonly yieldEvery: YieldEvery;
  readonly requests: RequestSender;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  readonly errors: InternalErrors;
  readonly backoff: () => Backoff;
  /** Called at the end of every run, successful or not, with its duration. */
  readonly runEnded: (seconds: number) => void;
};

export type InstanceDiscoveryOptions = DiscoveryContext & {
  readonly instance: WatchedInstance;
  readonly settings: DiscoverySettings;
  /** From the end of a run to the next. */
  readonly intervalMs: number;
};

export class InstanceDiscovery {
  readonly instance: WatchedInstance;
  /** A reload without a change of the rules replaces them. */
  settings: DiscoverySettings;
  readonly #options: InstanceDiscoveryOptions;
  readonly #requests: DiscoveryRequests;
  readonly #end = new AbortController();
  readonly #runFailures: FailureLog<InstanceDiscovery>;
  readonly #repositoryFailures: FailureLog<FoundRepository>;
  /** Repositories whose tags could not be listed, by id. */
  readonly #failingRepositories = new Map<string, FoundRepository>();
  /** Namespaces and repositories that a rule names and that do not exist. */
  readonly #missingScopes = new Set<string>();
  #lastSuccessMs: number | undefined;
  #lastError: PollError | undefined;
  #rules: readonly RuleCount[] | undefined;
  /** When the last run ended, by the monotonic clock; undefined before the first under these rules. */
  #endedAtMs: number | undefined;
  /** Failed runs in a row. */
  #failures = 0;
  readonly #emptyRuleLog: EmptyRuleLog;
  /** The requests between the runs, because of pushes. */
  readonly #pushRequests: DiscoveryRequests;
  readonly #pushed: PushedRepositories;
  readonly #listings = new ListingTimes();

  constructor(options: InstanceDiscoveryOptions) {
    const { instance, requests, logger, clock } = options;
    this.#options = options;
    this.settings = options.settings;
    this.instance = instance;
    this.#requests = new DiscoveryRequests(instance, requests);
    this.#pushRequests = new DiscoveryRequests(instance, requests);
    this.#pushed = new PushedRepositories({
      list: (names) => this.#listPushed(names),
      report: (error) => options.errors.report('discovery', error, { instance_id: instance.id }),
    });
    this.#emptyRuleLog = new EmptyRuleLog(instance.id, logger);
    const logOptions = { logger, clock, stopping: AbortSignal.any([options.stopping, this.#end.signal]) };
    this.#runFailures = new FailureLog(
      {
        action: 'ListRepository',
        begun: 'discovery fails',
        over: 'discovery no longer fails',
        failed: 'discovery failed',
        counted: 'instances',
        instanceOf: () => instance.id,
        nameOf: () => instance.id,
        isWatched: () => true,
      },
      logOptions,
    );
    this.#repositoryFailures = new FailureLog(
      {
        action: 'ListRepoTag',
        begun: 'tags of repositories are not listed',
        over: 'tags of repositories are listed again',
        failed: 'tags of a repository not listed',
        counted: 'repositories',
        instanceOf: () => instance.id,
        nameOf: ({ namespace, name }) => `${namespace}/${name}`,
        isWatched: () => true,
      },
      logOptions,
    );
  }

  /** What outlives the process, besides the rules. */
  memory(moment: Moment): Omit<DiscoveryMemory, 'rules' | 'intervalMs'> {
    const { truncated, lastSuccessMs: success, lastError: error, rules: counts } = this.status();
    const ended = this.#endedAtMs === undefined ? undefined : wallMs(this.#endedAtMs, moment);
    return { success, error, ended, failures: this.#failures, truncated, counts };
  }

  /**
   * Goes on with what a former process knew. Call it before {@link start}.
   *
   * @param isSameConfig whether the rules and the interval are the same: else a run is due at once
   */
  resume(
    { success, error, ended, failures, truncated, counts }: DiscoveryMemory,
    isSameConfig: boolean,
    moment: Moment,
  ) {
    this.#lastSuccessMs = success;
    this.#lastError = error;
    if (truncated) this.#options.tagLimit.resumeTruncated(this.instance.id);
    if (!isSameConfig) return;
    this.#rules = counts;
    this.#failures = failures;
    if (ended !== undefined) this.#endedAtMs = pastMonotonicMs(ended, moment);
  }

  /** @param before the status of the instance's former discovery */
  start(before: DiscoveryStatus | undefined): void {
    if (before !== undefined) {
      this.#lastSuccessMs = before.lastSuccessMs;
      this.#lastError = before.lastError;
    }
    for (const task of [this.#requests, this.#pushRequests]) this.instance.tasks.add(task);
    const { clock, errors } = this.#options;
    void keepRunning(() => this.#loop(), this.#end.signal, {
      clock,
      report: (error) => errors.report('discovery', error, { instance_id: this.instance.id }),
    });
  }

  stop(): void {
    this.#end.abort();
    for (const task of [this.#requests, this.#pushRequests]) {
      task.cancel();
      this.instance.tasks.delete(task);
    }
  }

  /**
   * An event says that a tag was pushed: lists the tags of its repository as soon as possible, if a rule takes the tag.
   *
   * @returns `unwatched` if no rule takes it, `dropped` if too many repositories wait: then the next run lists this one
   */
  pushed({ namespace, name }: PushedRepository, tag: string): 'taken' | 'unwatched' | 'dropped' {
    // Which replica owns it may depend on its id.
    const repository = this.#options.reconciler.known(this.instance.id, { namespace, name });
    if (!this.settings.rules.takesTag(repository ?? { id: '', namespace, name }, tag)) return 'unwatched';
    return this.#pushed.add({ namespace, name }) ? 'taken' : 'dropped';
  }

  async #listPushed(names: PushedRepository): Promise<void> {
    const { reconciler } = this.#options;
    const run = new DiscoveryRun({
      ...this.#options,
      discoveryRequests: this.#pushRequests,
      settings: () => this.settings,
      listings: this.#listings,
      repositoryFailed: (repository, failure) => this.#repositoryFailed(repository, failure),
      repositoryListed: ({ id }) => this.#repositoryListed(id),
      scopeMissing: () => {},
    });
    await run.runFor(names, reconciler.known(this.instance.id, names));
  }

  status(): DiscoveryStatus {
    const { instance, tagLimit } = this.#options;
    return {
      instanceId: instance.id,
      tags: instance.discoveredTags,
      truncated: tagLimit.isTruncated(instance.id),
      lastSuccessMs: this.#lastSuccessMs,
      lastError: this.#lastError,
      rules: this.#rules,
    };
  }

  /** Makes one run after the other until it is stopped. */
  async #loop(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const succeeded = await this.#tryRun(this.#nextStartMs());
      if (this.#end.signal.aborted) return;
      this.#failures = succeeded ? 0 : this.#failures + 1;
      this.#endedAtMs = clock.monotonic();
    }
  }

  /** When the next run is due: at once if there was none under these rules, or it is overdue since before the process started. */
  #nextStartMs(): number {
    const { clock, random, intervalMs, backoff } = this.#options;
    if (this.#endedAtMs === undefined) return clock.monotonic();
    const delayMs =
      this.#failures === 0
        ? spreadMs(intervalMs, random())
        : backoffDelayMs(this.#failures, { ...backoff(), maxMs: intervalMs }, random());
    return Math.max(clock.monotonic(), this.#endedAtMs + delayMs);
  }

  /** An error of our own code fails the run. The next run waits for the back-off, since a run makes many requests. */
  async #tryRun(startAtMs: number): Promise<boolean> {
    try {
      return await this.#run(startAtMs);
    } catch (error) {
      if (error instanceof Cancelled) return false;
      const { clock, errors } = this.#options;
      errors.report('discovery', error, { instance_id: this.instance.id });
      const message = `an error of the exporter itself, see its log: ${error instanceof Error ? error.message : error}`;
      this.#lastError = { code: 'InternalError', message, requestId: '', timeMs: clock.now() };
      return false;
    }
  }

  async #run(startAtMs: number): Promise<boolean> {
    const { clock, runEnded } = this.#options;
    const missingScopes = new Set<string>();
    /** Ids of the repositories whose tags could not be listed. */
    const failed = new Set<string>();
    const run = new DiscoveryRun({
      ...this.#options,
      discoveryRequests: this.#requests,
      settings: () => this.settings,
      listings: this.#listings,
      repositoryFailed: (repository, failure) => {
        failed.add(repository.id);
        this.#repositoryFailed(repository, failure);
      },
      repositoryListed: ({ id }) => this.#repositoryListed(id),
      scopeMissing: (scope, { code }) => {
        missingScopes.add(nameOf(scope));
        this.#warnMissing(scope, code);
      },
    });
    const result = await run.run(startAtMs);
    const endMs = clock.monotonic();
    this.#listings.forgetBefore(run.beganAtMs);
    // A request that could not be sent may fail before it is due.
    runEnded((endMs - Math.min(startAtMs, run.beganAtMs, endMs)) / 1_000);
    const error = result.failure ?? result.denied;
    this.#lastError = error && {
      code: error.code,
      message: error.message,
      requestId: error.requestId,
      timeMs: clock.now(),
    };
    if (result.failure !== undefined) {
      this.#runFailures.failed(this, result.failure);
      return false;
    }
    for (const name of this.#missingScopes) if (!missingScopes.has(name)) this.#missingScopes.delete(name);
    // The other failing repositories are gone, or no rule takes them any more.
    for (const id of this.#failingRepositories.keys()) if (!failed.has(id)) this.#repositoryListed(id);
    this.#succeeded(result);
    return true;
  }

  #succeeded({ denied, found }: DiscoveryRunResult): void {
    const { clock, logger } = this.#options;
    const fields = { instance_id: this.settings.instanceId, tags: this.status().tags };
    if (this.#lastSuccessMs === undefined) logger.info('discovered', fields);
    else logger.debug('discovered', fields);
    this.#lastSuccessMs = clock.now();
    this.#runFailures.answered(this);
    if (found !== undefined) {
      this.#rules = found.counts;
      this.#emptyRuleLog.update(this.settings.rules, { ...found, isComplete: denied === undefined });
    }
  }

  /** A rule that names something that does not exist is probably a mistake. It is logged once, until it exists. */
  #warnMissing(scope: ListScope, code: string): void {
    const name = nameOf(scope);
    if (this.#missingScopes.has(name)) return;
    this.#missingScopes.add(name);
    const fields = { instance_id: this.instance.id, repo_namespace: scope.namespace, repo_name: scope.name, code };
    this.#options.logger.warn('a discovery rule names a namespace or repository that does not exist', fields);
  }

  #repositoryFailed(repository: FoundRepository, error: ListFailure): void {
    const known = this.#failingRepositories.get(repository.id) ?? repository;
    this.#failingRepositories.set(repository.id, known);
    this.#repositoryFailures.failed(known, error);
  }

  #repositoryListed(id: string): void {
    const known = this.#failingRepositories.get(id);
    if (known === undefined) return;
    this.#failingRepositories.delete(id);
    this.#repositoryFailures.answered(known);
  }
}

function nameOf({ namespace = '', name = '' }: ListScope): string {
  return JSON.stringify([namespace, name]);
}
