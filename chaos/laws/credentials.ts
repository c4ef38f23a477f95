// The exporter uses the keys that it is given, waits where it is told to, and lets no set of credentials suffer for another.
import { type ApiRequest, overlap, type RunRecord, type Span, spansWithout } from '../record.ts';
import { KEYS, REQUEST_TIMEOUT_MS, SETS, type SetName, setOfInstance } from '../world.ts';
import { Findings, type Law } from './law.ts';
import { lifeOf, time } from './tags.ts';

/** Files are looked at every second; reading them, and what was on its way, takes some time more. */
const NEW_KEY_WITHIN_MS = 3_000;

export const keysLaw: Law = {
  name: 'keys',
  sentence: 'every instance is asked with the key that the files of its credentials hold, a new one within 3 s',
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

/** The longest of interval, back-off and time to wait that a run has, and a request that hangs before. */
const LONGEST_SILENCE_MS = 4_500;

export const silenceLaw: Law = {
  name: 'silence',
  sentence: 'credentials that are good and not refused are used every 4.5 s at least, whatever happens to others',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const set of SETS) {
      const idle = [...troublesOf(record, set), ...absencesOf(record, set)];
      const requests = requestsOf(record, set);
      requests.forEach((request, position) => {
        const before = requests[position - 1];
        if (before === undefined || lifeOf(record, before) !== lifeOf(record, request)) return;
        const [from, to] = [before.arrivedAtMs, request.arrivedAtMs];
        findings.note(to, () => {
          const silentMs = to - from - overlap(record.pauses, from, to);
          const isLong = silentMs > LONGEST_SILENCE_MS && overlap(idle, from, to) === 0;
          return isLong
            ? `no request under ${set} from ${time(from)} to ${time(to)} (request ${request.index})`
            : undefined;
        });
      });
    }
    return findings;
  },
};

/** How long an answer may take from the simulator to the exporter's decision. */
const ANSWER_READ_MS = 300;
/** An answer that comes later may have come too late for the exporter. */
const TAKEN_WITHIN_MS = REQUEST_TIMEOUT_MS - 100;

export const waitLaw: Law = {
  name: 'wait',
  sentence: 'while the API asks to wait, nothing is asked under these credentials',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const set of SETS) {
      const requests = requestsOf(record, set);
      requests.forEach((request, position) => {
        const { arrivedAtMs, finishedAtMs, retryAfterMs, index } = request;
        if (finishedAtMs === null || retryAfterMs === null || finishedAtMs - arrivedAtMs > TAKEN_WITHIN_MS) return;
        const until = finishedAtMs + retryAfterMs;
        const early = requests
          .slice(position + 1)
          .find(({ arrivedAtMs }) => arrivedAtMs > finishedAtMs + ANSWER_READ_MS);
        const isEarly =
          early !== undefined && early.arrivedAtMs < until && lifeOf(record, early) === lifeOf(record, request);
        const isKnown = overlap(record.pauses, finishedAtMs, until) === 0;
        findings.note(until, () =>
          isEarly && isKnown
            ? `request ${early.index} arrives at ${time(early.arrivedAtMs)}, though request ${index} was answered to wait until ${time(until)}`
            : undefined,
        );
      });
    }
    return findings;
  },
};

function requestsOf({ requests }: RunRecord, set: SetName): ApiRequest[] {
  return requests.filter(({ accessKeyId }) => KEYS[set].some((keyId) => keyId === accessKeyId));
}

const REFUSED = /^(InvalidAccessKeyId|InvalidSecurityToken|InvalidTimeStamp|SignatureDoesNotMatch|IncompleteSignature)/;

/** Times in which a set was refused, or its files could not be read, until a request was accepted again. */
export function troublesOf(record: RunRecord, set: SetName): Span[] {
  const requests = requestsOf(record, set);
  const begins = [
    ...requests.filter(({ code }) => REFUSED.test(code)).map(({ arrivedAtMs }) => arrivedAtMs),
    ...record.keyWrites.filter((each) => each.set === set && !each.isGood).map(({ at }) => at),
  ];
  return begins.map((from) => {
    const good = record.keyWrites.find((each) => each.set === set && each.isGood && each.at > from)?.at ?? from;
    const wasBad = record.keyWrites.findLast((each) => each.set === set && each.at <= from)?.isGood === false;
    const least = wasBad ? good : from;
    const accepted = requests.find(
      ({ arrivedAtMs, code }) => arrivedAtMs > least && code !== '' && !REFUSED.test(code),
    );
    return { from, to: accepted?.finishedAtMs ?? Number.POSITIVE_INFINITY };
  });
}

/** Times in which no instance of a set may have been configured. */
function absencesOf({ configurations }: RunRecord, set: SetName): Span[] {
  return spansWithout(configurations, ({ tags }) =>
    [...tags].some((name) => setOfInstance(name.split(' ')[0] ?? '') === set),
  );
}
