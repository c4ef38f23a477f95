// The exporter asks no more of the API than it promised, as the API sees it. Its own view is in wire.ts.
import { allowance, maxConcurrentAt } from '../limits.ts';
import type { ApiRequest, RunRecord, Span } from '../record.ts';
import { setOf } from '../world.ts';
import { Findings, type Law } from './law.ts';

/** From the exporter's decision to the simulator's log entry: how much later one request may be noted than another. */
export const WIRE_MS = 10;
const BURST = 2;

export const rateLaw: Law = {
  name: 'rate',
  sentence: 'in any T seconds at most rate × T + 2 requests start under a set of credentials',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const allowed = allowance(record.configurations);
    for (const requests of byLifeAndSet(record)) {
      // A window from one request to another is too full where the later one's count, less what the rate allows by then, is more
      // than the burst above the lowest such number before it.
      let lowest = Number.POSITIVE_INFINITY;
      let from: ApiRequest | undefined;
      // From the simulator's monotonic clock to the wall clock, which is that of the configurations.
      const wall = (requests[0]?.arrivedAtMs ?? 0) - (requests[0]?.arrivedMonotonicMs ?? 0);
      requests.forEach((request, count) => {
        const earliest = beforeStall(record.standInStalls, request.arrivedMonotonicMs) - WIRE_MS;
        const begin = count - allowed(wall + earliest);
        if (begin < lowest) [lowest, from] = [begin, request];
        const excess = count + 1 - allowed(wall + request.arrivedMonotonicMs) - lowest - BURST;
        const window = request.arrivedMonotonicMs - (from?.arrivedMonotonicMs ?? 0);
        findings.note(
          request.arrivedAtMs,
          excess > 0
            ? `requests ${from?.index} to ${request.index}, in ${window.toFixed(1)} ms, are ${excess.toFixed(2)} more than rate × T + ${BURST}`
            : undefined,
        );
      });
    }
    return findings;
  },
};

export const concurrencyLaw: Law = {
  name: 'concurrency',
  sentence: 'at most max_concurrent requests are under way under a set of credentials',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const requests of byLifeAndSet(record)) {
      let underWay: ApiRequest[] = [];
      for (const request of requests) {
        const now = request.arrivedMonotonicMs;
        underWay = underWay.filter((each) => {
          const finished = each.finishedMonotonicMs ?? Number.POSITIVE_INFINITY;
          return beforeStall(record.standInStalls, finished) - WIRE_MS > now;
        });
        underWay.push(request);
        findings.note(
          request.arrivedAtMs,
          underWay.length > maxConcurrentAt(record.configurations, request.arrivedAtMs)
            ? `${underWay.length} under way at request ${request.index}: ${underWay.map(({ index }) => index).join(', ')}`
            : undefined,
        );
      }
    }
    return findings;
  },
};

/**
 * The earliest time at which something may have happened that the stand-in noted at this time: its loop may have stood still before, and
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

/** A new process begins with a quota of its own, and each set of credentials has one. */
function byLifeAndSet({ requests, lives }: RunRecord): ApiRequest[][] {
  const groups = new Map<string, ApiRequest[]>();
  for (const request of requests) {
    const life = lives.findLast(({ startedAt }) => startedAt <= request.arrivedAtMs)?.number;
    const group = `${life} ${setOf(request.accessKeyId)}`;
    const list = groups.get(group);
    if (list === undefined) groups.set(group, [request]);
    else list.push(request);
  }
  return [...groups.values()];
}
