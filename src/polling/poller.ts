// Polls tags: sends the request that is due of each, applies what that comes to, and says when to ask again.
import type { ApiError, GetRepoTagScanStatusBody, GetRepoTagScanSummaryBody } from '../acr/api.ts';
import { type PollError, UNKNOWN_STATUS } from '../model/scan.ts';
import type { Timing } from '../model/settings.ts';
import { groupOf, pollDelayMs } from '../scheduler/intervals.ts';
import type { Outcome } from '../scheduler/parts.ts';
import type { StateStore } from '../state/store.ts';
import type { PollEvent, TagEvent } from '../state/tag-state.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { isNoSuchRepository, isNoSuchThing, statusOf } from './error-codes.ts';
import { FailureLog } from './failure-log.ts';
import { Questions, type Subject } from './questions.ts';
import type { Requests } from './requests.ts';
import { scheduleSummary, summaryAnswered, summaryFailed } from './summary.ts';
import { describeTask, nameOf, type PollTask } from './task.ts';

export type PollerOptions = {
  readonly store: StateStore;
  readonly requests: Requests;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  readonly timing: Timing;
  /** A scan that was seen from its start has ended after so many seconds. */
  readonly scanEnded: (instanceId: string, seconds: number) => void;
  /** The API says of a tag that its repository does not exist. */
  readonly lost: (task: PollTask) => void;
};

export class Poller {
  /** Replaced by a reload; holds from the next poll on. */
  timing: Timing;
  readonly #options: PollerOptions;
  readonly #polls: FailureLog<PollTask>;
  readonly #summaries: FailureLog<PollTask>;
  readonly #questions: Questions;
  /** Tags with a request under way, and the tasks that wait for its end: a tag that was removed and added again meanwhile. */
  readonly #underWay = new Map<string, PollTask | undefined>();
  /** Tasks with a request under way. Their tags may have become those of another repository meanwhile. */
  readonly #busy = new Set<PollTask>();

  constructor(options: PollerOptions) {
    const { store, timing } = options;
    this.#options = options;
    const shared = {
      counted: 'tags',
      instanceOf: ({ watched }: PollTask) => watched.instance.id,
      nameOf,
      isWatched: ({ tag }: PollTask) => store.has(tag),
    } as const;
    const polls = { begun: 'polls fail', over: 'polls no longer fail', failed: 'poll failed' };
    this.#polls = new FailureLog({ ...shared, ...polls, action: 'GetRepoTagScanStatus' }, options);
    const summaries = {
      begun: 'scan summaries fail',
      over: 'scan summaries no longer fail',
      failed: 'scan summary failed',
    };
    this.#summaries = new FailureLog({ ...shared, ...summaries, action: 'GetRepoTagScanSummary' }, options);
    this.#questions = new Questions(options);
    this.timing = timing;
  }

  /** Starts to poll a tag at once. */
  begin(task: PollTask): void {
    this.#schedule(task, this.#options.clock.monotonic());
  }

  /** Brings a poll forward to where the present timing would have put it at the most. */
  hasten(task: PollTask): void {
    const dueAtMs = this.#options.clock.monotonic() + this.#delayMs(task);
    if (task.position >= 0 && dueAtMs < task.statusDueAtMs) this.#schedule(task, dueAtMs);
  }

