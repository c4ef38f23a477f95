// Whether events are healthy is measured, and complete tags are polled less often only while they are.
import { inForce } from '../limits.ts';
import {
  type Configuration,
  type EventsFile,
  grouped,
  isToldBetween,
  type RunRecord,
  type Scrape,
  type TagName,
} from '../record.ts';
import { FED, INSTANCES } from '../world.ts';
import { APPLIED_WITHIN_MS, deliveriesOf, isClockRight, mayBeAnnounced, nameOfEvent } from './announced.ts';
import { inForceDuring, isDiscovered } from './configured.ts';
import { shownHealth } from './healthy.ts';
import { Findings, type Law } from './law.ts';
import { isOfSame } from './sent.ts';
import { askedTag, isTrueAnswer, pollsByTag, shownTags, time, truthDuring } from './tags.ts';

/** Intervals are shortened at random by a tenth at the most. */
const SHORTEST = 0.9;
/** From the exporter's end of a request to the next scrape, and the clocks of two processes. */
const NOTED_LATE_MS = 25;

export const sparseLaw: Law = {
  name: 'sparse',
  sentence:
    'in a calm, while the events of its instance are healthy, the next poll of a complete tag starts no sooner after the last answer than events.complete, less a tenth, unless an event may announce news',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const [name, polls] of pollsByTag(record)) {
      if (isDiscovered(name)) continue;
      polls.forEach((poll, index) => {
        const before = polls[index - 1];
        if (before === undefined || !findings.isJudged(poll.arrivedAtMs) || !isOfSame(record, before, poll)) return;
        const [from, to] = [before.arrivedAtMs, poll.arrivedAtMs];
        if (!record.calms.some((calm) => calm.equalAt <= from && to < calm.to) || !isTrueAnswer(before)) return;
        const answers = truthDuring(record.truth, before, before.finishedAtMs ?? to);
        if (!answers.every(({ status }) => status === 'COMPLETE') || !isHealthyThroughout(record, name, from, to))
          return;
        if (mayBeAnnounced(record, askedTag(record.truth, poll) ?? '', { answerFrom: from, from, to })) return;
        const intervals = inForce(record.configurations, from, to).map(completeMs);
        findings.note(to, () => {
          const [afterMs, leastMs] = [to - (before.finishedAtMs ?? from), SHORTEST * Math.min(...intervals)];
          return afterMs >= leastMs - NOTED_LATE_MS
            ? undefined
            : `request ${poll.index} about ${name} comes ${Math.round(afterMs)} ms after request ${before.index}, expected ${leastMs} ms at least`;
        });
      });
    }
    return findings;
  },
};

function completeMs({ events, intervalsMs }: Configuration): number {
  return Math.max(intervalsMs.complete, events?.completeMs ?? 0);
}

/** Whether every scrape from the last one before a time to the first one after another shows healthy events. */
function isHealthyThroughout({ scrapes }: RunRecord, name: TagName, from: number, to: number): boolean {
  const first = scrapes.findLastIndex(({ answeredAt }) => answeredAt <= from);
  const last = scrapes.findIndex(({ sentAt }) => sentAt >= to);
  if (first < 0 || last < 0) return false;
  const instanceId = name.split(' ')[0] ?? '';
  return scrapes.slice(first, last + 1).every((scrape) => shownHealth(scrape, instanceId) === 1);
}

/** So many of the last 100 ends are more than 5 %. */
const TOO_MANY = 6;
/** With so many ends in a row that were announced, events are healthy again. */
const PROOF = 10;
/** An event announces the end of a scan that a poll finds at most so long after it; a little less, since it is applied later than it is sent. */
const ANNOUNCES_FOR_MS = 50_000;

export const eventsHealthLaw: Law = {
  name: 'healthy',
  sentence:
    'events are healthy only with a webhook or an event rule and a feed, not right after six missed ends of scans, and again after ten announced ones in a row',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const instanceId of INSTANCES) {
      const ends = endsOf(record, instanceId);
      record.scrapes.forEach((scrape, index) => {
        const { events } = inForceDuring(record.configurations, scrape) ?? {};
        const health = shownHealth(scrape, instanceId);
        if (events === undefined || health === undefined || !findings.isJudged(scrape.answeredAt)) return;
        const shown = { instanceId, scrape, run: sameRun(record, index), events };
        findings.note(scrape.answeredAt, () => (health === 1 ? whyNotHealthy(record, shown) : whyHealthy(ends, shown)));
      });
    }
    return findings;
  },
};

/** What one scrape shows of an instance, and those before it of the same process and under the same file. */
type Shown = {
  readonly instanceId: string;
  readonly scrape: Scrape;
  readonly run: readonly Scrape[];
  readonly events: EventsFile;
};

