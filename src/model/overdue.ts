// What takes too long: scans without an end, and results without a recent answer. The alerts AcrScanStuck and AcrScanResultsStale use the same times.
import { isUnderWay, type PollError, type ScanStatus } from './scan.ts';

/** A scan that is under way for longer is stuck. */
export const STUCK_AFTER_MS = 1_800_000;
/** A result whose last answer is older is stale, if a later answer was due. */
export const STALE_AFTER_MS = 3_600_000;
/** A poll that is due for longer is late. */
const LATE_AFTER_MS = 600_000;

/** Times are milliseconds since the epoch. */
export function isStuck({ status, sinceMs }: { readonly status: ScanStatus; readonly sinceMs: number }, nowMs: number) {
  return isUnderWay(status) && nowMs - sinceMs > STUCK_AFTER_MS;
}

type Answers = { readonly lastSuccessMs: number | undefined; readonly lastError: PollError | undefined };

/**
 * Whether the last answer is old, and the polls since then have failed or are late. With healthy events a complete tag may be polled every six
 * hours: then an old answer is as expected. Times are milliseconds since the epoch.
 *
 * @param nextPollMs undefined while a poll is under way
 */
export function isStale({ lastSuccessMs, lastError }: Answers, nextPollMs: number | undefined, nowMs: number): boolean {
  if (lastSuccessMs === undefined || nowMs - lastSuccessMs <= STALE_AFTER_MS) return false;
  return lastError !== undefined || (nextPollMs !== undefined && nowMs - nextPollMs > LATE_AFTER_MS);
}
