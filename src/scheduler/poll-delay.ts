// When a tag is polled again, and in which group: functions of its state and a random number.

import { isUnderWay, UNKNOWN_STATUS } from '../model/scan.ts';
import type { Backoff, Intervals, Timing } from '../model/settings.ts';
import type { TagState } from '../state/tag-state.ts';
import type { TagGroup } from './due-queue.ts';

/** Intervals are shortened by up to this share, so that tags that were added together are not always polled together. */
const SPREAD = 0.1;

/** The scan of an image that was pushed or first seen within this time is expected to begin soon. */
export const NEW_FOR_MS = 600_000;

/**
 * From the end of a poll to the next, in milliseconds.
 *
 * @param ageMs since the image was pushed; since it was first seen if the time of the push is unknown
 * @param random in [0, 1)
 */
export function pollDelayMs(state: TagState, ageMs: number, { intervals, backoff }: Timing, random: number): number {
  if (state.lastError !== undefined) {
    const initialMs = state.lastError.code === UNKNOWN_STATUS ? intervals.scanningMs : backoff.initialMs;
    return backoffDelayMs(state.failures, { ...backoff, initialMs }, random);
  }
  return spreadMs(intervalMs(state, ageMs, intervals), random);
}

/**
 * The same for a poll that ended in a former process, `elapsedMs` ago, with the delays that are still possible: any other
 * random delay would be over already for many tags, and a restart would cause a burst of requests.
 *
 * @param ageMs of the image when the poll ended
 */
export function resumedDelayMs(
  state: TagState,
  ageMs: number,
  timing: Timing,
  { random, elapsedMs }: { readonly random: number; readonly elapsedMs: number },
): number {
  const ends = [pollDelayMs(state, ageMs, timing, 0), pollDelayMs(state, ageMs, timing, 1)];
  const longestMs = Math.max(...ends);
  const shortestMs = Math.min(longestMs, Math.max(elapsedMs, Math.min(...ends)));
  return longestMs - (longestMs - shortestMs) * random;
}

/** The interval, shortened at random by up to a tenth. `random` is in [0, 1). */
export function spreadMs(intervalMs: number, random: number): number {
  return intervalMs * (1 - SPREAD * random);
}

/** (0.5 + 0.5 × random) × min(max, initial × 2ⁿ⁻¹) milliseconds after `failures` = n failures in a row. */
export function backoffDelayMs(failures: number, { initialMs, maxMs }: Backoff, random: number): number {
  return (0.5 + 0.5 * random) * Math.min(maxMs, initialMs * 2 ** (failures - 1));
}

/** The group that a tag in this state belongs to. */
export function groupOf(state: TagState): TagGroup {
  if (isUnderWay(state.status)) return 'running';
  return state.answered ? 'settled' : 'unanswered';
}

function intervalMs({ status }: TagState, ageMs: number, intervals: Intervals): number {
  if (status === 'complete') return intervals.completeMs;
  if (status === 'failed') return intervals.failedMs;
  if (status === 'not_scanned' && ageMs >= NEW_FOR_MS) return intervals.notScannedMs;
  return intervals.scanningMs;
}
