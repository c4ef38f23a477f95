// What the times of requests at the simulator say of the promises about the rate.
import type { LoggedRequest } from '../../src/simulator/request-log.ts';

/**
 * The most by which the requests in any window of time, of any length, exceed rate × length. Between two arrivals the excess of
 * a window only falls, so windows from one arrival to another are all that count.
 */
export function largestExcess(requests: readonly LoggedRequest[], requestsPerSecond: number): number {
  let most = 0;
  // With e(i) = i - rate × t(i), a window from i to j holds j - i + 1 requests: its excess is e(j) - e(i) + 1.
  let lowest = Number.POSITIVE_INFINITY;
  for (const [index, { arrivedMonotonicMs }] of requests.entries()) {
    const surplus = index - (arrivedMonotonicMs / 1_000) * requestsPerSecond;
    lowest = Math.min(lowest, surplus);
    most = Math.max(most, surplus - lowest + 1);
  }
  return most;
}

/** How many requests arrived in `[fromMs, toMs)`. */
export function countBetween(requests: readonly LoggedRequest[], fromMs: number, toMs: number): number {
  return requests.filter(({ arrivedMonotonicMs: at }) => at >= fromMs && at < toMs).length;
}

/** The longest time without a request between `fromMs` and `toMs`. */
export function longestGapMs(requests: readonly LoggedRequest[], fromMs: number, toMs: number): number {
  const times = requests.map(({ arrivedMonotonicMs }) => arrivedMonotonicMs).filter((at) => at > fromMs && at < toMs);
  const all = [fromMs, ...times, toMs];
  return Math.max(...all.slice(1).map((time, index) => time - (all[index] ?? time)));
}
