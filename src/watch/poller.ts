// Does what a task is about: sends one request, makes of its outcome what is known of the tag, and schedules the task again.
import type { AcrApi, ApiAction, ApiError } from '../acr/api.ts';
import type { StateStore } from '../state/store.ts';
import { type PollError, type PollEvent, SCAN_STATUSES, UNKNOWN_STATUS } from '../state/tag-state.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { describeTask, FailureLog } from './failure-log.ts';
import type { Outcome, TaskPerformer } from './lane.ts';
import type { LookupTask, PollTask, Task } from './task.ts';
import { backoffDelayMs, groupOf, pollDelayMs, type Timing } from './timing.ts';
import type { FoundRepository } from './watch-list.ts';

/** Who counts requests: `metrics/own.ts`. Durations are in seconds. */
export interface RequestMeter {
  requestSent(instanceId: string, action: ApiAction): void;
  requestEnded(instanceId: string, action: ApiAction, seconds: number): void;
  requestFailed(instanceId: string, action: ApiAction, code: string): void;
  scanEnded(instanceId: string, seconds: number): void;
}

/** Who is told what the API says of repositories: `watch/roster.ts`. */
export interface LookupReceiver {
  lookedUp(task: LookupTask, found: FoundRepository): void;
  /** There is no such repository, or none any more. */
  lost(task: PollTask): void;
}

/** The API's code for a repository that does not exist, in either of its ways of writing. */
const NO_SUCH_REPOSITORY = /^REPO\w*_NOT_EXIST$|^Repo\w*Not(?:Exist|Found)/;

export type PollerOptions = {
  readonly store: StateStore;
  readonly meter: RequestMeter;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly timing: Timing;
};

export class Poller implements TaskPerformer {
  /** Replaced by a reload; holds from the next poll on. */
  timing: Timing;
  lookups: LookupReceiver | undefined;
  readonly #store: StateStore;
  readonly #meter: RequestMeter;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #failures: FailureLog;
  /** Tags with a request under way, and the tasks that wait for its end: a tag that was removed and added again meanwhile. */
  readonly #underWay = new Map<string, PollTask | undefined>();

  constructor({ store, meter, clock, random, logger, timing }: PollerOptions) {
    this.#store = store;
    this.#meter = meter;
    this.#clock = clock;
    this.#random = random;
    this.#logger = logger;
    this.#failures = new FailureLog(logger, clock);
    this.timing = timing;
  }

  /** Starts to poll a tag at once. */
  begin(task: PollTask): void {
    this.#schedulePoll(task, this.#clock.monotonic());
  }

  /** Brings a poll forward to where the present timing would have put it at the most. */
  hasten(task: PollTask): void {
    const dueAtMs = this.#clock.monotonic() + pollDelayMs(task.tag.state, this.timing, this.#random());
    if (task.position >= 0 && dueAtMs < task.dueAtMs) this.#schedulePoll(task, dueAtMs);
  }

  async perform(task: Task): Promise<Outcome> {
    return task.kind === 'poll' ? this.#poll(task) : this.#lookUp(task);
  }

  fail(task: Task, error: ApiError): void {
    const action = task.kind === 'poll' ? 'GetRepoTagScanStatus' : 'GetRepository';
    this.#meter.requestFailed(task.watched.instance.id, action, error.code);
    if (task.kind === 'poll') this.#pollFailed(task, error);
    else this.#lookupFailed(task, error);
  }

  async #poll(task: PollTask): Promise<Outcome> {
    const { repository, tag, digest, scanTaskId } = task.tag.target;
    const key = JSON.stringify([repository.instanceId, repository.id, tag]);
    if (this.#underWay.has(key)) {
      this.#underWay.set(key, task);
      return { sent: false };
    }
    this.#underWay.set(key, undefined);
    const optional = { ...(digest !== '' && { digest }), ...(scanTaskId !== '' && { scanTaskId }) };
    const request = { instanceId: repository.instanceId, repoId: repository.id, tag, ...optional };
    const outcome = await this.#send(task, 'GetRepoTagScanStatus', (api) => api.getRepoTagScanStatus(request));
    const waiting = this.#underWay.get(key);
    this.#underWay.delete(key);
    if (outcome.error !== undefined) this.#pollFailed(task, outcome.error);
    else this.#pollAnswered(task, outcome.body);
    if (waiting !== undefined && this.#store.has(waiting.tag)) this.begin(waiting);
    return { sent: true, error: outcome.error };
  }

