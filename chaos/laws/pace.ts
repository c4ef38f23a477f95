// How soon a tag is asked about again.
import { inForce } from '../limits.ts';
import { type ApiRequest, isToldBetween, overlap, type RunRecord, type Span } from '../record.ts';
import { ANY } from '../truth.ts';
import { INTERVALS_MS, SETS, setOfInstance } from '../world.ts';
import { isDiscovered } from './configured.ts';
import { troublesOf } from './credentials.ts';
import { Findings, type Law } from './law.ts';
import { beforeStall } from './stalls.ts';
import { askedTag, isOfSame, isTrueAnswer, pollsByTag, truthDuring } from './tags.ts';

/** Intervals are shortened at random by a tenth at the most. */
const SHORTEST = 0.9;
/** From the exporter's end of a request to the end that the simulator notes. */
const NOTED_LATE_MS = 25;

export const intervalLaw: Law = {
  name: 'interval',
  sentence:
    'in a calm no tag is asked about sooner than the interval of its status, less a tenth, after the last answer',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const isCalm = (poll: ApiRequest) =>
      record.calms.some(({ equalAt, to }) => equalAt <= poll.arrivedAtMs && poll.arrivedAtMs < to);
    for (const [before, poll] of successivePolls(record)) {
      if (!isTrueAnswer(before) || !isCalm(before) || !isCalm(poll)) continue;
      const intervalMs = intervalOf(record, before);
      if (intervalMs === undefined) continue;
      findings.note(poll.arrivedAtMs, () => tooSoon(record, before, poll, intervalMs * SHORTEST));
    }
    return findings;
  },
};

/** Codes that say nothing of the credentials, nor that there is no such thing. */
const OF_ONE_REQUEST = new Set(['SystemError', 'InternalError', 'ServiceUnavailable', 'NoPrivilege', 'Forbidden.RAM']);

export const backoffLaw: Law = {
  name: 'backoff',
  sentence: 'after an error no tag is asked about again sooner than half of backoff.initial',
  check: (record, judged) => {
    const findings = new Findings(judged);
    // Meanwhile a poll may have failed that was never sent, and afterwards what failed for that reason is polled at once.
    // A tag that comes back with a reload is polled at once, too.
    const troubles = new Map(SETS.map((set) => [set, troublesOf(record, set)]));
    for (const [before, poll] of successivePolls(record)) {
      if (!isFailure(before) || isToldBetween(record.configurations, before.arrivedAtMs, poll.arrivedAtMs)) continue;
      // After a long stall the simulator reads together what came one by one.
      if (record.simulatorStalls.some((stall) => isLongStall(stall) && reaches(stall, before, poll))) continue;
      const spans = troubles.get(setOfInstance(before.parameters.InstanceId ?? '')) ?? [];
      if (overlap(spans, before.arrivedAtMs, poll.arrivedAtMs) > 0) continue;
      // A tag that was found is another one after a push.
      if (isDiscovered(askedTag(record.truth, before) ?? '')) continue;
      const files = inForce(record.configurations, before.arrivedAtMs, poll.arrivedAtMs);
      const initialMs = Math.min(...files.map(({ backoffMs }) => backoffMs.initial));
      findings.note(poll.arrivedAtMs, () => tooSoon(record, before, poll, initialMs / 2));
    }
    return findings;
  },
};

const LONG_STALL_MS = 100;
/** For so long after a stall the simulator reads what came meanwhile. */
const CATCHES_UP_MS = 1_000;

function isLongStall({ from, to }: Span): boolean {
  return to - from > LONG_STALL_MS;
}

function reaches({ from, to }: Span, before: ApiRequest, poll: ApiRequest): boolean {
  return from < poll.arrivedMonotonicMs && to > before.arrivedMonotonicMs - CATCHES_UP_MS;
}

/** Whether a poll has failed for a reason of its own. What faults send in place of an answer is never a good one. */
function isFailure({ code, fault }: ApiRequest): boolean {
  return fault === 'body' || OF_ONE_REQUEST.has(code);
}

/** Each poll with the one before it of the same tag in the same repository, by the same process. */
function* successivePolls(record: RunRecord): Generator<readonly [before: ApiRequest, poll: ApiRequest]> {
  for (const polls of pollsByTag(record).values()) {
    for (const [index, poll] of polls.entries()) {
      const before = polls[index - 1];
      if (before !== undefined && isOfSame(record, before, poll)) yield [before, poll];
    }
  }
}

/** An answer that is none has failed before its end, and may have done so when the request had just arrived. */
function earliestEndMs({ simulatorStalls }: RunRecord, { fault, arrivedMonotonicMs, finishedMonotonicMs }: ApiRequest) {
  const noted = fault === 'body' ? arrivedMonotonicMs : (finishedMonotonicMs ?? Number.NEGATIVE_INFINITY);
  return beforeStall(simulatorStalls, noted);
}

function tooSoon(record: RunRecord, before: ApiRequest, poll: ApiRequest, leastMs: number): string | undefined {
  const finished = earliestEndMs(record, before);
  const afterMs = poll.arrivedMonotonicMs - finished;
  if (afterMs >= leastMs - NOTED_LATE_MS) return undefined;
  return `request ${poll.index} about ${askedTag(record.truth, poll)} comes ${Math.round(afterMs)} ms after request ${before.index}, expected ${leastMs} ms at least`;
}

/** Undefined where more than one status was true while it was asked for. */
function intervalOf({ truth }: RunRecord, poll: ApiRequest): number | undefined {
  const statuses = new Set(
    truthDuring(truth, poll, poll.finishedAtMs ?? Number.POSITIVE_INFINITY).map(({ status }) => status),
  );
  const [status = ANY, ...others] = statuses;
  return others.length > 0 ? undefined : INTERVALS_MS.get(status.toLowerCase());
}
