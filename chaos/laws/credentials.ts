// The exporter uses the configured keys, waits when the API demands it, and keeps problems of one set of credentials away from the others.
import { inForce, longestTimeoutMs } from '../limits.ts';
import {
  type ApiRequest,
  type Configuration,
  overlap,
  type RunRecord,
  recordedTo,
  type Span,
  spansWithout,
  timeAfter,
} from '../record.ts';
import { KEYS, SETS, type SetName, setOf, setOfInstance } from '../world.ts';
import { areMoving } from './configured.ts';
import { longestHealthyMs } from './healthy.ts';
import { Findings, type Law } from './law.ts';
import { lifeOf, sentRequests } from './sent.ts';
import { time } from './tags.ts';

/** Files are looked at every second; reading them, and what was on its way, takes some time more. */
const NEW_KEY_WITHIN_MS = 4_000;

export const keysLaw: Law = {
  name: 'keys',
  sentence: 'every instance is polled with the key in the files of its credentials, and with a new key within 4 s',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const { arrivedAtMs, accessKeyId, parameters, index } of record.requests) {
      const set = setOfInstance(parameters.InstanceId ?? '');
      const written = record.keyWrites.findLast((each) => each.set === set && each.at <= arrivedAtMs);
      if (written === undefined) continue;
      const sinceMs = arrivedAtMs - written.at - overlap(record.pauses, written.at, arrivedAtMs);
      const may = sinceMs > NEW_KEY_WITHIN_MS && written.isGood ? [written.keyId] : KEYS[set];
      findings.note(arrivedAtMs, () =>
        may.some((keyId) => keyId === accessKeyId)
          ? undefined
          : `request ${index} to ${parameters.InstanceId} is signed with ${accessKeyId}, expected ${may.join(' or ')}, as written at ${time(written.at)}`,
      );
    }
    return findings;
  },
};

/** Without Redis, each member goes on with its share, which may be small, until the shares of all are over. */
const WITHOUT_SHARES_MS = 5_000;
/** The longest time to wait that the API asks for in a run, less a turn at the usual rate. */
const MAX_WAIT_MS = 1_250;
/** After throttling the rate may be a tenth of the one in the file. */
const SLOWEST_SHARE = 0.1;

export const silenceLaw: Law = {
  name: 'silence',
  sentence:
    'credentials that are accepted are used at least once within the longest interval or back-off, a delay that the API asked for, a request timeout, and a turn, whatever happens to other credentials',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const end = recordedTo(record, judged?.to);
    for (const set of SETS) {
      const { refusals, spoils } = troublesOf(record, set);
      const idle = [...refusals, ...spoils, ...absencesOf(record, set)];
      const requests = requestsOf(record, set);
      requests.forEach((request, position) => {
        const from = request.arrivedAtMs;
        const next = requests[position + 1];
        const withRedisMs = longestSilenceMs(record.configurations, from, next?.arrivedAtMs ?? end);
        const isRedisWell = overlap(record.redisFaults, from, from + withRedisMs) === 0;
        const mostMs = withRedisMs + (isRedisWell ? 0 : WITHOUT_SHARES_MS);
        const until = timeAfter(record.pauses, from, mostMs);
        const life = record.lives.find(({ number }) => number === lifeOf(record, request));
        if (until > end || areMoving(record, from, until)) return;
        findings.note(until, () => {
          const isSilent = (next === undefined || next.arrivedAtMs > until) && life !== undefined && life.to > until;
          return isSilent && overlap(idle, from, until) === 0
            ? `no request under ${set} from ${time(from)} (request ${request.index}) to ${time(until)}`
            : undefined;
        });
      });
    }
    return findings;
  },
};

/** The longest of interval and back-off, a time to wait, a request that hangs before, and a turn at the slowest rate. */
function longestSilenceMs(configurations: readonly Configuration[], from: number, to: number): number {
  const files = inForce(configurations, from, to);
  const pauses = files.flatMap(({ intervalsMs, backoffMs }) => [...Object.values(intervalsMs), backoffMs.max]);
  const turnMs = 1_000 / (SLOWEST_SHARE * Math.min(...files.map(({ rate }) => rate)));
  return (
    Math.max(...pauses, longestHealthyMs(files)) + MAX_WAIT_MS + longestTimeoutMs(configurations, from, to) + turnMs
  );
}

