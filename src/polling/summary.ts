// When to ask what a tag's scan found. All times are monotonic milliseconds.
import type { ScanStatus } from '../model/scan.ts';
import { backoffDelayMs } from '../scheduler/intervals.ts';
import type { WatchedTag } from '../state/store.ts';

/** The numbers of a complete scan change as vulnerabilities become known; after a failure this is the longest wait, too. */
const SUMMARY_INTERVAL_MS = 3_600_000;

/** The summaries of a tag; changed in place. */
export type SummaryTimes = {
  /** Infinity while there is nothing to ask. */
  summaryDueAtMs: number;
  /** When the last summary came; minus infinity before the first. */
  summarisedAtMs: number;
  /** Failed requests for the summary in a row. */
  summaryFailures: number;
};

/** There is nothing to ask, and nothing is known. */
export function resetSummary(times: SummaryTimes): void {
  times.summaryDueAtMs = Number.POSITIVE_INFINITY;
  times.summarisedAtMs = Number.NEGATIVE_INFINITY;
  times.summaryFailures = 0;
}

/**
 * Decides at the end of a poll: a scan that has just become complete is asked at once, one that stays complete at the first poll
 * after an hour.
 *
 * @param before the tag's status before the poll
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
  // A poll that failed says nothing new.
  if (state.lastError !== undefined) return;
  const isNews = before !== 'complete';
  const waitsToRetry = times.summaryFailures > 0;
  if (isNews || (!waitsToRetry && nowMs - times.summarisedAtMs >= SUMMARY_INTERVAL_MS)) times.summaryDueAtMs = nowMs;
}

/** The numbers have come. */
export function summaryAnswered(times: SummaryTimes, nowMs: number): void {
  times.summaryDueAtMs = Number.POSITIVE_INFINITY;
  times.summarisedAtMs = nowMs;
  times.summaryFailures = 0;
}

export type SummaryFailure = { readonly nowMs: number; readonly random: number; readonly initialMs: number };

/** The numbers have not come: they are asked for again, ever less often. */
export function summaryFailed(times: SummaryTimes, { nowMs, random, initialMs }: SummaryFailure): void {
  times.summaryFailures += 1;
  const backoff = { initialMs, maxMs: Math.max(initialMs, SUMMARY_INTERVAL_MS) };
  times.summaryDueAtMs = nowMs + backoffDelayMs(times.summaryFailures, backoff, random);
}
