// The poll of a tag: requests the status of its scan, and from time to time the vulnerabilities, and schedules the next request.

import type { ApiError } from '../acr/api-error.ts';
import { isNoSuchRepository, isNoSuchThing } from '../acr/error-codes.ts';
import type { GetRepoTagScanStatusAnswer, GetRepoTagScanSummaryAnswer } from '../acr/operations.ts';
import type { EventChannel } from '../model/events.ts';
import { dueMonotonicMs, type Moment, momentOf, pastMonotonicMs, type RestoreMoment, wallMs } from '../model/moment.ts';
import { hadScan, type PollError, type ScanStatus, type ScanSubject, UNKNOWN_STATUS } from '../model/scan.ts';
import type { Timing } from '../model/settings.ts';
import type { PollMemory } from '../model/snapshot.ts';
import type { FoundTag, Target } from '../model/target.ts';
import type { TaskGroup } from '../scheduler/due-queue.ts';
import { backoffDelayMs, groupOf, NEW_FOR_MS, pollDelayMs, resumedDelayMs } from '../scheduler/poll-delay.ts';
import { NOT_QUEUED, type Outcome, type Task } from '../scheduler/task.ts';
import type { StateStore, WatchedTag } from '../state/store.ts';
import type { PollEvent, TagEvent } from '../state/tag-state.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { FailureLog } from './failure-log.ts';
import { repositoryName } from './repository-lookup.ts';
import { outcomeOf, type RequestSender } from './request-sender.ts';
import { EVIDENCE_HOLDS_MS, type PendingRequest, type ScanPoll, ScanRequests } from './scan-requests.ts';
import type { WatchedInstance } from './watched-instance.ts';

export type PollContextOptions = {
  readonly store: StateStore;
  readonly requests: RequestSender;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  readonly timing: Timing;
  /** Called when a scan ends that was seen from its start, with its duration. */
  readonly scanEnded: (instanceId: string, seconds: number) => void;
  /**
   * Called when an answer shows that a scan has ended since the last answer that this process received.
   *
   * @param announcedBy the channel of an event that made the exporter ask; undefined if the interval was over
   */
  readonly scanEndFound: (poll: TagPoll, announcedBy: EventChannel | undefined) => void;
  /** Called when the answer to a request that an event caused is applied, with the time since the event. */
  readonly eventAnswered: (instanceId: string, channel: EventChannel, seconds: number) => void;
  /** Called when the API answers that the repository of a tag does not exist. */
  readonly repositoryMissing: (poll: TagPoll) => void;
};

/** The parts that all polls share. */
export class PollContext {
  /** Replaced by a reload; used from the next poll on. */
  timing: Timing;
  readonly options: PollContextOptions;
  readonly failures: FailureLog<TagPoll>;
  readonly summaryFailures: FailureLog<TagPoll>;
  readonly scanRequests: ScanRequests;
  /**
   * The tags with a request under way, by instance, repository id and tag. A tag that was removed and added again has a new poll: it waits
   * here for the end of the request, so that a tag never has two requests under way.
   */
  readonly underWay = new Map<string, TagPoll | undefined>();

  constructor(options: PollContextOptions) {
    const { store } = options;
    this.options = options;
    this.timing = options.timing;
    const shared = {
      counted: 'tags',
      instanceOf: ({ instance }: TagPoll) => instance.id,
      nameOf: ({ tag: { target } }: TagPoll) => `${repositoryName(target.repository)}:${target.tag}`,
      isWatched: ({ tag }: TagPoll) => store.has(tag),
    } as const;
    const polls = { begun: 'polls fail', over: 'polls no longer fail', failed: 'poll failed' };
    this.failures = new FailureLog({ ...shared, ...polls, action: 'GetRepoTagScanStatus' }, options);
    const summaries = {
      begun: 'scan summaries fail',
      over: 'scan summaries no longer fail',
      failed: 'scan summary failed',
    };
    this.summaryFailures = new FailureLog({ ...shared, ...summaries, action: 'GetRepoTagScanSummary' }, options);
    this.scanRequests = new ScanRequests(options);
  }

