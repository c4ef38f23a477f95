// The webhook takes nothing that it should not, and counts everything.
import { TRUSTED_ORIGIN } from '../certificates.ts';
import { samplesOf } from '../exposition.ts';
import { inForce } from '../limits.ts';
import { type Configuration, type Delivery, isToldBetween, overlap, type RunRecord, type Scrape } from '../record.ts';
import { APPLIED_WITHIN_MS, deliveriesOf, isClockRight, lifeOfDelivery } from './announced.ts';
import { Findings, type Law } from './law.ts';
import { time } from './tags.ts';

const TRUSTED: readonly string[] = [`${TRUSTED_ORIGIN}/simulator.pem`, `${TRUSTED_ORIGIN}/forger.pem`];
const NO_WEBHOOK = 404;
/** Too much at a time. */
const TOO_MUCH = 429;
/** A process that stops. */
const STOPPING = 503;

export const refusedLaw: Law = {
  name: 'refused',
  sentence:
    'an event with a wrong token, signature, time, certificate or form is refused with the documented status, no event is accepted without a webhook, and no certificate is fetched from another host',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const { url, at } of record.certificateFetches)
      findings.note(at, TRUSTED.includes(url) ? undefined : `${url} was fetched as a certificate`);
    for (const delivery of record.forgeries) {
      const { answeredAt, sentAt, status, kind, id } = delivery;
      if (!Number.isFinite(answeredAt) || status === 0) continue;
      findings.note(answeredAt, () => {
        const may = mayAnswer(record, delivery);
        return may.includes(status)
          ? undefined
          : `${kind} (${id}), sent at ${time(sentAt)}, was answered with ${status}, expected ${may.join(' or ')}`;
      });
    }
    return findings;
  },
};

function mayAnswer(record: RunRecord, { expected, sentAt, answeredAt, ...delivery }: Delivery): number[] {
  const life = lifeOfDelivery(record, { ...delivery, sentAt, answeredAt });
  const hasRightTime = life !== undefined && isClockRight(life, sentAt, answeredAt);
  const statuses = inForce(record.configurations, sentAt, answeredAt).flatMap(({ events }) => {
    if (!events?.webhook) return [NO_WEBHOOK];
    if (expected === undefined) return [204, 400, 401];
    if (!events.signature) return [expected.unsigned];
    // By a clock that is off, a time that is right is wrong, and another way round.
    return hasRightTime ? [expected.signed] : [expected.signed, expected.unsigned, 401];
  });
  const isStopping = life === undefined || life.to <= answeredAt;
  return [...new Set([...statuses, TOO_MUCH, ...(isStopping ? [STOPPING] : [])])];
}

/** The outcomes that are counted for an answer, and how long after the answer at the latest. */
const COUNTED = [
  { statuses: [204], outcomes: ['taken', 'duplicate', 'unwatched', 'outdated', 'future'], withinMs: APPLIED_WITHIN_MS },
  // The body of one that is refused is not looked into.
  { statuses: [401], outcomes: ['refused'], withinMs: 100, countsBodies: true },
  { statuses: [400, 413, 415], outcomes: ['invalid'], withinMs: 100 },
];
/** Long enough for events that are sent and applied in between. */
const COUNTED_OVER_MS = 6_000;

export const countedLaw: Law = {
  name: 'counted',
  sentence: 'acr_events_total counts as many events of the webhook as it answered, by outcome',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const deliveries = deliveriesOf(record);
    for (const scrape of record.scrapes) {
      if (!findings.isJudged(scrape.answeredAt)) continue;
      const before = record.scrapes.findLast(
        ({ life, answeredAt }) => life === scrape.life && answeredAt <= scrape.sentAt - COUNTED_OVER_MS,
      );
      if (before === undefined || isToldBetween(record.configurations, before.sentAt, scrape.answeredAt)) continue;
      if (!inForce(record.configurations, scrape.sentAt).every(hasWebhook)) continue;
      findings.note(scrape.answeredAt, () => miscounted(record, deliveries, before, scrape));
    }
    return findings;
  },
};

function hasWebhook({ events }: Configuration): boolean {
  return events?.webhook === true;
}

function miscounted(
  { pauses }: RunRecord,
  deliveries: readonly Delivery[],
  before: Scrape,
  scrape: Scrape,
): string | undefined {
  for (const { statuses, outcomes, withinMs, countsBodies } of COUNTED) {
    const isCountedBy = (answeredAt: number, at: number) =>
      at - answeredAt - overlap(pauses, answeredAt, at) >= withinMs;
    let [least, most] = [0, 0];
    for (const { status, sentAt, answeredAt, count: events } of deliveries) {
      const count = countsBodies ? 1 : events;
      if (status !== 0 && !statuses.includes(status)) continue;
      if (sentAt <= scrape.answeredAt && !isCountedBy(answeredAt, before.sentAt)) most += count;
      if (status !== 0 && sentAt >= before.answeredAt && isCountedBy(answeredAt, scrape.sentAt)) least += count;
    }
    const counted = countOf(scrape, outcomes) - countOf(before, outcomes);
    if (counted < least || counted > most)
      return `${counted} events were counted as ${outcomes.join(', ')} from ${time(before.sentAt)} to ${time(scrape.answeredAt)}, expected ${least} to ${most}`;
  }
  return undefined;
}

const counts = new WeakMap<Scrape, ReadonlyMap<string, number>>();

/** The events of the webhook with these outcomes. */
function countOf(scrape: Scrape, outcomes: readonly string[]): number {
  let byOutcome = counts.get(scrape);
  if (byOutcome === undefined) {
    const found = new Map<string, number>();
    for (const [{ channel, outcome = '' }, value] of samplesOf(scrape.exposition, 'acr_events_total'))
      if (channel === 'webhook') found.set(outcome, (found.get(outcome) ?? 0) + value);
    byOutcome = found;
    counts.set(scrape, found);
  }
  return outcomes.reduce((sum, outcome) => sum + (byOutcome.get(outcome) ?? 0), 0);
}
