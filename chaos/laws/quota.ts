// The exporter sends no more requests than it promises, measured where it writes to its own sockets: stalls of the simulator, of the network or of
// this program do not matter.
import { allowance, maxConcurrentAt } from '../limits.ts';
import { grouped, type RunRecord, type WireRequest } from '../record.ts';
import { setOf } from '../world.ts';
import { Findings, type Law } from './law.ts';

const BURST = 2;

export const rateLaw: Law = {
  name: 'rate',
  sentence: 'in any T seconds at most rate × T + 2 requests are written with one set of credentials',
  check: ({ wire, configurations, monotonicZeroAt }, judged) => {
    const findings = new Findings(judged);
    const allowed = allowance(configurations);
    for (const requests of byLifeAndSet(wire)) {
      for (const { request, first, excess } of excesses(requests, (ms) => allowed(monotonicZeroAt + ms))) {
        const windowMs = request.toMs - first.fromMs;
        findings.note(request.at, () =>
          excess > BURST
            ? `requests ${first.id} to ${request.id} of life ${request.life}, in ${windowMs.toFixed(3)} ms, are ${(excess - BURST).toFixed(3)} more than rate × T + ${BURST}`
            : undefined,
        );
      }
    }
    return findings;
  },
};

/**
 * By how much a window that ends with each request exceeds the rate at most, and the first request of that window. Of the count of each request, less
 * what the rate allows by then, it is the difference to the lowest such number before.
 *
 * @param allowed how many requests the rate allows by a time on the monotonic clock
 */
export function* excesses(
  requests: readonly WireRequest[],
  allowed: (ms: number) => number,
): Generator<{ readonly request: WireRequest; readonly first: WireRequest; readonly excess: number }> {
  let lowest = Number.POSITIVE_INFINITY;
  let [first] = requests;
  for (const [count, request] of requests.entries()) {
    const begin = count - allowed(request.fromMs);
    if (begin < lowest) [lowest, first] = [begin, request];
    yield { request, first: first ?? request, excess: count + 1 - allowed(request.toMs) - lowest };
  }
}

export const concurrencyLaw: Law = {
  name: 'concurrency',
  sentence:
    'of the requests with one set of credentials, at most max_concurrent are written and neither answered nor closed with their connection',
  check: ({ wire, configurations, monotonicZeroAt }, judged) => {
    const findings = new Findings(judged);
    for (const requests of byLifeAndSet(wire)) {
      let underWay: WireRequest[] = [];
      for (const request of requests) {
        underWay = underWay.filter(({ overMs }) => overMs > request.toMs);
        underWay.push(request);
        const ids = underWay.map(({ id }) => id);
        findings.note(request.at, () =>
          ids.length > maxConcurrentAt(configurations, monotonicZeroAt + request.toMs)
            ? `${ids.length} under way at request ${request.id} of life ${request.life}: ${ids.join(', ')}`
            : undefined,
        );
      }
    }
    return findings;
  },
};

/** A new process begins with a quota of its own, and each set of credentials has one. */
function byLifeAndSet(wire: RunRecord['wire']): WireRequest[][] {
  return [...grouped(wire, ({ life, accessKeyId }) => `${life} ${setOf(accessKeyId)}`).values()];
}
