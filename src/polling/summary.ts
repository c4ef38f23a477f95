// Schedules the requests for the vulnerabilities of a tag. All times are monotonic milliseconds.
import type { ScanStatus } from '../model/scan.ts';
import { backoffDelayMs } from '../scheduler/intervals.ts';
import type { WatchedTag } from '../state/store.ts';

/** The numbers of a complete scan change when new vulnerabilities become known. This is also the longest delay after failures. */
const SUMMARY_INTERVAL_MS = 3_600_000;

/** The times of a tag's summaries. Changed in place. */
export type SummaryTimes = {
  /** Infinity while no request is due. */
  summaryDueAtMs: number;
  /** When the last summary was received; minus infinity before the first. */
  summarisedAtMs: number;
  /** Failed requests for the summary in a row. */
  summaryFailures: number;
};

/** Forgets the last summary. No request is due. */
export function resetSummary(times: SummaryTimes): void {
  times.summaryDueAtMs = Number.POSITIVE_INFINITY;
  times.summarisedAtMs = Number.NEGATIVE_INFINITY;
  times.summaryFailures = 0;
}

/**
 * Schedules the next summary at the end of a poll: at once after a scan has become complete, and an hour after the last summary while it
 * stays complete.
 *
 * @param before the status of the tag before the poll
 */
export function scheduleSummary(
  times: SummaryTimes,
  { target, state }: WatchedTag,
  before: ScanStatus,
  nowMs: number,
): void {
  if (!target.repository.vulnerabilities || state.status !== 'complete') {
    resetSummary(times);
    return;
  }
  // A failed poll does not say whether the scan is still complete.
  if (state.lastError !== undefined) return;
  const isNew = before !== 'complete';
  const waitsToRetry = times.summaryFailures > 0;
  if (isNew || (!waitsToRetry && nowMs - times.summarisedAtMs >= SUMMARY_INTERVAL_MS)) times.summaryDueAtMs = nowMs;
}

/** Notes that the summary was received. */
export function summaryAnswered(times: SummaryTimes, nowMs: number): void {
  times.summaryDueAtMs = Number.POSITIVE_INFINITY;
  times.summarisedAtMs = nowMs;
  times.summaryFailures = 0;
}

export type SummaryFailure = { readonly nowMs: number; readonly random: number; readonly initialMs: number };

/** Schedules the next try after a failure, with a growing delay. */
export function summaryFailed(times: SummaryTimes, { nowMs, random, initialMs }: SummaryFailure): void {
  times.summaryFailures += 1;
  const backoff = { initialMs, maxMs: Math.max(initialMs, SUMMARY_INTERVAL_MS) };
  times.summaryDueAtMs = nowMs + backoffDelayMs(times.summaryFailures, backoff, random);
}
