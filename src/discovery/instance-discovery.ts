// The discovery of one instance: a pass, a pause, the next pass.

import type { ListScope } from '../model/list-scopes.ts';
import type { PollError } from '../model/scan.ts';
import type { Backoff } from '../model/settings.ts';
import type { DiscoveryStatus, RuleCount } from '../model/status.ts';
import type { FoundRepository } from '../model/target.ts';
import { FailureLog } from '../polling/failure-log.ts';
import type { WatchedInstance } from '../polling/instance.ts';
import type { Requests } from '../polling/requests.ts';
import { backoffDelayMs, spreadMs } from '../scheduler/intervals.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import { keepRunning } from '../util/keep-running.ts';
import type { Logger } from '../util/logger.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import { DiscoveryRun } from './discovery-run.ts';
import type { Failure } from './list-all.ts';
import type { DiscoveredReconciler } from './reconcile-discovered.ts';
import { Cancelled, DiscoveryRequests } from './requests.ts';
import { RuleLog } from './rule-log.ts';
import type { DiscoverySettings } from './rules.ts';
import type { TagLimit } from './tag-limit.ts';

/** What the discoveries of all instances share. */
export type DiscoveryContext = {
  readonly reconciler: DiscoveredReconciler;
  readonly tagLimit: TagLimit;
  readonly breath: YieldEvery;
  readonly requests: Requests;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  readonly errors: InternalErrors;
  readonly backoff: () => Backoff;
  /** A pass has ended after so many seconds, whatever came of it. */
  readonly passEnded: (seconds: number) => void;
};

export type InstanceDiscoveryOptions = DiscoveryContext & {
  readonly instance: WatchedInstance;
  readonly settings: DiscoverySettings;
  /** From the end of a pass to the next. */
  readonly intervalMs: number;
};

export class InstanceDiscovery {
  readonly instance: WatchedInstance;
  /** Replaced by a reload that changes nothing of what is discovered. */
  settings: DiscoverySettings;
  readonly #options: InstanceDiscoveryOptions;
  readonly #requests: DiscoveryRequests;
  readonly #end = new AbortController();
  readonly #passes: FailureLog<InstanceDiscovery>;
  readonly #repositories: FailureLog<FoundRepository>;
  /** Repositories whose tags could not be listed, by id. */
  readonly #failing = new Map<string, FoundRepository>();
  /** What the rules name and does not exist. */
  readonly #nothing = new Set<string>();
  #lastSuccessMs: number | undefined;
  #lastError: PollError | undefined;
  #rules: readonly RuleCount[] | undefined;
  readonly #ruleLog: RuleLog;

  constructor(options: InstanceDiscoveryOptions) {
    const { instance, requests, logger, clock } = options;
    this.#options = options;
    this.settings = options.settings;
    this.instance = instance;
    this.#requests = new DiscoveryRequests(instance, requests);
    this.#ruleLog = new RuleLog(instance.id, logger);
    const telling = { logger, clock, stopping: AbortSignal.any([options.stopping, this.#end.signal]) };
    this.#passes = new FailureLog(
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
      telling,
    );
    this.#repositories = new FailureLog(
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
      telling,
    );
  }

  /** @param before what an earlier one had come to */
  start(before: DiscoveryStatus | undefined): void {
    this.#lastSuccessMs = before?.lastSuccessMs;
    this.#lastError = before?.lastError;
    this.#options.instance.discovery = this.#requests;
    const { clock, errors } = this.#options;
    void keepRunning(() => this.#run(), this.#end.signal, {
      clock,
      report: (error) => errors.report('discovery', error, { instance_id: this.instance.id }),
    });
  }

