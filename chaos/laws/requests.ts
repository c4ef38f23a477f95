// The exporter requests only what its file lists, one request for a tag at a time, and with the configured keys.
import { longestTimeoutMs } from '../limits.ts';
import { type Configuration, overlap, type RunRecord, recordedTo, timeAfter } from '../record.ts';
import { isDiscovered } from './configured.ts';
import { Findings, type Law } from './law.ts';
import { isOfSame, lifeOf } from './sent.ts';
import { beforeStall, WIRE_MS } from './stalls.ts';
import { askedTag, pollsByTag, time } from './tags.ts';

export const onceLaw: Law = {
  name: 'once',
  sentence: 'no tag has two requests under way',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const polls of pollsByTag(record).values()) {
      polls.forEach((poll, index) => {
        const before = polls[index - 1];
        if (before === undefined || !isOfSame(record, before, poll)) return;
        const finished = before.finishedMonotonicMs ?? Number.POSITIVE_INFINITY;
        findings.note(poll.arrivedAtMs, () =>
          beforeStall(record.simulatorStalls, finished) - WIRE_MS <= poll.arrivedMonotonicMs
            ? undefined
            : `request ${poll.index} about ${askedTag(record.truth, poll)} arrives while request ${before.index} is under way`,
        );
      });
    }
    return findings;
  },
};

export const askedLaw: Law = {
  name: 'asked',
  sentence: 'after a reload is confirmed, no request is sent for a tag that is no longer configured',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const [name, polls] of pollsByTag(record)) {
      for (const poll of polls) {
        const inForce = inForceAt(record, poll.arrivedAtMs);
        if (inForce === undefined) continue;
        findings.note(poll.arrivedAtMs, () => {
          const isMeant = inForce.tags.has(name) || (inForce.discovers && isDiscovered(name));
          return isMeant ? undefined : `request ${poll.index} asks about ${name}, which is not configured`;
        });
      }
    }
    return findings;
  },
};

/** The configuration that alone can have led to a request at this time; undefined where another may have. */
function inForceAt({ configurations, pauses }: RunRecord, at: number): Configuration | undefined {
  const told = configurations.findLast(({ toldAt }) => toldAt <= at);
  if (told === undefined) return undefined;
  const sinceMs = at - told.inForceAt - overlap(pauses, told.inForceAt, at);
  // What was sent before has ended by then, or is given up.
  return sinceMs > longestTimeoutMs(configurations, told.toldAt, at) ? told : undefined;
}

/** From the time limit to the end that the simulator notes, on a busy machine. */
const NOTED_WITHIN_MS = 3_000;

export const timeoutLaw: Law = {
  name: 'timeout',
  sentence: 'a request without an answer is given up, and its connection is closed, within request_timeout and 3 s',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const end = recordedTo(record, judged?.to);
    for (const request of record.requests) {
      const { arrivedAtMs: from, finishedAtMs, index } = request;
      const mostMs = longestTimeoutMs(record.configurations, from, from) + NOTED_WITHIN_MS;
      const until = timeAfter(record.pauses, from, mostMs);
      const life = record.lives.find(({ number }) => number === lifeOf(record, request));
      if (until > end || life === undefined || life.to <= until) continue;
      const isLate = (finishedAtMs ?? Number.POSITIVE_INFINITY) > until;
      findings.note(
        until,
        isLate ? `request ${index} of ${time(from)} is still under way at ${time(until)}` : undefined,
      );
    }
    return findings;
  },
};
