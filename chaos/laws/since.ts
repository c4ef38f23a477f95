// `since` moves only with the status.
import {
  type ApiRequest,
  type Configuration,
  overlap,
  type RestoredState,
  type RunRecord,
  type Scrape,
  spansWithout,
  type TagName,
} from '../record.ts';
import { ANY, bare, type Truth } from '../truth.ts';
import { isDiscovered } from './configured.ts';
import { Findings, type Law } from './law.ts';
import { deniesScan, isOfStart, pollsByTag, pollsOf, type ShownTag, shownTags, time, truthDuring } from './tags.ts';

export type Sight = { readonly scrape: Scrape; readonly tag: ShownTag };

export const sinceLaw: Law = {
  name: 'since',
  sentence: 'the time since when a status holds changes with the status, and with nothing else',
  check: (record, judged) => {
    const { scrapes, truth } = record;
    const findings = new Findings(judged);
    const polls = pollsByTag(record);
    const ofLives = new Map<number, Map<TagName, Sight>>();
    for (const scrape of scrapes) {
      const before = ofLives.get(scrape.life) ?? restoredSights(record, scrape.life);
      ofLives.set(scrape.life, before);
      // What a member does not show is another's: the law about what is handed over tells what it has to be when it comes back.
      if (record.members > 1) for (const name of before.keys()) if (!shownTags(scrape).has(name)) before.delete(name);
      for (const [name, tag] of shownTags(scrape)) {
        const last = before.get(name);
        before.set(name, { scrape, tag });
        if (last === undefined || last.tag.repoId !== tag.repoId) continue;
        if (last.tag.digest !== tag.digest) continue;
        if (!isMeantThroughout(record, name, tag, last.scrape, scrape)) continue;
        // A time that is still to come by the clock of the new process is that of its start.
        // A member that stood still for long has lost it, and what it shows then is what was handed over to it.
        if (isLostBetween(record, last.scrape, scrape)) continue;
        if (last.scrape.life !== scrape.life && isOfStart(record, scrape, tag.since ?? 0)) continue;
        findings.note(scrape.answeredAt, () =>
          wrongMove(name, last.tag, tag, () => sawOther(truth, pollsOf(polls, name, tag), last, scrape)),
        );
      }
    }
    return findings;
  },
};

function isLostBetween({ losses }: RunRecord, { sentAt }: Scrape, { life, answeredAt }: Scrape): boolean {
  return losses.some((loss) => loss.life === life && loss.at >= sentAt && loss.at <= answeredAt);
}

/** From one process to the next, what the file of its start has to have takes the place of what was shown last. */
function restoredSights(record: RunRecord, life: number): Map<TagName, Sight> {
  const restored = record.lives.find(({ number }) => number === life)?.storage?.restored;
  const scrape = restored && knownScrape(record, restored);
  if (scrape === undefined) return new Map();
  return new Map([...shownTags(scrape)].map(([name, tag]) => [name, { scrape, tag }]));
}

/** The last scrape that shows what the file of a start has to have. */
export function knownScrape({ scrapes }: RunRecord, { life, knownBy }: RestoredState): Scrape | undefined {
  return scrapes.findLast((scrape) => scrape.life === life && scrape.answeredAt <= knownBy);
}

/** Whether every file that may be in force from one scrape to another lists a tag as it is shown. */
export function isMeantThroughout(
  { configurations }: RunRecord,
  name: TagName,
  tag: ShownTag,
  from: Scrape,
  to: Scrape,
): boolean {
  const others = spansWithout(configurations, (file) => meansTag(file, name, tag));
  return overlap(others, from.sentAt, to.answeredAt) === 0;
}

/** Whether a file lists a tag as it is shown: with another digest it is another one, which starts anew. */
function meansTag({ tags, discovers, digests }: Configuration, name: TagName, { digest = '' }: ShownTag): boolean {
  if (isDiscovered(name)) return discovers;
  return tags.has(name) && bare(digests?.get(name) ?? '') === bare(digest);
}

/** What is wrong with how the time of a tag moved from one sight to another of the same tag. */
export function wrongMove(
  name: TagName,
  last: ShownTag,
  tag: ShownTag,
  mayHaveChanged: () => boolean,
): string | undefined {
  const [from, to] = [last.since ?? 0, tag.since ?? 0];
  const moved = `of ${name} went from ${time(from * 1_000)} to ${time(to * 1_000)}`;
  if (tag.sinces?.length === 0) return `the time ${moved}, when the clock was never so`;
  if (isAlwaysBefore(tag.sinces, last.sinces)) return `the time ${moved}, which is back`;
  if (last.status !== tag.status)
    return to !== from
      ? undefined
      : `the status of ${name} went from ${last.status} to ${tag.status}, but its time stayed`;
  return to === from || mayHaveChanged()
    ? undefined
    : `the time ${moved}, but its status, ${tag.status}, did not change`;
}

/** Whether a time lies before another, whichever of their true times they are. */
function isAlwaysBefore(one: readonly number[] = [0], other: readonly number[] = [0]): boolean {
  return Math.max(...one) < Math.min(...other);
}

/** Whether a poll between two scrapes may have seen another status than the one that both show. */
export function sawOther(
  truth: Truth,
  polls: readonly ApiRequest[],
  { scrape: from, tag }: Sight,
  to: Scrape,
): boolean {
  return polls.some((poll) => {
    const finished = poll.finishedAtMs ?? Number.POSITIVE_INFINITY;
    if (poll.arrivedAtMs > to.answeredAt || finished < from.sentAt - 1_000) return false;
    if (poll.fault === 'status' || deniesScan(poll)) return true;
    if (poll.code !== 'success') return false;
    const seen = truthDuring(truth, poll, finished);
    return seen.some(({ status }) => status === ANY || status.toLowerCase() !== tag.status);
  });
}