/** Why events cannot be healthy that are shown so. */
function whyNotHealthy(record: RunRecord, { instanceId, run, events }: Shown): string | undefined {
  if (!events.webhook && !FED.includes(instanceId))
    return `the events of ${instanceId} are healthy without a webhook and an event rule`;
  return hasMissedSix(record, instanceId, run)
    ? `${TOO_MANY} ends of scans of ${instanceId} were just missed, but its events are healthy`
    : undefined;
}

/** Why events have to be healthy that are not shown so. With a feed, another channel may have announced what the webhook does. */
function whyHealthy(ends: readonly End[], { instanceId, scrape, run, events }: Shown): string | undefined {
  const since = missedLast(run, instanceId);
  if (!events.webhook || events.feedMs !== undefined || since === undefined) return undefined;
  const { length } = ends.filter(({ life, from, by }) => life === scrape.life && from >= since && by <= scrape.sentAt);
  return length < PROOF
    ? undefined
    : `${length} ends of scans of ${instanceId} were announced since ${time(since)} and none was missed, but its events are not healthy`;
}

/** The scrapes up to one, of the same process and under the same file. */
function sameRun({ scrapes, configurations }: RunRecord, last: number): readonly Scrape[] {
  const end = scrapes[last];
  if (end === undefined) return [];
  let first = last;
  while (first > 0) {
    const before = scrapes[first - 1];
    if (before?.life !== end.life || isToldBetween(configurations, before.sentAt, end.answeredAt)) break;
    first--;
  }
  return scrapes.slice(first, last + 1);
}

function missedOf(scrape: Scrape | undefined, instanceId: string): number {
  return scrape?.exposition.samples.get(`acr_events_missed_total{instance_id="${instanceId}"}`) ?? 0;
}

/** Whether the last scrape shows the last of six ends that were missed, with fewer polls from one to the next than prove the contrary. */
function hasMissedSix({ requests }: RunRecord, instanceId: string, run: readonly Scrape[]): boolean {
  const last = run.at(-1);
  if (last === undefined || missedOf(last, instanceId) === missedOf(run.at(-2), instanceId)) return false;
  const polls = (from: number, to: number) =>
    requests.filter(
      ({ action, parameters, arrivedAtMs, finishedAtMs }) =>
        action === 'GetRepoTagScanStatus' &&
        parameters.InstanceId === instanceId &&
        arrivedAtMs <= to &&
        (finishedAtMs ?? to) >= from - APPLIED_WITHIN_MS,
    ).length;
  let upTo = last;
  for (const scrape of [...run].reverse()) {
    if (missedOf(scrape, instanceId) === missedOf(upTo, instanceId)) continue;
    if (polls(scrape.sentAt, upTo.answeredAt) >= PROOF) return false;
    if (missedOf(last, instanceId) - missedOf(scrape, instanceId) >= TOO_MANY) return true;
    upTo = scrape;
  }
  return false;
}

/** From when on no end was missed, as the scrapes show it. */
function missedLast(run: readonly Scrape[], instanceId: string): number | undefined {
  const last = run.at(-1);
  return run.find((scrape) => missedOf(scrape, instanceId) === missedOf(last, instanceId))?.answeredAt;
}

/** An end of a scan that polls found between two scrapes, and that the webhook announced by then. */
type End = { readonly life: number; readonly from: number; readonly by: number };

function endsOf(record: RunRecord, instanceId: string): readonly End[] {
  const { scrapes, lives } = record;
  const taken = deliveriesOf(record).filter(
    ({ status, tag }) => status === 204 && tag?.instanceId === instanceId && tag.isScan,
  );
  const byName = grouped(taken, ({ tag }) => (tag === undefined ? '' : nameOfEvent(tag)));
  const ends: End[] = [];
  scrapes.forEach((scrape, index) => {
    const before = scrapes[index - 1];
    const life = lives.find(({ number }) => number === scrape.life);
    if (before?.life !== scrape.life || life === undefined || !isClockRight(life, before.sentAt, scrape.answeredAt))
      return;
    const last = shownTags(before);
    for (const [name, tag] of shownTags(scrape)) {
      const was = last.get(name);
      if (!name.startsWith(`${instanceId} `) || isDiscovered(name) || was === undefined) continue;
      const hasEnded = (tag.status === 'complete' || tag.status === 'failed') && tag.status !== was.status;
      const isSame = was.repoId === tag.repoId && (was.lastSuccess ?? 0) * 1_000 > life.from;
      if (!hasEnded || !isSame) continue;
      const isAnnounced = byName
        .get(name)
        ?.some(
          ({ sentAt, answeredAt, tag: event }) =>
            sentAt >= Math.max(life.from, scrape.answeredAt - ANNOUNCES_FOR_MS) &&
            event?.repoId === tag.repoId &&
            answeredAt + APPLIED_WITHIN_MS <= before.sentAt,
        );
      if (isAnnounced) ends.push({ life: scrape.life, from: before.sentAt, by: scrape.answeredAt });
    }
  });
  return ends;
}
