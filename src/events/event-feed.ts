// The task that asks the event center of an instance for new records, and passes them on as events.

import { ApiError } from '../acr/api-error.ts';
import type { ApiAction, EventCenterRecord } from '../acr/operations.ts';
import type { RegistryEvent } from '../model/events.ts';
import type { FeedStatus } from '../model/exporter-status.ts';
import type { PollError } from '../model/scan.ts';
import type { Backoff } from '../model/settings.ts';
import type { FeedCursor } from '../model/snapshot.ts';
import type { FailureLog } from '../polling/failure-log.ts';
import { outcomeOf, type RequestSender } from '../polling/request-sender.ts';
import type { WatchedInstance } from '../polling/watched-instance.ts';
import type { TaskGroup } from '../scheduler/due-queue.ts';
import { backoffDelayMs, spreadMs } from '../scheduler/poll-delay.ts';
import { NOT_QUEUED, type Outcome, type Task } from '../scheduler/task.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { PAGE_SIZE, RecordPages } from './record-pages.ts';

export type EventFeedOptions = {
  readonly instance: WatchedInstance;
  readonly periodMs: number;
  /** The records that a former process knew. */
  readonly cursor: FeedCursor | undefined;
  readonly requests: RequestSender;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly backoff: () => Backoff;
  readonly logger: Logger;
  /** Of requests for records. */
  readonly failures: FailureLog<EventFeed>;
  /** Of requests for event rules. */
  readonly ruleFailures: FailureLog<EventFeed>;
  readonly receive: (event: RegistryEvent) => void;
  /** Called for a record that is not as documented. */
  readonly invalid: () => void;
  /** Called with whether the feed is answered and its instance has an event rule. Not called while the latter is not known. */
  readonly isWell: (well: boolean) => void;
};

const EVENT_TYPE = 'cr:Artifact:ScanCompleted';
/** Records may come late: those of this time before the newest one are compared by their ids. */
const OVERLAP_MS = 300_000;
/** The order of records need not be exact. */
const MIXED_MS = 60_000;
/** People make rules, and remove them. */
const RULES_CHECKED_EVERY_MS = 300_000;
/** Without an answer for so many periods the feed has failed. */
const FAILED_AFTER_PERIODS = 3;
const MAX_IDS = 20_000;
const MAX_IDS_KEPT = 2_000;
/** Longer than any name or id of a record. */
const MAX_TEXT_LENGTH = 255;