/** How long an answer may take from the simulator to the exporter's decision. */
export const ANSWER_READ_MS = 500;
/** How long it may take from the exporter's socket to its decision. */
const ANSWER_TAKEN_MS = 100;
/** An answer that comes so long before the time limit, or later, may have come too late for the exporter. */
const NEARLY_TOO_LATE_MS = 100;

export const waitLaw: Law = {
  name: 'wait',
  sentence: 'while the API asks for a delay, no request with these credentials starts',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const { configurations, monotonicZeroAt: zero, pauses, wire } = record;
    for (const [{ index, retryAfterMs }, { life, accessKeyId, fromMs, overMs, isAnswered }] of sentRequests(record)) {
      if (!isAnswered || retryAfterMs === null) continue;
      const limits = inForce(configurations, zero + fromMs, zero + overMs).map((file) => file.requestTimeoutMs);
      if (overMs - fromMs > Math.min(...limits) - NEARLY_TOO_LATE_MS) continue;
      const untilMs = overMs + retryAfterMs;
      const takenByMs = overMs + ANSWER_TAKEN_MS + overlap(pauses, zero + overMs, zero + untilMs);
      // A time to wait that may be over before the exporter knows of it forbids nothing.
      if (takenByMs >= untilMs) continue;
      findings.note(zero + untilMs, () => {
        const early = wire.find(
          (each) =>
            each.life === life &&
            setOf(each.accessKeyId) === setOf(accessKeyId) &&
            each.fromMs > takenByMs &&
            each.toMs < untilMs,
        );
        return early === undefined
          ? undefined
          : `request ${early.id} of life ${life} is written at ${time(zero + early.toMs)}, though request ${index} of the simulator's log was answered to wait until ${time(zero + untilMs)}`;
      });
    }
    return findings;
  },
};

function requestsOf({ requests }: RunRecord, set: SetName): ApiRequest[] {
  return requests.filter(({ accessKeyId }) => KEYS[set].some((keyId) => keyId === accessKeyId));
}

const REFUSED = /^(InvalidAccessKeyId|InvalidSecurityToken|InvalidTimeStamp|SignatureDoesNotMatch|IncompleteSignature)/;

/** Times in which a set was refused, and in which its files held no good key, until a request was accepted again. */
type Troubles = { readonly refusals: readonly Span[]; readonly spoils: readonly Span[] };

/** @param isAccepted whether a request that was not refused shows that the set is accepted */
export function troublesOf(
  record: RunRecord,
  set: SetName,
  isAccepted: (request: ApiRequest) => boolean = mayShowAcceptance,
): Troubles {
  const requests = requestsOf(record, set);
  const writes = record.keyWrites.filter((each) => each.set === set);
  const until = (from: number): Span => {
    const good = writes.find((each) => each.isGood && each.at > from)?.at ?? from;
    const wasBad = writes.findLast((each) => each.at <= from)?.isGood === false;
    const least = wasBad ? good : from;
    const accepted = requests.find((each) => each.arrivedAtMs > least && !REFUSED.test(each.code) && isAccepted(each));
    return { from, to: accepted?.finishedAtMs ?? Number.POSITIVE_INFINITY };
  };
  return {
    refusals: requests.filter(({ code }) => REFUSED.test(code)).map(({ arrivedAtMs }) => until(arrivedAtMs)),
    spoils: writes.filter(({ isGood }) => !isGood).map(({ at }) => until(at)),
  };
}

/** Codes that may come before the key is looked at. */
const BEFORE_THE_KEY = /^(?:Throttling|System_?Error|Service_?Unavailable|Internal_?Error)/i;

/** An answer of the API itself about a request, for which it has looked at the key. */
function mayShowAcceptance({ code, fault }: ApiRequest): boolean {
  return code !== '' && fault !== 'body' && !BEFORE_THE_KEY.test(code);
}

/** Times in which no instance of a set may have been configured. */
function absencesOf({ configurations }: RunRecord, set: SetName): Span[] {
  return spansWithout(configurations, ({ tags }) =>
    [...tags].some((name) => setOfInstance(name.split(' ')[0] ?? '') === set),
  );
}