  stop(): void {
    this.#end.abort();
    this.#requests.cancel();
    this.#options.instance.discovery = undefined;
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

  /** Makes one pass after the other until the turns are cancelled. */
  async #run(): Promise<void> {
    const { clock, random, intervalMs, backoff } = this.#options;
    let startAtMs = clock.monotonic();
    let failures = 0;
    for (;;) {
      const succeeded = await this.#tryPass(startAtMs);
      if (this.#end.signal.aborted) return;
      failures = succeeded ? 0 : failures + 1;
      const delayMs = succeeded
        ? spreadMs(intervalMs, random())
        : backoffDelayMs(failures, { ...backoff(), maxMs: intervalMs }, random());
      startAtMs = clock.monotonic() + delayMs;
    }
  }

  /** A pass that an error of our own code ends is a failed one: the next comes after a back-off, since it asks much of the API. */
  async #tryPass(startAtMs: number): Promise<boolean> {
    try {
      return await this.#pass(startAtMs);
    } catch (error) {
      if (error instanceof Cancelled) return false;
      const { clock, errors } = this.#options;
      errors.report('discovery', error, { instance_id: this.instance.id });
      const message = `an error of the exporter itself, which its log tells: ${error instanceof Error ? error.message : error}`;
      this.#lastError = { code: 'InternalError', message, requestId: '', timeMs: clock.now() };
      return false;
    }
  }

  async #pass(startAtMs: number): Promise<boolean> {
    const { clock, passEnded, logger } = this.#options;
    const nothing = new Set<string>();
    /** Repositories that could not be listed. */
    const missed = new Set<string>();
    const pass = new DiscoveryRun({
      ...this.#options,
      discoveryRequests: this.#requests,
      settings: () => this.settings,
      repositoryFailed: (repository, failure) => {
        missed.add(repository.id);
        this.#repositoryFailed(repository, failure);
      },
      repositoryListed: ({ id }) => this.#repositoryListed(id),
      nothingThere: (scope, { code }) => {
        nothing.add(nameOf(scope));
        this.#tellNothing(scope, code);
      },
    });
    const { failure, denied, found } = await pass.run(startAtMs);
    const endMs = clock.monotonic();
    // One that could not be sent may have failed before it was due, too.
    passEnded((endMs - Math.min(startAtMs, pass.beganAtMs, endMs)) / 1_000);
    const told = failure ?? denied;
    this.#lastError = told && {
      code: told.code,
      message: told.message,
      requestId: told.requestId,
      timeMs: clock.now(),
    };
    if (failure !== undefined) {
      this.#passes.failed(this, failure);
      return false;
    }
    for (const name of this.#nothing) if (!nothing.has(name)) this.#nothing.delete(name);
    // Others are gone, or not wanted any more.
    for (const id of this.#failing.keys()) if (!missed.has(id)) this.#repositoryListed(id);
    const fields = { instance_id: this.settings.instanceId, tags: this.status().tags };
    if (this.#lastSuccessMs === undefined) logger.info('discovered', fields);
    else logger.debug('discovered', fields);
    this.#lastSuccessMs = clock.now();
    this.#passes.answered(this);
    if (found !== undefined) {
      this.#rules = found.counts;
      this.#ruleLog.took(this.settings.rules, { ...found, isComplete: denied === undefined });
    }
    return true;
  }

  /** A rule that names what does not exist is likely a mistake; told once, until it exists. */
  #tellNothing(scope: ListScope, code: string): void {
    const name = nameOf(scope);
    if (this.#nothing.has(name)) return;
    this.#nothing.add(name);
    const fields = { instance_id: this.instance.id, repo_namespace: scope.namespace, repo_name: scope.name, code };
    this.#options.logger.warn('a discover rule names what does not exist', fields);
  }

  #repositoryFailed(repository: FoundRepository, error: Failure): void {
    const known = this.#failing.get(repository.id) ?? repository;
    this.#failing.set(repository.id, known);
    this.#repositories.failed(known, error);
  }

  #repositoryListed(id: string): void {
    const known = this.#failing.get(id);
    if (known === undefined) return;
    this.#failing.delete(id);
    this.#repositories.answered(known);
  }
}

function nameOf({ namespace = '', name = '' }: ListScope): string {
  return JSON.stringify([namespace, name]);
}