  moment(): Moment {
    return momentOf(this.options.clock);
  }
}

/** The numbers of a complete scan change when new vulnerabilities become known. This is also the longest delay after failures. */
const SUMMARY_INTERVAL_MS = 3_600_000;

/**
 * An answer that was requested so long after an event, by the clocks, contains what the event announces. Events may have times in whole seconds, and
 * clocks differ.
 */
const CLOCK_TOLERANCE_MS = 2_000;

/** An event that arrives later than this goes no further ahead of others. */
const MAX_PRECEDENCE_MS = 60_000;

const ENDED: Outcome = { kind: 'ended' };

/** News of a tag, as an event announces it. */
export type News = {
  readonly channel: EventChannel;
  /** The time of the event, in milliseconds since the epoch, by the clock of the registry. */
  readonly timeMs: number;
  /** The same by the monotonic clock. */
  readonly atMs: number;
};

/** News that no answer contains yet. */
type Announcement = {
  /** Of the first event. */
  readonly news: News;
  /** Whether the present poll was begun before an event: then its answer may not contain the news. */
  readonly needsAnotherPoll: boolean;
};

/** Times are monotonic milliseconds; the task is due at the earlier of the two due times. */
export class TagPoll implements Task, ScanPoll {
  group: TaskGroup = NOT_QUEUED.group;
  dueAtMs = NOT_QUEUED.dueAtMs;
  heap = NOT_QUEUED.heap;
  position = NOT_QUEUED.position;
  readonly tag: WatchedTag;
  readonly instance: WatchedInstance;
  /** Set for a tag that discovery found and the configuration does not list. */
  discovered: FoundTag | undefined;
  statusDueAtMs = 0;
  /** Infinity while no request for the summary is due. */
  summaryDueAtMs = Number.POSITIVE_INFINITY;
  /** When the last summary was received; minus infinity before the first. */
  #summarisedAtMs = Number.NEGATIVE_INFINITY;
  /** Failed requests for the summary in a row. */
  #summaryFailures = 0;
  pending: PendingRequest | undefined;
  /** When a poll was last answered; minus infinity before the first. */
  answeredAtMs = Number.NEGATIVE_INFINITY;
  seenAtMs = Number.NEGATIVE_INFINITY;
  readonly #context: PollContext;
  /** When the image was pushed, else when it was first seen. */
  #pushedAtMs: number;
  #isUnderWay = false;
  /** The subject of the request that is under way. */
  #asked: ScanSubject | undefined;
  /** When the first request of the last poll was sent. */
  #begunAtMs = Number.NEGATIVE_INFINITY;
  /** The same of the last poll that was answered in this process. */
  #answerBegunAtMs = Number.NEGATIVE_INFINITY;
  /** What events announced and no answer contains yet. */
  #announcement: Announcement | undefined;
  /** The last news that an answer contains. */
  #answeredNews: News | undefined;

  /** @param discovered what discovery found; undefined for a tag that the configuration lists */
  constructor(context: PollContext, tag: WatchedTag, instance: WatchedInstance, discovered: FoundTag | undefined) {
    const moment = context.moment();
    this.#context = context;
    this.tag = tag;
    this.instance = instance;
    this.discovered = discovered;
    this.#pushedAtMs = moment.monotonicMs;
    if (discovered !== undefined) this.seen(discovered.updatedMs, moment);
  }

  get component() {
    return 'polling' as const;
  }

  get scheduler() {
    return this.instance.scheduler;
  }

  /** Schedules a poll at once. */
  begin(): void {
    this.#schedule(this.#nowMs());
  }

