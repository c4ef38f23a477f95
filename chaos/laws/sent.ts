// Each request is noted twice: where the exporter writes it to its socket, and where the simulator reads it. This pairs the two notes.
import {
  type ApiRequest,
  grouped,
  overlap,
  type RunRecord,
  recordedTo,
  timeAfter,
  type WireRequest,
} from '../record.ts';
import { Findings, type Law } from './law.ts';
import { earliestArrival } from './stalls.ts';
import { time } from './tags.ts';

/** The clocks of two processes, and how the wall clock is set right against the monotonic one in an hour. */
const CLOCKS_MS = 50;
/** A process reports a request within this time, not counting the time in which it could not run. */
const TOLD_WITHIN_MS = 4_000;
/** A process may not have reported what it did in this time before it was killed. */
const UNTOLD_MS = 1_000;

export const seenLaw: Law = {
  name: 'seen',
  sentence:
    "each request in the simulator's log was seen at the exporter's socket, and each request that was completely answered there is in the log",
  check: (record, judged) => {
    const findings = new Findings(judged);
    const end = recordedTo(record, judged?.to);
    const sent = sentRequests(record);
    for (const request of record.requests) {
      const { arrivedAtMs, accessKeyId, index, action } = request;
      const until = toldBy(record, arrivedAtMs);
      // The simulator did not get a request without a key completely.
      if (accessKeyId === '' || until > end || isNearAnEnd(record, request)) continue;
      findings.note(until, () =>
        sent.has(request)
          ? undefined
          : `request ${index} (${action}) arrived at ${time(arrivedAtMs)}, but was not seen at the exporter's socket`,
      );
    }
    const arrived = new Set(sent.values());
    for (const request of record.wire) {
      const until = toldBy(record, request.at);
      if (!request.isAnswered || until > end) continue;
      findings.note(until, () =>
        arrived.has(request)
          ? undefined
          : `request ${request.id} of life ${request.life} (${request.subject}) was answered, but is not in the simulator's log`,
      );
    }
    return findings;
  },
};

function toldBy({ pauses }: RunRecord, at: number): number {
  return timeAfter(pauses, at, TOLD_WITHIN_MS);
}

function isNearAnEnd(record: RunRecord, request: ApiRequest): boolean {
  const { arrivedAtMs } = request;
  const from = earliestArrival(record, request) - UNTOLD_MS;
  const to = arrivedAtMs + UNTOLD_MS + overlap(record.pauses, arrivedAtMs, arrivedAtMs + TOLD_WITHIN_MS);
  return record.lives.some((life) => life.to >= from && life.to <= to);
}

/**
 * What the exporter's process said of each request in the simulator's log. Requests about the same are told apart by their times alone: of
 * those that were written by the time of an arrival one is the arrived one, and they arrive in the order in which they were written.
 */
export function sentRequests({
  requests,
  wire,
  monotonicZeroAt,
}: Pick<RunRecord, 'requests' | 'wire' | 'monotonicZeroAt'>): ReadonlyMap<ApiRequest, WireRequest> {
  const written = grouped(wire, keyOf);
  const sent = new Map<ApiRequest, WireRequest>();
  for (const [key, arrived] of grouped(requests, (each) => keyOf({ ...each, subject: subjectOf(each) }))) {
    const candidates = written.get(key) ?? [];
    const taken = new Set<WireRequest>();
    const found = arrived.filter(({ arrivedAtMs }) => {
      const isBefore = ({ fromMs }: WireRequest) => monotonicZeroAt + fromMs <= arrivedAtMs + CLOCKS_MS;
      const last = candidates.findLast((each) => !taken.has(each) && isBefore(each));
      if (last !== undefined) taken.add(last);
      return last !== undefined;
    });
    candidates
      .filter((each) => taken.has(each))
      .forEach((each, index) => {
        const request = found[index];
        if (request !== undefined) sent.set(request, each);
      });
  }
  return sent;
}

function keyOf({ accessKeyId, subject }: Pick<WireRequest, 'accessKeyId' | 'subject'>): string {
  return `${accessKeyId} ${subject}`;
}

/** What a request is about, in the form in which it is noted at the socket. */
export function subjectOf({ action, parameters }: Pick<ApiRequest, 'action' | 'parameters'>): string {
  const { InstanceId = '', RepoId = '', Tag = '', Digest = '' } = parameters;
  return [action, InstanceId, RepoId, Tag, Digest].join(' ');
}

/** The number of the process that a request is of. With members several processes send: then it is the one at whose socket the request was seen. */
export function lifeOf(record: RunRecord, request: ApiRequest): number | undefined {
  if (record.members > 1) return senders(record).get(request)?.life;
  return record.lives.findLast(({ startedAt }) => startedAt <= request.arrivedAtMs)?.number;
}

/** By the list of requests, which is another one for each check. */
const known = new WeakMap<readonly ApiRequest[], ReadonlyMap<ApiRequest, WireRequest>>();

function senders(record: RunRecord): ReadonlyMap<ApiRequest, WireRequest> {
  const before = known.get(record.requests);
  if (before !== undefined) return before;
  const found = sentRequests(record);
  known.set(record.requests, found);
  return found;
}

/** Whether two requests are of one process, and about one repository. */
export function isOfSame(record: RunRecord, one: ApiRequest, other: ApiRequest): boolean {
  return one.parameters.RepoId === other.parameters.RepoId && lifeOf(record, one) === lifeOf(record, other);
}
