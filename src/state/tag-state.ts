// What is known of one tag's scan, and the pure functions that tell what an event makes of it.

import { isUnderWay, type PollError, type ScanStatus, type Vulnerabilities } from '../model/scan.ts';

/** Immutable; times are wall-clock milliseconds since the epoch unless their names say otherwise. */
export type TagState = {
  readonly status: ScanStatus;
  /** When the present status was first seen; for a tag never answered, when it was added. */
  readonly sinceMs: number;
  /** Whether any poll has been answered, be it with a status that this version does not know. */
  readonly answered: boolean;
  /** The end of the last poll, however it went. */
  readonly lastPollMs: number | undefined;
  /** The last poll that was answered with a known status. */
  readonly lastSuccessMs: number | undefined;
  /** Set exactly while the last poll failed. */
  readonly lastError: PollError | undefined;
  /** Failed polls in a row; lookups of the repository do not count. */
  readonly failures: number;
  /** `ACR_SCAN_SERVICE`, `SAS_SCAN_SERVICE`, or empty when not known. */
  readonly scanService: string;
  /** What the last complete scan found, as far as known; kept while another one runs. */
  readonly vulnerabilities: Vulnerabilities | undefined;
  /** Set exactly while the last attempt to ask for the vulnerabilities failed. */
  readonly summaryError: PollError | undefined;
  /** When the scan that is under way was first seen, on the monotonic clock; undefined when none is, or when it began unseen. */
  readonly scanSeenAtMonotonicMs: number | undefined;
  /**
   * Whether the first answer that shows a scan under way is its start. False for a tag that was there before the process started, until
   * an answer shows it without a scan under way.
   */
  readonly scanStartsAreSeen: boolean;
};

/** The end of a poll, of a lookup without which there is none, or of a request for the vulnerabilities. */
export type TagEvent = PollEvent | LookupFailed | SummaryEvent;

export type SummaryEvent =
  | { readonly type: 'summary'; readonly vulnerabilities: Vulnerabilities }
  | { readonly type: 'summary-failed'; readonly error: PollError };

export type PollEvent =
  | { readonly type: 'answered'; readonly status: Exclude<ScanStatus, 'unknown'>; readonly scanService: string }
  | { readonly type: 'unknown-status'; readonly error: PollError; readonly scanService: string }
  | { readonly type: 'failed'; readonly error: PollError };

/** The tag could not be polled because the lookup of its repository failed: that is no failure of the tag's own polls. */
export type LookupFailed = { readonly type: 'lookup-failed'; readonly error: PollError };

/** When an event happened, on both clocks. */
export type Moment = { readonly nowMs: number; readonly monotonicMs: number };

/** What an event makes of a tag, and the length of the scan that it ended, if one was seen from its start. */
export type Transition = { readonly state: TagState; readonly scanDurationMs: number | undefined };

/**
 * A tag that was just added at `nowMs`.
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

/** What `event`, at `moment`, makes of `before`. */
export function transition(before: TagState, event: TagEvent, moment: Moment): Transition {
  switch (event.type) {
    case 'failed':
      return unmoved({ ...before, lastPollMs: moment.nowMs, lastError: event.error, failures: before.failures + 1 });
    case 'lookup-failed':
      return unmoved({ ...before, lastPollMs: moment.nowMs, lastError: event.error });
    case 'unknown-status':
      return unmoved({
        ...withStatus(before, 'unknown', moment),
        lastError: event.error,
        failures: before.failures + 1,
        scanService: event.scanService || before.scanService,
      });
    case 'summary':
      return unmoved({ ...before, vulnerabilities: event.vulnerabilities, summaryError: undefined });
    case 'summary-failed':
      return unmoved({ ...before, summaryError: event.error });
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
    // What was found is known of a complete scan, and while the next one runs.
    ...(status === 'complete' || isUnderWay(status) ? undefined : NO_SUMMARY),
    status,
    sinceMs: status === before.status ? before.sinceMs : nowMs,
    answered: true,
    lastPollMs: nowMs,
  };
}

function unmoved(state: TagState): Transition {
  return { state, scanDurationMs: undefined };
}