  async #lookUp(task: LookupTask): Promise<Outcome> {
    const { instanceId, id, namespace, name } = task.watched.repository;
    const request =
      id === '' ? { instanceId, repoNamespaceName: namespace, repoName: name } : { instanceId, repoId: id };
    const outcome = await this.#send(task, 'GetRepository', (api) => api.getRepository(request));
    if (outcome.error !== undefined) this.#lookupFailed(task, outcome.error);
    else if (task.watched.lookup === task) {
      const { repoId, repoNamespaceName, repoName } = outcome.body;
      this.#failures.answered(task);
      this.lookups?.lookedUp(task, { id: repoId, namespace: repoNamespaceName, name: repoName });
    }
    return { sent: true, error: outcome.error };
  }

  async #send<Body>(task: Task, action: ApiAction, call: (api: AcrApi) => Promise<{ readonly body: Body }>) {
    const { id: instanceId, api } = task.watched.instance;
    if (api === undefined)
      throw new Error(`instance ${instanceId} has no API client yet: its lane was started too early`);
    const sentAtMs = this.#clock.monotonic();
    this.#meter.requestSent(instanceId, action);
    try {
      const { body } = await call(api);
      return { body, error: undefined };
    } catch (cause) {
      const error = cause as ApiError;
      this.#meter.requestFailed(instanceId, action, error.code);
      return { body: undefined, error };
    } finally {
      this.#meter.requestEnded(instanceId, action, (this.#clock.monotonic() - sentAtMs) / 1_000);
    }
  }

  #pollAnswered(task: PollTask, { status, scanService, requestId }: ScanStatusBody): void {
    const known = SCAN_STATUSES.find((each) => each !== 'unknown' && each.toUpperCase() === status);
    if (known !== undefined && known !== 'unknown') {
      this.#applyPoll(task, { type: 'answered', status: known, scanService });
      return;
    }
    this.#meter.requestFailed(task.watched.instance.id, 'GetRepoTagScanStatus', UNKNOWN_STATUS);
    const message = `expected Status SCANNING, RETRYING, COMPLETE or FAILED, found ${JSON.stringify(status)}`;
    const error = { code: UNKNOWN_STATUS, message, requestId, timeMs: this.#clock.now() };
    this.#applyPoll(task, { type: 'unknown-status', error, scanService });
  }

  #pollFailed(task: PollTask, error: ApiError): void {
    this.#applyPoll(task, { type: 'failed', error: this.#asPollError(error) });
    const { failures } = task.tag.state;
    // The first time, and then ever less often: a repository that is found and yet does not exist is not to use up the quota.
    if (NO_SUCH_REPOSITORY.test(error.code) && Number.isInteger(Math.log2(failures)) && this.#store.has(task.tag)) {
      this.lookups?.lost(task);
    }
  }

  /** An answer for a tag that was removed meanwhile is dropped. */
  #applyPoll(task: PollTask, event: PollEvent): void {
    const { tag, watched } = task;
    if (!this.#store.has(tag)) return;
    const before = tag.state.status;
    const scanDurationMs = this.#store.apply(tag, event, this.#moment());
    if (scanDurationMs !== undefined) this.#meter.scanEnded(watched.instance.id, scanDurationMs / 1_000);
    if (event.type === 'answered') this.#failures.answered(task);
    else this.#failures.failed(task, event.error);
    if (tag.state.status !== before) {
      this.#logger.debug('scan status changed', { ...describeTask(task), from: before, to: tag.state.status });
    }
    this.#schedulePoll(task, this.#clock.monotonic() + pollDelayMs(tag.state, this.timing, this.#random()));
  }

  /** A tag of a repository whose id is not known waits for the lookup. */
  #schedulePoll(task: PollTask, dueAtMs: number): void {
    if (task.tag.target.repository.id === '') return;
    task.watched.instance.lane.schedule(task, groupOf(task.tag.state), dueAtMs);
  }

  /** Tags that cannot be polled without the lookup count as polled without success. */
  #lookupFailed(task: LookupTask, error: ApiError): void {
    const { watched } = task;
    if (watched.lookup !== task) return;
    task.failures += 1;
    const pollError = this.#asPollError(error);
    this.#failures.failed(task, pollError);
    if (watched.repository.id === '') {
      for (const { tag } of watched.polls.values()) {
        this.#store.apply(tag, { type: 'failed', error: pollError }, this.#moment());
      }
    }
    const delayMs = backoffDelayMs(task.failures, this.timing.backoff, this.#random());
    watched.instance.lane.schedule(task, 'unanswered', this.#clock.monotonic() + delayMs);
  }

  #asPollError({ code, message, requestId }: ApiError): PollError {
    return { code, message, requestId, timeMs: this.#clock.now() };
  }

  #moment() {
    return { nowMs: this.#clock.now(), monotonicMs: this.#clock.monotonic() };
  }
}

type ScanStatusBody = { readonly status: string; readonly scanService: string; readonly requestId: string };
