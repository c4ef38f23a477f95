// What is shown is consistent: sums and tags, what discovery found and what exists, and answers and their results.
import { samplesOf } from '../exposition.ts';
import { inForce } from '../limits.ts';
import { type ApiRequest, isToldBetween, overlap, type RunRecord, type Scrape, type TagName } from '../record.ts';
import { ANY, tagKey } from '../truth.ts';
import { DISCOVERED } from '../world.ts';
import { inForceDuring, isDiscovered, isOfBuild } from './configured.ts';
import { Findings, type Law } from './law.ts';
import { WRITTEN_WITHIN_MS } from './members.ts';
import { lifeOf } from './sent.ts';
import {
  isTrueAnswer,
  lastArrived,
  pollsByTag,
  pollsOf,
  ROUNDING_MS,
  repositoryOf,
  type ShownTag,
  shownTags,
  time,
} from './tags.ts';

export const sumsLaw: Law = {
  name: 'sums',
  sentence: 'while every tag is shown, the sums by status equal the numbers of shown tags',
  check: ({ scrapes, configurations }, judged) => {
    const findings = new Findings(judged);
    for (const scrape of scrapes) {
      if (inForceDuring(configurations, scrape)?.perTag !== 'full') continue;
      findings.note(scrape.answeredAt, () => wrongSum(scrape));
    }
    return findings;
  },
};

function wrongSum(scrape: Scrape): string | undefined {
  const shown = new Map<string, number>();
  for (const [name, { status }] of shownTags(scrape)) {
    const key = `${name.split(' ').slice(0, 3).join(' ')} ${status}`;
    shown.set(key, (shown.get(key) ?? 0) + 1);
  }
  for (const [labels, value] of samplesOf(scrape.exposition, 'acr_scan_tags')) {
    const key = `${repositoryOf(labels)} ${labels.status}`;
    const count = shown.get(key) ?? 0;
    if (count !== value) return `${value} tags of ${key} are counted, ${count} are shown`;
  }
  return undefined;
}

/** What a pass of discovery has listed may be so many turns old when it is shown. */
const MAX_RUN_TURNS = 400;
/** A pass that began under a file of before that is over. */
const MAX_RECORD_MS = 30_000;
const LOOK_WITHIN_MS = 1_000;

export const foundLaw: Law = {
  name: 'found',
  sentence: 'a discovered tag stays while it exists and discovery is configured, even if lists are wrong or fail',
  check: (record, judged) => {
    const findings = new Findings(judged);
    let before: Scrape | undefined;
    for (const scrape of record.scrapes) {
      const last = before;
      before = scrape;
      if (last?.life !== scrape.life || !isFindingThroughout(record, last, scrape)) continue;
      const now = shownTags(scrape);
      for (const name of shownTags(last).keys()) {
        if (!isOfBuild(name) || !existed(record, name, listedFrom(record, last), scrape.answeredAt)) continue;
        findings.note(scrape.answeredAt, now.has(name) ? undefined : `${name} is not shown any more, but is there`);
      }
    }
    return findings;
  },
};

/**
 * The earliest time of a list that the last pass before a scrape may go by: that of the longest pass at the lowest rate, but not before the
 * process began. A calm, with its higher rate, ends every pass long before the record is dropped.
 */
export function listedFrom({ configurations, lives, keptFrom }: RunRecord, { sentAt, life }: Scrape): number {
  const files = inForce(configurations, sentAt - MAX_RECORD_MS, sentAt);
  const longestPassMs = (1_000 * MAX_RUN_TURNS) / Math.min(...files.map(({ rate }) => rate));
  const startedAt = lives.find(({ number }) => number === life)?.startedAt ?? Number.NEGATIVE_INFINITY;
  return Math.max(sentAt - longestPassMs, startedAt, keptFrom);
}

