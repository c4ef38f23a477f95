// How soon a tag is polled again.
import { inForce } from '../limits.ts';
import { type ApiRequest, type Configuration, overlap, type RunRecord, type WireRequest } from '../record.ts';
import { ANY, bare } from '../truth.ts';
import { INTERVALS_MS, REPOSITORIES, SETS, setOfInstance } from '../world.ts';
import { lastAnswerFrom, mayBeAnnounced } from './announced.ts';
import { ANSWER_READ_MS, troublesOf } from './credentials.ts';
import { Findings, type Law } from './law.ts';
import { isOfSame, sentRequests } from './sent.ts';
import { beforeStall } from './stalls.ts';
import { askedTag, isTrueAnswer, pollsByTag, truthDuring } from './tags.ts';

/** Intervals are shortened at random by a tenth at the most. */
const SHORTEST = 0.9;
/** From the exporter's end of a request to the end that the simulator notes. */
const NOTED_LATE_MS = 25;

export const intervalLaw: Law = {
  name: 'interval',
  sentence:
    'in a calm, the next poll of a tag starts no sooner after the last answer than the interval of its status, less a tenth, unless an event may announce news',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const sent = sentRequests(record);
    const isCalm = (poll: ApiRequest) =>
      record.calms.some(({ equalAt, to }) => equalAt <= poll.arrivedAtMs && poll.arrivedAtMs < to);
    for (const [before, poll] of successivePolls(record)) {
      if (!isTrueAnswer(before) || sent.get(before)?.isAnswered === false || !isCalm(before) || !isCalm(poll)) continue;
      const intervalMs = intervalOf(record, before);
      if (intervalMs === undefined || isAnnounced(record, before, poll)) continue;
      findings.note(poll.arrivedAtMs, () => {
        const finishedMs = beforeStall(record.simulatorStalls, before.finishedMonotonicMs ?? Number.NEGATIVE_INFINITY);
        const [afterMs, leastMs] = [poll.arrivedMonotonicMs - finishedMs, intervalMs * SHORTEST];
        return afterMs >= leastMs - NOTED_LATE_MS ? undefined : tooSoon(record, [before, poll], afterMs, leastMs);
      });
    }
    return findings;
  },
};

/** Codes that say neither that the credentials are wrong nor that something does not exist. */
const OF_ONE_REQUEST = new Set([
  'SYSTEM_ERROR',
  'SystemError',
  'InternalError',
  'ServiceUnavailable',
  'NoPrivilege',
  'Forbidden.RAM',
]);

export const backoffLaw: Law = {
  name: 'backoff',
  sentence:
    'after an error, the next poll of the tag starts no sooner than half of backoff.initial, unless an event may announce news',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const sent = sentRequests(record);
    const troubles = new Map(SETS.map((set) => [set, troublesOf(record, set, (each) => isAccepted(each, sent))]));
    const polls = pollsByTag(record);
    for (const [before, poll] of successivePolls(record)) {
      const [first, next] = [sent.get(before), sent.get(poll)];
      if (first === undefined || next === undefined) continue;
      if (!isFailure(before, first) || !isSameThroughout(record, before, poll)) continue;
      const { refusals = [], spoils = [] } = troubles.get(setOfInstance(before.parameters.InstanceId ?? '')) ?? {};
      // Without credentials a poll may fail that is never sent: it is sent as soon as there are some. While they are refused, tags are asked
      // about before they are due, to find out whether they still are.
      if (overlap(spoils, before.arrivedAtMs, poll.arrivedAtMs) > 0) continue;
      if (overlap(refusals, poll.arrivedAtMs - ANSWER_READ_MS, poll.arrivedAtMs) > 0) continue;
      const name = askedTag(record.truth, poll) ?? '';
      const answerFrom = lastAnswerFrom(record, polls.get(name) ?? [], before.arrivedAtMs);
      if (mayBeAnnounced(record, name, { answerFrom, from: before.arrivedAtMs, to: poll.arrivedAtMs })) continue;
      const files = inForce(record.configurations, before.arrivedAtMs, poll.arrivedAtMs);
      const leastMs = Math.min(...files.map((file) => shortestPauseMs(file, before))) / 2;
      // An answer that is none is given up before its end, perhaps as soon as the request was written.
      const fromMs = before.fault === 'body' ? first.fromMs : first.overMs;
      // A process that waits for a processor may note an end long after it has decided when to ask again.
      const zero = record.monotonicZeroAt;
      const afterMs = next.toMs - fromMs + overlap(record.pauses, zero + first.fromMs, zero + next.toMs);
      findings.note(poll.arrivedAtMs, () =>
        afterMs >= leastMs - SOCKET_NOTED_LATE_MS ? undefined : tooSoon(record, [before, poll], afterMs, leastMs),
      );
    }
    return findings;
  },
};