export class EventFeed implements Task {
  group: TaskGroup = 'events';
  dueAtMs = NOT_QUEUED.dueAtMs;
  heap = NOT_QUEUED.heap;
  position = NOT_QUEUED.position;
  readonly component = 'events';
  /** A reload replaces it. */
  periodMs: number;
  readonly instance: WatchedInstance;
  readonly #options: EventFeedOptions;
  readonly #pages = new RecordPages();
  /** The time of the newest record, by the wall clock. */
  #newestMs: number;
  /** The same at the end of the last period that was read to its end: all records of before are known. */
  #completeUntilMs: number;
  /** Whether a period may have ended early since then, through a failed request or the end of the process. */
  #mayHaveGap = true;
  /** The records of the overlap, with their times. */
  #ids: Map<string, number>;
  /** The next page; undefined between two periods. */
  #page: number | undefined;
  #begunAtMs: number;
  #isUnderWay = false;
  #hasEnded = false;
  /** Failed requests in a row. */
  #failures = 0;
  #answeredAtMs: number;
  #lastSuccessMs: number | undefined;
  #lastError: PollError | undefined;
  /** Undefined while no request for the rules was answered. */
  #hasRule: boolean | undefined;
  #rulesError: PollError | undefined;
  /** Whether a new record has shown that there is a rule. */
  #hasNewRecord = false;
  #rulesCheckedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: EventFeedOptions) {
    const { instance, periodMs, cursor, clock } = options;
    this.#options = options;
    this.instance = instance;
    this.periodMs = periodMs;
    // Before the first answer about a tag, nothing can be news of it.
    this.#newestMs = Math.min(clock.now(), cursor?.sinceMs ?? Number.POSITIVE_INFINITY);
    this.#completeUntilMs = this.#newestMs;
    this.#ids = new Map(cursor?.ids.map((id) => [id, this.#newestMs]));
    this.#begunAtMs = clock.monotonic();
    this.#answeredAtMs = clock.monotonic();
  }

  get scheduler() {
    return this.instance.scheduler;
  }

  /** Asks at once, and then in every period. */
  begin(): void {
    this.#schedule(0);
  }

  /** An answer that is under way is dropped. */
  end(): void {
    this.#hasEnded = true;
    this.scheduler.withdraw(this);
  }

  status(): FeedStatus {
    return {
      lastSuccessMs: this.#lastSuccessMs,
      lastError: this.#lastError,
      hasRule: this.#hasRule,
      rulesError: this.#rulesError,
    };
  }

  /** What outlives the process; undefined before the first answer. */
  cursor(): FeedCursor | undefined {
    if (this.#lastSuccessMs === undefined) return undefined;
    const ids = [...this.#ids].sort(([, one], [, other]) => other - one).slice(0, MAX_IDS_KEPT);
    return { sinceMs: this.#completeUntilMs, ids: ids.map(([id]) => id) };
  }

  async perform(): Promise<Outcome> {
    this.#isUnderWay = true;
    try {
      return await outcomeOf(() => this.#ask());
    } finally {
      this.#isUnderWay = false;
    }
  }

  fail(error: ApiError): void {
    this.#options.requests.failed(this.instance.id, this.#action, error.code);
    this.#failed(error);
  }

  isOutstanding(): boolean {
    return !this.#hasEnded && !this.#isUnderWay;
  }

  logFields() {
    return { instance_id: this.instance.id };
  }

  get #action(): ApiAction {
    return this.#areRulesDue ? 'ListEventCenterRuleName' : 'ListEventCenterRecord';
  }

  /** At the start, and then from time to time between two periods. */
  get #areRulesDue(): boolean {
    const elapsedMs = this.#options.clock.monotonic() - this.#rulesCheckedAtMs;
    return this.#page === undefined && elapsedMs >= RULES_CHECKED_EVERY_MS;
  }

  #ask(): Promise<ApiError | undefined> {
    return this.#areRulesDue ? this.#askRules() : this.#askRecords();
  }

  async #askRules(): Promise<ApiError | undefined> {
    const { requests, clock, ruleFailures } = this.#options;
    const instanceId = this.instance.id;
    const answer = await requests.send(this, this.instance, 'ListEventCenterRuleName', (api) =>
      api.listEventCenterRuleName({ instanceId }),
    );
    const error = answer instanceof ApiError ? answer : undefined;
    if (this.#hasEnded) return error;
    this.#rulesCheckedAtMs = clock.monotonic();
    this.#rulesError = error && this.#asPollError(error);
    if (answer instanceof ApiError) ruleFailures.failed(this, answer);
    else {
      ruleFailures.answered(this);
      this.#setHasRule(answer.ruleNames.length > 0);
    }
    // The records are asked for in any case: without the right to list rules, they show whether there is one.
    this.#schedule(0);
    return error;
  }

  #setHasRule(hasRule: boolean): void {
    const { logger, isWell } = this.#options;
    const fields = { instance_id: this.instance.id };
    if (!hasRule && this.#hasRule !== false)
      logger.warn(
        'the instance has no event rule, so its event center has no new records: tags are polled as without events',
        fields,
      );
    if (hasRule && this.#hasRule === false) logger.info('the instance has an event rule now', fields);
    this.#hasRule = hasRule;
    if (!hasRule) isWell(false);
  }

  async #askRecords(): Promise<ApiError | undefined> {
    const { requests, clock } = this.#options;
    if (this.#page === undefined) {
      this.#page = this.#pages.begin();
      this.#begunAtMs = clock.monotonic();
    }
    const request = { instanceId: this.instance.id, eventType: EVENT_TYPE, pageNo: this.#page, pageSize: PAGE_SIZE };
    const answer = await requests.send(this, this.instance, 'ListEventCenterRecord', (api) =>
      api.listEventCenterRecord(request),
    );
    if (answer instanceof ApiError) {
      this.#failed(answer);
      return answer;
    }
    if (this.#hasEnded) return undefined;
    const { records, totalCount = records.length } = answer;
    const found = this.#take(records);
    this.#answered();
    this.#page = this.#pages.next({ ...found, totalCount });
    if (this.#page === undefined) this.#endPeriod();
    this.#schedule(this.#page === undefined ? this.#untilNextPeriodMs() : 0);
    return undefined;
  }

  /** Passes the new records of a page on. */
  #take(records: readonly EventCenterRecord[]) {
    const { clock, receive, invalid } = this.#options;
    const nowMs = clock.now();
    const sinceMs = this.#completeUntilMs - OVERLAP_MS;
    let [newestMs, oldestMs, isAnyNew] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, false];
    for (const record of records) {
      const timeMs = Math.min(nowMs, record.createTime ?? nowMs);
      newestMs = Math.max(newestMs, timeMs);
      oldestMs = Math.min(oldestMs, timeMs);
      const id = (record.recordId || JSON.stringify(record)).slice(0, MAX_TEXT_LENGTH);
      if (timeMs < sinceMs) continue;
      const isKnown = this.#ids.has(id);
      // A record without a time, or with one in the future, is not forgotten while it is listed.
      this.#ids.set(id, timeMs);
      if (isKnown) continue;
      isAnyNew = true;
      this.#hasNewRecord = true;
      this.#newestMs = Math.max(this.#newestMs, timeMs);
      const event = this.#eventOf(record);
      if (event === undefined) invalid();
      else receive(event);
    }
    const times = records.length === 0 ? undefined : { newestMs, oldestMs };
    return { times, mayGoOn: (isAnyNew || this.#mayHaveGap) && oldestMs > this.#completeUntilMs - MIXED_MS };
  }

  /** Undefined for a record that is not as documented. */
  #eventOf(record: EventCenterRecord): RegistryEvent | undefined {
    const { recordId, eventType, namespace, repoName, tag, createTime } = record;
    const texts = [recordId, namespace, repoName, tag];
    const areTexts = texts.every((text) => text !== '' && text.length <= MAX_TEXT_LENGTH);
    if (!areTexts || createTime === undefined || (eventType !== '' && eventType !== EVENT_TYPE)) return undefined;
    return {
      id: recordId,
      type: 'ScanCompleted',
      instanceId: this.instance.id,
      repository: { id: '', namespace, name: repoName },
      tag,
      timeMs: createTime,
    };
  }

  #endPeriod(): void {
    this.#completeUntilMs = this.#newestMs;
    this.#mayHaveGap = false;
    this.#forget();
  }

  /** Forgets the records that are too old to come again. */
  #forget(): void {
    const sinceMs = this.#newestMs - OVERLAP_MS;
    for (const [id, timeMs] of this.#ids) if (timeMs < sinceMs) this.#ids.delete(id);
    for (const [id] of this.#ids) {
      if (this.#ids.size <= MAX_IDS) break;
      this.#ids.delete(id);
    }
  }

  #answered(): void {
    const { clock, failures, isWell } = this.#options;
    this.#failures = 0;
    this.#lastError = undefined;
    this.#lastSuccessMs = clock.now();
    this.#answeredAtMs = clock.monotonic();
    failures.answered(this);
    if (this.#hasRule ?? this.#hasNewRecord) isWell(true);
  }

  #failed(error: ApiError): void {
    if (this.#hasEnded) return;
    const { clock, random, backoff, failures, isWell } = this.#options;
    this.#failures += 1;
    this.#mayHaveGap = true;
    this.#page = undefined;
    this.#lastError = this.#asPollError(error);
    failures.failed(this, error);
    if (clock.monotonic() - this.#answeredAtMs >= FAILED_AFTER_PERIODS * this.periodMs) isWell(false);
    this.#schedule(backoffDelayMs(this.#failures, backoff(), random()));
  }

  #asPollError({ code, message, requestId }: ApiError): PollError {
    return { code, message, requestId, timeMs: this.#options.clock.now() };
  }

  #untilNextPeriodMs(): number {
    const { clock, random } = this.#options;
    return Math.max(0, this.#begunAtMs + spreadMs(this.periodMs, random()) - clock.monotonic());
  }

  #schedule(delayMs: number): void {
    if (!this.#hasEnded) this.scheduler.schedule(this, 'events', this.#options.clock.monotonic() + delayMs);
  }
}