/** Whether every configuration that may have been in force between two scrapes wants discovery, and both show every tag. */
function isFindingThroughout({ configurations }: RunRecord, last: Scrape, scrape: Scrape): boolean {
  const shows = [last, scrape].every((each) => inForceDuring(configurations, each)?.perTag === 'full');
  return (
    shows &&
    configurations.every(({ toldAt, discovers }, index) => {
      const until = Math.min(...configurations.slice(index + 1).map(({ inForceAt }) => inForceAt));
      return discovers || toldAt > scrape.answeredAt || until < last.sentAt;
    })
  );
}

/** Whether a tag was there all the time. That it is gone is known at the next look. */
export function existed({ truth }: RunRecord, name: TagName, from: number, to: number): boolean {
  const key = tagKey(DISCOVERED.instance, DISCOVERED.id, name.split(' ')[3] ?? '');
  const isThere = (at: number) => truth.between(key, at, at).length > 0;
  const until = to + LOOK_WITHIN_MS;
  return isThere(from) && isThere(until) && truth.between(key, from, until).every(({ status }) => status !== ANY);
}

/** From an answer to the scrape that has to show it. */
const SHOWN_WITHIN_MS = 1_000;

export const newsLaw: Law = {
  name: 'news',
  sentence: 'one second after an answer, the tag shows the result of its last poll',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const polls = pollsByTag(record);
    for (const scrape of record.scrapes) {
      for (const [name, tag] of shownTags(scrape)) {
        // A tag that was found is another one after a push.
        if (isDiscovered(name)) continue;
        const poll = lastArrived(pollsOf(polls, name, tag), scrape.answeredAt);
        if (poll === undefined || !isOfThisTag(record, poll, scrape, tag) || !isOld(record, poll, scrape)) continue;
        findings.note(scrape.answeredAt, () => missedNews(name, tag, poll));
      }
    }
    return findings;
  },
};

function missedNews(
  name: TagName,
  { status, lastSuccess = 0, success, error }: ShownTag,
  poll: ApiRequest,
): string | undefined {
  const answer = `the answer to request ${poll.index}, about ${name}, at ${time(poll.finishedAtMs ?? 0)}`;
  // An answer that came too late for the exporter does not count.
  if (poll.fault === 'status' && poll.code === 'success' && (error === undefined || error === 'UnknownStatus'))
    return status === 'unknown' ? undefined : `${answer}, has an unknown status, but ${status} is shown`;
  const isShown = success === 0 || lastSuccess * 1_000 >= poll.arrivedAtMs - ROUNDING_MS;
  return !isTrueAnswer(poll) || isShown
    ? undefined
    : `${answer}, is not shown: the last success is at ${time(lastSuccess * 1_000)}`;
}

/** Whether what is shown of a tag goes back to a time before the poll: neither the process nor the file nor the repository is another one. */
function isOfThisTag(record: RunRecord, poll: ApiRequest, scrape: Scrape, { repoId }: ShownTag): boolean {
  const isSame = lifeOf(record, poll) === scrape.life && poll.parameters.RepoId === repoId;
  return (
    isSame &&
    !isToldBetween(record.configurations, poll.arrivedAtMs, scrape.answeredAt) &&
    !isLost(record, poll, scrape)
  );
}

/** Whether a member stood still after a poll for so long that others took over the tag, and did not write the answer before. */
function isLost({ losses }: RunRecord, { arrivedAtMs, finishedAtMs }: ApiRequest, { life, answeredAt }: Scrape) {
  const writtenAtMs = (finishedAtMs ?? Number.POSITIVE_INFINITY) + WRITTEN_WITHIN_MS;
  return losses.some(
    (loss) => loss.life === life && loss.at >= arrivedAtMs && loss.at <= Math.min(answeredAt, writtenAtMs),
  );
}

function isOld({ pauses }: RunRecord, { finishedAtMs }: ApiRequest, { sentAt }: Scrape): boolean {
  if (finishedAtMs === null) return false;
  return sentAt - finishedAtMs - overlap(pauses, finishedAtMs, sentAt) > SHOWN_WITHIN_MS;
}