  /** Sends the request that is due first and applies its outcome. */
  async perform(task: PollTask): Promise<Outcome> {
    const key = keyOf(task);
    if (this.#busy.has(task)) return { kind: 'waiting' };
    if (this.#underWay.has(key)) {
      this.#underWay.set(key, task);
      return { kind: 'waiting' };
    }
    this.#underWay.set(key, undefined);
    this.#busy.add(task);
    try {
      return { kind: 'performed', error: await this.#ask(task) };
    } finally {
      this.#busy.delete(task);
      const waiting = this.#underWay.get(key);
      this.#underWay.delete(key);
      if (waiting !== undefined && this.#options.store.has(waiting.tag)) this.begin(waiting);
    }
  }

  /** Whether a tag that is not queued should be: it is watched, its repository's id is known, and no request for it is under way. */
  belongsInQueue(task: PollTask): boolean {
    const { id } = task.tag.target.repository;
    const isUnderWay = this.#busy.has(task) || this.#underWay.has(keyOf(task));
    return id !== '' && this.#options.store.has(task.tag) && !isUnderWay;
  }

  /** Applies the failure of the request that is due first and could not be sent. */
  fail(task: PollTask, error: ApiError): void {
    const { subject, action } = this.#questions.drop(task, subjectOf(task));
    this.#options.requests.failed(task.watched.instance.id, action, error.code);
    this.#failed(task, subject, error);
  }

  async #ask(task: PollTask): Promise<ApiError | undefined> {
    const { repository } = task.tag.target;
    const { outcome, error } = await this.#questions.ask(task, subjectOf(task));
    // An answer about another repository than the one that the tag is of by now says nothing of it.
    if (task.tag.target.repository.id !== repository.id) this.#resume(task);
    else if (outcome.kind === 'failed') this.#failed(task, outcome.subject, outcome.error);
    else if (outcome.kind === 'open') this.#goOn(task, outcome.subject);
    else if (outcome.subject === 'status') this.#pollAnswered(task, outcome.body);
    else this.#summaryAnswered(task, outcome.body);
    return error;
  }

  /** The tag is polled under the repository that it is of by now, unless that was begun or is not known yet. */
  #resume(task: PollTask): void {
    task.question = undefined;
    if (this.#options.store.has(task.tag)) this.begin(task);
  }

  /** The question needs another request, which is due at once. */
  #goOn(task: PollTask, subject: Subject): void {
    if (!this.#options.store.has(task.tag)) return;
    const nowMs = this.#options.clock.monotonic();
    if (subject === 'summary') task.summaryDueAtMs = nowMs;
    this.#schedule(task, subject === 'summary' ? task.statusDueAtMs : nowMs);
  }

  #failed(task: PollTask, subject: Subject, error: ApiError): void {
    if (subject === 'summary') this.#summaryFailed(task, error);
    else this.#pollFailed(task, error);
  }

  #summaryAnswered(task: PollTask, body: GetRepoTagScanSummaryBody): void {
    const { highSeverity: high, mediumSeverity: medium, lowSeverity: low, unknownSeverity: unknown } = body;
    if (!this.#apply(task, { type: 'summary', vulnerabilities: { high, medium, low, unknown } })) return;
    this.#summaries.answered(task);
    summaryAnswered(task, this.#options.clock.monotonic());
    this.#schedule(task, task.statusDueAtMs);
  }

  #summaryFailed(task: PollTask, error: ApiError): void {
    if (!this.#apply(task, { type: 'summary-failed', error: this.#asPollError(error) })) return;
    this.#summaries.failed(task, error);
    const { clock, random } = this.#options;
    summaryFailed(task, { nowMs: clock.monotonic(), random: random(), initialMs: this.timing.backoff.initialMs });
    this.#schedule(task, task.statusDueAtMs);
  }

  #pollAnswered(task: PollTask, { status, scanService, requestId }: GetRepoTagScanStatusBody): void {
    task.answeredAtMs = this.#options.clock.monotonic();
    const known = statusOf(status);
    if (known !== undefined) {
      this.#applyPoll(task, { type: 'answered', status: known, scanService });
      return;
    }
    const { requests, clock } = this.#options;
    requests.failed(task.watched.instance.id, 'GetRepoTagScanStatus', UNKNOWN_STATUS);
    const message = `expected Status SCANNING, RETRYING, COMPLETE or FAILED, found ${JSON.stringify(status)}`;
    const error = { code: UNKNOWN_STATUS, message, requestId, timeMs: clock.now() };
    this.#applyPoll(task, { type: 'unknown-status', error, scanService });
  }

  #pollFailed(task: PollTask, error: ApiError): void {
    this.#applyPoll(task, { type: 'failed', error: this.#asPollError(error) });
    const { store, lost } = this.#options;
    if (isNoSuchRepository(error.code) && store.has(task.tag)) lost(task);
  }

  #applyPoll(task: PollTask, event: PollEvent): void {
    const before = task.tag.state.status;
    if (!this.#apply(task, event)) return;
    if (event.type === 'answered') this.#polls.answered(task);
    else if (!isSoonForgotten(task, event.error.code)) this.#polls.failed(task, event.error);
    const { clock, logger } = this.#options;
    const { state } = task.tag;
    if (state.status !== before) {
      logger.debug('scan status changed', { ...describeTask(task), from: before, to: state.status });
    }
    scheduleSummary(task, before, clock.monotonic());
    this.#schedule(task, clock.monotonic() + this.#delayMs(task));
  }

  /** From now to the next poll. */
  #delayMs({ tag: { state }, bornAtMs }: PollTask): number {
    const { clock, random } = this.#options;
    return pollDelayMs(state, clock.monotonic() - bornAtMs, this.timing, random());
  }

  /** An answer for a tag that was removed meanwhile is dropped: then it gives false. */
  #apply({ tag, watched }: PollTask, event: TagEvent): boolean {
    const { store, clock, scanEnded } = this.#options;
    if (!store.has(tag)) return false;
    const scanDurationMs = store.apply(tag, event, { nowMs: clock.now(), monotonicMs: clock.monotonic() });
    if (scanDurationMs !== undefined) scanEnded(watched.instance.id, scanDurationMs / 1_000);
    return true;
  }

  /** A tag of a repository whose id is not known waits for the lookup. */
  #schedule(task: PollTask, statusDueAtMs: number): void {
    task.statusDueAtMs = statusDueAtMs;
    if (task.tag.target.repository.id === '') return;
    const dueAtMs = Math.min(statusDueAtMs, task.summaryDueAtMs);
    task.watched.instance.scheduler.schedule(task, groupOf(task.tag.state), dueAtMs);
  }

  #asPollError({ code, message, requestId }: ApiError): PollError {
    return { code, message, requestId, timeMs: this.#options.clock.now() };
  }
}

/** Two tasks with the same key ask for the same tag. */
function keyOf({ tag: { target } }: PollTask): string {
  const { instanceId, id } = target.repository;
  return JSON.stringify([instanceId, id, target.tag]);
}

/** What the first request is about. A reload may have taken the wish for a summary back meanwhile: then the poll comes early. */
function subjectOf({ tag, statusDueAtMs, summaryDueAtMs }: PollTask): Subject {
  return tag.target.repository.vulnerabilities && summaryDueAtMs <= statusDueAtMs ? 'summary' : 'status';
}

/** A tag that was found and is deleted fails until the next pass: that is no news. */
function isSoonForgotten({ discovered }: PollTask, code: string): boolean {
  return discovered !== undefined && isNoSuchThing(code);
}
