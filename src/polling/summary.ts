// When to ask what a tag's scan found. All times are monotonic milliseconds.

import type { ScanStatus } from '../model/scan.ts';
import { backoffDelayMs } from '../scheduler/intervals.ts';
import type { PollTask } from './task.ts';

/** The numbers of a complete scan change as vulnerabilities become known; after a failure this is the longest wait, too. */
const SUMMARY_INTERVAL_MS = 3_600_000;

/**
 * Decides at the end of a poll: a scan that has just become complete is asked at once, one that stays complete at the first poll
 * after an hour.
 *
 * @param before the tag's status before the poll
 */
export function scheduleSummary(task: PollTask, before: ScanStatus, nowMs: number): void {
  const { target, state } = task.tag;
  if (!target.repository.vulnerabilities || state.status !== 'complete') {
    task.summaryDueAtMs = Number.POSITIVE_INFINITY;
    task.summarisedAtMs = Number.NEGATIVE_INFINITY;
    task.summaryFailures = 0;
    return;
  }
  // A poll that failed says nothing new.
  if (state.lastError !== undefined) return;
  const isNews = before !== 'complete';
  const waitsToRetry = task.summaryFailures > 0;
  if (isNews || (!waitsToRetry && nowMs - task.summarisedAtMs >= SUMMARY_INTERVAL_MS)) task.summaryDueAtMs = nowMs;
}

/** The numbers have come. */
export function summaryAnswered(task: PollTask, nowMs: number): void {
  task.summaryDueAtMs = Number.POSITIVE_INFINITY;
  task.summarisedAtMs = nowMs;
  task.summaryFailures = 0;
}

export type SummaryFailure = { readonly nowMs: number; readonly random: number; readonly initialMs: number };

/** The numbers have not come: they are asked for again, ever less often. */
export function summaryFailed(task: PollTask, { nowMs, random, initialMs }: SummaryFailure): void {
  task.summaryFailures += 1;
  const backoff = { initialMs, maxMs: Math.max(initialMs, SUMMARY_INTERVAL_MS) };
  task.summaryDueAtMs = nowMs + backoffDelayMs(task.summaryFailures, backoff, random);
}
