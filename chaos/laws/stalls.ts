// When a request reached the simulator, whose loop may have stood still before it noted that.
import type { ApiRequest, RunRecord, Span } from '../record.ts';

/** When a request may have arrived that the simulator read only after a stall, in milliseconds since the epoch. */
export function earliestArrival(
  { simulatorStalls }: Pick<RunRecord, 'simulatorStalls'>,
  { arrivedAtMs, arrivedMonotonicMs }: Pick<ApiRequest, 'arrivedAtMs' | 'arrivedMonotonicMs'>,
): number {
  return arrivedAtMs - arrivedMonotonicMs + beforeStall(simulatorStalls, arrivedMonotonicMs);
}

/** From the exporter's socket to the simulator's log entry: how much later one request may be noted than another. */
export const WIRE_MS = 10;

/**
 * The earliest time at which something may have happened that the simulator noted at this time: its loop may have stood still before, and
 * before that, since a connection is taken in one turn of the loop and read in the next.
 *
 * @param stalls in the order in which they were
 */
export function beforeStall(stalls: readonly Span[], at: number): number {
  let earliest = at;
  for (let index = stalls.length - 1; index >= 0; index--) {
    const { from, to } = stalls[index] ?? { from: at, to: at };
    if (to + WIRE_MS < earliest) break;
    if (from < earliest) earliest = from;
  }
  return earliest;
}