  /** What outlives the process, besides the state of the tag. */
  memory(moment: Moment): PollMemory {
    const { monotonicMs } = moment;
    const news = this.#announcement?.news;
    const wall = (atMs: number, isKept: boolean) => (isKept ? wallMs(atMs, moment) : undefined);
    const isEvidence = monotonicMs - this.seenAtMs < EVIDENCE_HOLDS_MS && !hadScan(this.tag.state.status);
    return {
      pushed: wall(this.#pushedAtMs, monotonicMs - this.#pushedAtMs < NEW_FOR_MS),
      seen: wall(this.seenAtMs, isEvidence),
      summarised: wall(this.#summarisedAtMs, Number.isFinite(this.#summarisedAtMs)),
      summaryDue: wall(this.summaryDueAtMs, Number.isFinite(this.summaryDueAtMs)),
      summaryFailures: this.#summaryFailures || undefined,
      announced: news && { channel: news.channel, time: news.timeMs },
    };
  }

  /**
   * Goes on with what a former process knew. The next poll is due when it was due there: in the past, if that time is over. Call it after the
   * state of the tag is restored.
   */
  resume(memory: PollMemory, moment: RestoreMoment): void {
    const { pushed, seen, summarised, summaryDue, summaryFailures = 0, announced } = memory;
    const { options } = this.#context;
    const { target, state } = this.tag;
    this.#pushedAtMs = pastMonotonicMs(pushed, moment);
    this.seenAtMs = pastMonotonicMs(seen, moment);
    this.#summarisedAtMs = pastMonotonicMs(summarised, moment);
    this.#summaryFailures = summaryFailures;
    if (summaryDue !== undefined && target.repository.vulnerabilities && state.status === 'complete')
      this.summaryDueAtMs = dueMonotonicMs(summaryDue, moment, SUMMARY_INTERVAL_MS);
    const polledAtMs = pastMonotonicMs(state.lastPollMs, moment);
    if (!Number.isFinite(polledAtMs)) return;
    const elapsedMs = moment.monotonicMs - polledAtMs;
    const ageMs = polledAtMs - this.#pushedAtMs;
    this.#schedule(polledAtMs + resumedDelayMs(state, ageMs, this.#timing, { random: options.random(), elapsedMs }));
    if (announced === undefined) return;
    const { channel, time: timeMs } = announced;
    this.wake({ channel, timeMs, atMs: pastMonotonicMs(timeMs, moment) });
  }

  /** Moves the next poll forward if the present intervals are shorter than those that it was scheduled with. */
  hasten(): void {
    const dueAtMs = this.#nowMs() + this.#delayMs();
    if (dueAtMs >= this.statusDueAtMs) return;
    if (this.position >= 0) this.#schedule(dueAtMs);
    // A request for the summary is under way: the tag is scheduled at its end.
    else if (this.#asked === 'summary') this.statusDueAtMs = dueAtMs;
  }

  /**
   * Polls the tag at once, before the tags without events, because an event says that there is news of it. This lasts until an answer that was
   * requested after the event, or a failure that will not pass soon.
   *
   * @returns false if such an answer is known already
   */
  wake(news: News): boolean {
    const knownSinceMs = news.atMs + CLOCK_TOLERANCE_MS;
    if (this.#answerBegunAtMs >= knownSinceMs || this.#isToldAgain(news)) return false;
    const hasBegun = this.#asked === 'status' || this.pending?.subject === 'status';
    const isOlder = hasBegun && this.#begunAtMs < knownSinceMs;
    const { news: first, needsAnotherPoll } = this.#announcement ?? { news, needsAnotherPoll: false };
    this.#announcement = { news: first, needsAnotherPoll: needsAnotherPoll || isOlder };
    // Of the tags with events, the one whose event happened first is polled first: a feed brings many at once.
    const nowMs = this.#nowMs();
    this.statusDueAtMs = Math.min(nowMs, Math.max(first.atMs, nowMs - MAX_PRECEDENCE_MS));
    if (!this.#isUnderWay) this.#schedule(this.statusDueAtMs);
    return true;
  }

  /** Whether the last news that an answer contains came by the other channel. Each channel announces the same scan with an id of its own. */
  #isToldAgain({ channel, timeMs }: News): boolean {
    const last = this.#answeredNews;
    return last !== undefined && last.channel !== channel && timeMs <= last.timeMs + CLOCK_TOLERANCE_MS;
  }

  /** Forgets what is known, as for a tag that was just added, and polls the tag at once. */
  startAnew(): void {
    this.#answerBegunAtMs = Number.NEGATIVE_INFINITY;
    this.#announcement = undefined;
    this.#answeredNews = undefined;
    this.#resetSummary();
    this.pending = undefined;
    this.seenAtMs = Number.NEGATIVE_INFINITY;
    this.#pushedAtMs = this.#nowMs();
    if (this.discovered !== undefined) this.discovered = foundUnseen(this.tag.target);
    this.begin();
  }

  /**
   * Notes that a list or GetRepoTag has just shown the tag.
   *
   * @param pushedMs when it was last pushed, in milliseconds since the epoch; undefined if the API does not say
   */
  seen(pushedMs: number | undefined, { nowMs, monotonicMs }: Moment = this.#context.moment()): void {
    this.seenAtMs = monotonicMs;
    // A time in the future comes from a clock that differs from ours: it is ignored.
    if (pushedMs !== undefined && Number.isFinite(pushedMs) && pushedMs <= nowMs)
      this.#pushedAtMs = monotonicMs - (nowMs - pushedMs);
  }

  async perform(): Promise<Outcome> {
    const { underWay } = this.#context;
    const key = keyOf(this.tag.target);
    if (this.#isUnderWay) return ENDED;
    if (underWay.has(key)) {
      underWay.set(key, this);
      return ENDED;
    }
    underWay.set(key, undefined);
    this.#isUnderWay = true;
    try {
      return await outcomeOf(() => this.#ask());
    } finally {
      this.#isUnderWay = false;
      this.#asked = undefined;
      const waiting = underWay.get(key);
      underWay.delete(key);
      if (waiting?.isWatched) waiting.begin();
    }
  }

  fail(error: ApiError): void {
    const { scanRequests, options } = this.#context;
    const { subject, action } = scanRequests.drop(this, this.#subject());
    options.requests.failed(this.instance.id, action, error.code);
    this.#failed(subject, error);
  }

  isOutstanding(): boolean {
    const isUnderWay = this.#isUnderWay || this.#context.underWay.has(keyOf(this.tag.target));
    return this.tag.target.repository.id !== '' && this.isWatched && !isUnderWay;
  }

  logFields() {
    const { repository, tag } = this.tag.target;
    const { instanceId, namespace, name } = repository;
    return { instance_id: instanceId, repo_namespace: namespace || undefined, repo_name: name, tag };
  }

  /** Whether the tag is still watched: its answers count. */
  get isWatched(): boolean {
    return this.#context.options.store.has(this.tag);
  }

  async #ask(): Promise<ApiError | undefined> {
    const { repository } = this.tag.target;
    this.#asked = this.pending?.subject ?? this.#subject();
    if (this.#asked === 'status' && this.pending === undefined) this.#begunAtMs = this.#nowMs();
    const { result, error } = await this.#context.scanRequests.ask(this, this.#subject());
    // The tag may belong to another repository by now: then the answer says nothing about it.
    if (this.tag.target.repository.id !== repository.id) this.#resume();
    else if (result.kind === 'failed') this.#failed(result.subject, result.error);
    else if (result.kind === 'pending') this.#continue(result.subject);
    else if (result.kind === 'replaced') this.#imageReplaced(result.subject);
    else if (result.subject === 'status') this.#statusAnswered(result.answer);
    else this.#summaryAnswered(result.answer);
    return error;
  }

  /**
   * The subject of the first request: the status, if an event announces news of it. If a reload has turned summaries off, the status is polled early
   * instead.
   */
  #subject(): ScanSubject {
    const { vulnerabilities } = this.tag.target.repository;
    const isSummaryDue = vulnerabilities && this.summaryDueAtMs <= this.statusDueAtMs;
    return isSummaryDue && this.#announcement === undefined ? 'summary' : 'status';
  }

  /** Polls the tag in the repository that it belongs to by now. */
  #resume(): void {
    this.pending = undefined;
    if (this.isWatched) this.begin();
  }

  /** Schedules the next request of the same poll at once. */
  #continue(subject: ScanSubject): void {
    if (!this.isWatched) return;
    const nowMs = this.#nowMs();
    if (subject === 'summary') this.summaryDueAtMs = nowMs;
    this.#schedule(subject === 'summary' ? this.statusDueAtMs : nowMs);
  }

  /** The answers say nothing about the present image of the tag. Discovery finds it; until then nothing changes. */
  #imageReplaced(subject: ScanSubject): void {
    if (subject === 'summary') this.#resetSummary();
    // Its tag starts over when discovery finds it, and is polled at once then.
    else this.#announcement = undefined;
    this.#schedule(subject === 'summary' ? this.statusDueAtMs : this.#nowMs() + this.#delayMs());
  }

  #failed(subject: ScanSubject, error: ApiError): void {
    if (subject === 'summary') this.#summaryFailed(error);
    else this.#statusFailed(error);
  }

  #summaryAnswered(answer: GetRepoTagScanSummaryAnswer): void {
    const { highSeverity: high, mediumSeverity: medium, lowSeverity: low, unknownSeverity: unknown } = answer;
    if (!this.#apply({ type: 'summary', vulnerabilities: { high, medium, low, unknown } })) return;
    this.#context.summaryFailures.answered(this);
    this.#resetSummary();
    this.#summarisedAtMs = this.#nowMs();
    this.#schedule(this.statusDueAtMs);
  }

  #summaryFailed(error: ApiError): void {
    if (!this.#apply({ type: 'summary-failed', error: this.#asPollError(error) })) return;
    const { summaryFailures, options, timing } = this.#context;
    summaryFailures.failed(this, error);
    this.#summaryFailures += 1;
    const { initialMs } = timing.backoff;
    const backoff = { initialMs, maxMs: Math.max(initialMs, SUMMARY_INTERVAL_MS) };
    this.summaryDueAtMs = this.#nowMs() + backoffDelayMs(this.#summaryFailures, backoff, options.random());
    this.#schedule(this.statusDueAtMs);
  }

  /**
   * Schedules the next summary at the end of a poll: at once after a scan has become complete, and an hour after the last summary while it
   * stays complete.
   *
   * @param before the status of the tag before the poll
   */
  #scheduleSummary(before: ScanStatus): void {
    const { target, state } = this.tag;
    if (!target.repository.vulnerabilities || state.status !== 'complete') {
      this.#resetSummary();
      return;
    }
    // A failed poll does not say whether the scan is still complete.
    if (state.lastError !== undefined) return;
    const nowMs = this.#nowMs();
    const waitsToRetry = this.#summaryFailures > 0;
    const isOld = !waitsToRetry && nowMs - this.#summarisedAtMs >= SUMMARY_INTERVAL_MS;
    if (before !== 'complete' || isOld) this.summaryDueAtMs = nowMs;
  }

  /** Forgets the last summary. No request is due. */
  #resetSummary(): void {
    this.summaryDueAtMs = Number.POSITIVE_INFINITY;
    this.#summarisedAtMs = Number.NEGATIVE_INFINITY;
    this.#summaryFailures = 0;
  }