/** Whether an event may have caused the poll. */
function isAnnounced(record: RunRecord, before: ApiRequest, poll: ApiRequest): boolean {
  const [from, to] = [before.arrivedAtMs, poll.arrivedAtMs];
  return mayBeAnnounced(record, askedTag(record.truth, poll) ?? '', { answerFrom: from, from, to });
}

/** From the exporter's end of a request to the end that is noted at its socket. */
const SOCKET_NOTED_LATE_MS = 5;

/** The first pause after an error. What is no known status is asked about again after the interval of a scan under way. */
function shortestPauseMs({ backoffMs, intervalsMs }: Configuration, { fault }: ApiRequest): number {
  return fault === 'body' ? Math.min(backoffMs.initial, intervalsMs.scanning) : backoffMs.initial;
}

/**
 * Whether a tag is the same one from one poll to the next, for the exporter too. One that a file leaves out or lists by another digest is another
 * one afterwards, and so may be one that discovery finds, or one of a repository that is looked up by its names.
 */
function isSameThroughout({ configurations, truth }: RunRecord, before: ApiRequest, poll: ApiRequest): boolean {
  const name = askedTag(truth, before) ?? '';
  const isListedById = REPOSITORIES.some(
    ({ id, instance }) => id === before.parameters.RepoId && name.startsWith(`${instance} `),
  );
  const files = inForce(configurations, before.arrivedAtMs, poll.arrivedAtMs);
  const digests = new Set(
    files.map(({ tags, digests }) => (tags.has(name) ? bare(digests?.get(name) ?? '') : undefined)),
  );
  return isListedById && digests.size === 1 && !digests.has(undefined);
}

/**
 * Whether a poll has failed for a reason of its own. What faults send in place of an answer is never a good one, and a request without an answer
 * was given up. After a reset it may be sent again at once.
 */
function isFailure({ code, fault }: ApiRequest, { isAnswered, overMs }: WireRequest): boolean {
  const isGivenUp = code === '' && fault !== 'reset' && !isAnswered && Number.isFinite(overMs);
  return fault === 'body' || OF_ONE_REQUEST.has(code) || isGivenUp;
}

/** Whether a request shows the exporter that its credentials are accepted. */
function isAccepted(request: ApiRequest, sent: ReadonlyMap<ApiRequest, WireRequest>): boolean {
  return isTrueAnswer(request) && sent.get(request)?.isAnswered === true;
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

function tooSoon(
  { truth }: RunRecord,
  [before, poll]: readonly [ApiRequest, ApiRequest],
  afterMs: number,
  leastMs: number,
): string {
  return `request ${poll.index} about ${askedTag(truth, poll)} comes ${Math.round(afterMs)} ms after request ${before.index}, expected ${leastMs} ms at least`;
}

/** Undefined where more than one status was true while it was asked for. */
function intervalOf({ truth }: RunRecord, poll: ApiRequest): number | undefined {
  const statuses = new Set(
    truthDuring(truth, poll, poll.finishedAtMs ?? Number.POSITIVE_INFINITY).map(({ status }) => status),
  );
  const [status = ANY, ...others] = statuses;
  return others.length > 0 ? undefined : INTERVALS_MS.get(status.toLowerCase());
}
