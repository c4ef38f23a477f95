// The state of one tag's scan, and its transitions: pure functions of state, event and time.

import type { Moment } from '../model/moment.ts';
import { isUnderWay, type PollError, type ScanStatus, type Vulnerabilities } from '../model/scan.ts';

/** Immutable; times are wall-clock milliseconds since the epoch unless their names say otherwise. */
export type TagState = {
  readonly status: ScanStatus;
  /** When the present status was first seen; for a tag without an answer, when it was added. */
  readonly sinceMs: number;
  /** Whether any poll was answered, also with a status that this version does not know. */
  readonly answered: boolean;
  /** The end of the last poll, with or without success. */
  readonly lastPollMs: number | undefined;
  /** The last poll that was answered with a known status. */
  readonly lastSuccessMs: number | undefined;
  /** Set while the last poll has failed. */
  readonly lastError: PollError | undefined;
  /** Failed polls in a row; lookups of the repository do not count. */
  readonly failures: number;
  /** `ACR_SCAN_SERVICE`, `SAS_SCAN_SERVICE`, or empty when not known. */
  readonly scanService: string;
  /** Found by the last complete scan, if known; kept while another scan runs. */
  readonly vulnerabilities: Vulnerabilities | undefined;
  /** Set while the last request for the vulnerabilities has failed. */
  readonly summaryError: PollError | undefined;
  /** Monotonic time when the running scan was first seen; undefined without one, or when its start was not seen. */
  readonly scanSeenAtMonotonicMs: number | undefined;
  /**
   * Whether the next answer with a running scan shows its start. False for a tag that existed before the process started, until an answer
   * shows it without a running scan.
   */
  readonly scanStartsAreSeen: boolean;
};

/** The outcome of a poll, of the lookup that a poll needs, or of a request for the vulnerabilities. */
export type TagEvent = PollEvent | LookupFailed | SummaryEvent;

export type SummaryEvent =
  | { readonly type: 'summary'; readonly vulnerabilities: Vulnerabilities }
  | { readonly type: 'summary-failed'; readonly error: PollError };

export type PollEvent =
  | { readonly type: 'answered'; readonly status: Exclude<ScanStatus, 'unknown'>; readonly scanService: string }
  | { readonly type: 'unknown-status'; readonly error: PollError; readonly scanService: string }
  | { readonly type: 'failed'; readonly error: PollError };

/** The tag could not be polled because the lookup of its repository failed. It does not count as a failed poll. */
export type LookupFailed = { readonly type: 'lookup-failed'; readonly error: PollError };

/** The state after an event, and the duration of the scan that ended with it, if the scan was seen from its start. */
export type Transition = { readonly state: TagState; readonly scanDurationMs: number | undefined };

/**
 * The state of a tag that was added at `nowMs`.
 *
 * @param isNew whether it appeared, or was pushed, after the process started
 */
export function neverAnswered(nowMs: number, isNew: boolean): TagState {
  return {
    status: 'unknown',
    sinceMs: nowMs,
    answered: false,
    lastPollMs: undefined,
    lastSuccessMs: undefined,
    lastError: undefined,
    failures: 0,
    scanService: '',
    vulnerabilities: undefined,
    summaryError: undefined,
    scanSeenAtMonotonicMs: undefined,
    scanStartsAreSeen: isNew,
  };
}

/** The state after `event`. */
export function transition(before: TagState, event: TagEvent, moment: Moment): Transition {
  switch (event.type) {
    case 'failed':
      return onlyState({ ...before, lastPollMs: moment.nowMs, lastError: event.error, failures: before.failures + 1 });
    case 'lookup-failed':
      return onlyState({ ...before, lastPollMs: moment.nowMs, lastError: event.error });
    case 'unknown-status':
      return onlyState({
        ...withStatus(before, 'unknown', moment),
        lastError: event.error,
        failures: before.failures + 1,
        scanService: event.scanService || before.scanService,
      });
    case 'summary':
      return onlyState({ ...before, vulnerabilities: event.vulnerabilities, summaryError: undefined });
    case 'summary-failed':
      return onlyState({ ...before, summaryError: event.error });
    case 'answered':
      return answered(before, event.status, event.scanService, moment);
  }
}

function answered(
  before: TagState,
  status: Exclude<ScanStatus, 'unknown'>,
  service: string,
  moment: Moment,
): Transition {
  const underWay = isUnderWay(status);
  const hasEnded = status === 'complete' || status === 'failed';
  const seenAt = before.scanSeenAtMonotonicMs;
  const begins = underWay && seenAt === undefined && before.scanStartsAreSeen;
  return {
    state: {
      ...withStatus(before, status, moment),
      lastSuccessMs: moment.nowMs,
      lastError: undefined,
      failures: 0,
      scanService: service || before.scanService,
      scanSeenAtMonotonicMs: begins ? moment.monotonicMs : underWay ? seenAt : undefined,
      scanStartsAreSeen: before.scanStartsAreSeen || !underWay,
    },
    scanDurationMs: hasEnded && seenAt !== undefined ? moment.monotonicMs - seenAt : undefined,
  };
}

const NO_SUMMARY = { vulnerabilities: undefined, summaryError: undefined };

function withStatus(before: TagState, status: ScanStatus, { nowMs }: Moment): TagState {
  return {
    ...before,
    // Vulnerabilities are those of a complete scan, and stay while the next one runs.
    ...(status === 'complete' || isUnderWay(status) ? undefined : NO_SUMMARY),
    status,
    sinceMs: status === before.status ? before.sinceMs : nowMs,
    answered: true,
    lastPollMs: nowMs,
  };
}

function onlyState(state: TagState): Transition {
  return { state, scanDurationMs: undefined };
}