  #statusAnswered({ status, statusText, scanService, requestId }: GetRepoTagScanStatusAnswer): void {
    const { requests, clock } = this.#context.options;
    this.answeredAtMs = clock.monotonic();
    if (status !== 'unknown') {
      this.#applyPoll({ type: 'answered', status, scanService });
      return;
    }
    requests.failed(this.instance.id, 'GetRepoTagScanStatus', UNKNOWN_STATUS);
    const message = `expected Status SCANNING, RETRYING, COMPLETE or FAILED, found ${JSON.stringify(statusText)}`;
    const error = { code: UNKNOWN_STATUS, message, requestId, timeMs: clock.now() };
    this.#applyPoll({ type: 'unknown-status', error, scanService });
  }

  #statusFailed(error: ApiError): void {
    // Another failure will come again: the tag waits for its turn among the others.
    if (error.kind === 'denied' || error.kind === 'answered') this.#announcement = undefined;
    this.#applyPoll({ type: 'failed', error: this.#asPollError(error) });
    if (isNoSuchRepository(error.code) && this.isWatched) this.#context.options.repositoryMissing(this);
  }

  #applyPoll(event: PollEvent): void {
    const before = this.tag.state.status;
    if (!this.#apply(event)) return;
    const { failures, options } = this.#context;
    if (event.type === 'answered') failures.answered(this);
    else if (!this.#isDeletedSoon(event.error.code)) failures.failed(this, event.error);
    const { state } = this.tag;
    if (state.status !== before) {
      options.logger.debug('scan status changed', { ...this.logFields(), from: before, to: state.status });
    }
    this.#scheduleSummary(before);
    if (event.type !== 'failed') this.#noteAnswer(before);
    const isAnnounced = event.type !== 'failed' && this.#announcement !== undefined;
    this.#schedule(this.#nowMs() + (isAnnounced ? 0 : this.#delayMs()));
  }

  /** Ends the wait for the answer to an event, unless the answer may be older than the event. */
  #noteAnswer(before: ScanStatus): void {
    const { scanEndFound, eventAnswered } = this.#context.options;
    const { state } = this.tag;
    const announcement = this.#announcement;
    const hadAnswer = Number.isFinite(this.#answerBegunAtMs);
    this.#answerBegunAtMs = this.#begunAtMs;
    if (announcement?.needsAnotherPoll) this.#announcement = { ...announcement, needsAnotherPoll: false };
    else if (announcement !== undefined) {
      const { channel, atMs } = announcement.news;
      this.#announcement = undefined;
      this.#answeredNews = announcement.news;
      eventAnswered(this.instance.id, channel, Math.max(0, this.#nowMs() - atMs) / 1_000);
    }
    const hasEnded = state.status === 'complete' || state.status === 'failed';
    if (hasEnded && hadAnswer && state.status !== before) scanEndFound(this, announcement?.news.channel);
  }

  /** A deleted tag fails until the next discovery run removes it: that is expected, and not logged. */
  #isDeletedSoon(code: string): boolean {
    return this.discovered !== undefined && isNoSuchThing(code);
  }

  /** The time from now to the next poll. */
  #delayMs(): number {
    const { random } = this.#context.options;
    return pollDelayMs(this.tag.state, this.#nowMs() - this.#pushedAtMs, this.#timing, random());
  }

  /** The timing of the configuration, with the interval for healthy events while they are healthy. */
  get #timing(): Timing {
    const { timing } = this.#context;
    const { completeMs } = this.instance;
    if (completeMs === undefined || completeMs <= timing.intervals.completeMs) return timing;
    return { ...timing, intervals: { ...timing.intervals, completeMs } };
  }

  /** Applies an event to the state. Gives false for a tag that was removed meanwhile: then the event is dropped. */
  #apply(event: TagEvent): boolean {
    if (!this.isWatched) return false;
    const { store, scanEnded } = this.#context.options;
    const scanDurationMs = store.apply(this.tag, event, this.#context.moment());
    if (scanDurationMs !== undefined) scanEnded(this.instance.id, scanDurationMs / 1_000);
    return true;
  }

  /** While the id of its repository is not known, the tag is not scheduled: it waits for the lookup. */
  #schedule(statusDueAtMs: number): void {
    this.statusDueAtMs = statusDueAtMs;
    if (this.tag.target.repository.id === '') return;
    if (this.#announcement !== undefined) this.scheduler.schedule(this, 'woken', statusDueAtMs);
    else this.scheduler.schedule(this, groupOf(this.tag.state), Math.min(statusDueAtMs, this.summaryDueAtMs));
  }

  #asPollError({ code, message, requestId }: ApiError): PollError {
    return { code, message, requestId, timeMs: this.#context.options.clock.now() };
  }

  #nowMs(): number {
    return this.#context.options.clock.monotonic();
  }
}

/** A tag that discovery found, without a push time: no list has shown its present image yet. */
export function foundUnseen({ tag, digest }: Target): FoundTag {
  return { tag, digest, updatedMs: Number.NEGATIVE_INFINITY };
}

/** Two polls with the same key ask about the same tag. */
function keyOf({ repository: { instanceId, id }, tag }: Target): string {
  return JSON.stringify([instanceId, id, tag]);
}
