// What outlives the process: after a start the exporter shows what the state's file had, and nothing else, and polls no tag sooner for it.
import { samplesOf } from '../exposition.ts';
import { inForce } from '../limits.ts';
import {
  type ApiRequest,
  type Life,
  overlap,
  type RestoredState,
  type RunRecord,
  type Scrape,
  type TagName,
  timeAfter,
  timeBefore,
} from '../record.ts';
import { bare } from '../truth.ts';
import { REPOSITORIES, SETS, setOfInstance } from '../world.ts';
import { mayBeAnnounced } from './announced.ts';
import { inForceDuring, isDiscovered, isOfBuild } from './configured.ts';
import { ANSWER_READ_MS, troublesOf } from './credentials.ts';
import { Findings, type Law } from './law.ts';
import { lifeOf } from './sent.ts';
import { existed, listedFrom } from './shown.ts';
import { isMeantThroughout, knownScrape } from './since.ts';
import { pollsByTag, pollsOf, ROUNDING_MS, type ShownTag, shownTags, time, trueSeconds } from './tags.ts';

/** From the first record of a save to the file in its place, on a busy machine, and to the metrics that say so. */
const SAVED_WITHIN_MS = 1_500;

export const keptLaw: Law = {
  name: 'kept',
  sentence:
    'a start shows what was known one interval and 1 s before the end of the process that wrote the last good file (0.3 s before a clean end), of a damaged file what the previous one has, and nothing else from before',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const life of record.lives) {
      const scrape = record.scrapes.find((each) => each.life === life.number);
      if (scrape === undefined || life.storage === undefined) continue;
      const { restored } = life.storage;
      findings.note(scrape.answeredAt, () =>
        restored === undefined
          ? (future(life, scrape) ?? lostFile(record, life) ?? anything(life, scrape))
          : (future(life, scrape) ??
            lostFile(record, life) ??
            later(record, life, scrape, restored) ??
            notRestored(life, scrape, restored) ??
            lost(record, scrape, restored)),
      );
    }
    return findings;
  },
};

/** Whether what is shown of a tag is from before the start of the process, whichever of its times is the true one. */
function isFromBefore({ lastSuccesses = [] }: ShownTag, { startedAt }: Life): boolean {
  return lastSuccesses.length > 0 && lastSuccesses.every((each) => each * 1_000 < startedAt - ROUNDING_MS);
}

/** Whether the clock of a process was set between its start and a scrape. */
function hasStepped({ startedAt, clock }: Life, { answeredAt }: Scrape): boolean {
  return clock.some(({ from }) => from > startedAt && from <= answeredAt);
}

/** Where the clock of the process was not set yet, no time is shown that is still to come. */
function future(life: Life, scrape: Scrape): string | undefined {
  if (hasStepped(life, scrape)) return undefined;
  for (const [name, { since = 0, shownSuccess = 0 }] of shownTags(scrape)) {
    const at = 1_000 * Math.max(since, shownSuccess);
    if (at > scrape.answeredAt + ROUNDING_MS) return `a time of ${name} is shown that is still to come: ${time(at)}`;
  }
  return undefined;
}

function anything(life: Life, scrape: Scrape): string | undefined {
  const [count = 0] = [...samplesOf(scrape.exposition, 'acr_scan_exporter_state_restored_tags')].map(
    ([, value]) => value,
  );
  if (count > 0) return `${count} tags are restored, but there was no good file`;
  const [known] = [...shownTags(scrape)].filter(([, tag]) => isFromBefore(tag, life));
  return known && `${known[0]} is shown with an answer from before the start, but there was no good file`;
}

/**
 * Where the files are those that the process before wrote, its last one is there if it said that it was saved. Where the present one was damaged, the
 * one before is there.
 */
function lostFile({ scrapes, lives }: RunRecord, { number, storage }: Life): string | undefined {
  const writer = lives.findLast((each) => each.number < number && each.storage !== undefined)?.number;
  const told = scrapes
    .filter(({ life }) => life === writer)
    .map((scrape) => Math.min(...(lastSave(scrape) ?? [])))
    .filter(Number.isFinite);
  // A save is shown at one time or another, by the rounding of clocks.
  const saves = [...new Set(told)].sort((one, other) => other - one);
  const previous = saves.find((each) => each < (saves[0] ?? 0) - SAVED_WITHIN_MS);
  const last = storage?.isUntouched ? saves[0] : storage?.isPreviousUntouched ? previous : undefined;
  const savedAt = storage?.restored?.savedAt ?? Number.NEGATIVE_INFINITY;
  if (storage === undefined || last === undefined || last <= savedAt + SAVED_WITHIN_MS) return undefined;
  const found = storage.restored === undefined ? 'there is no good file' : `the last good file is of ${time(savedAt)}`;
  return `life ${writer} has shown a save at ${time(last)}, but ${found}`;
}

/** Each record of a file has what is known in its own moment, which is later than that of the first one. */
function later({ pauses }: RunRecord, life: Life, scrape: Scrape, { savedAt }: RestoredState): string | undefined {
  const writtenAt = timeAfter(pauses, savedAt, SAVED_WITHIN_MS);
  const late = [...shownTags(scrape)].find(
    ([, tag]) => isFromBefore(tag, life) && Math.min(...(tag.lastSuccesses ?? [])) * 1_000 > writtenAt,
  );
  return late && `${late[0]} is shown with an answer from before the start, but after the save at ${time(savedAt)}`;
}

/** The exporter has to show what the file has about the images that are shown. */
function notRestored(life: Life, scrape: Scrape, { savedAt, successes }: RestoredState): string | undefined {
  if (hasStepped(life, scrape)) return undefined;
  for (const [name, tag] of shownTags(scrape)) {
    const { repoId, digest = '', shownSuccess = 0 } = tag;
    const saved = successes.get(name);
    if (saved === undefined || saved.repoId !== repoId) continue;
    if (bare(saved.digest) !== bare(digest)) {
      if (!isDiscovered(name) && isFromBefore(tag, life))
        return `${name} is shown with an answer from before the start, but is listed by another digest than in the file`;
      continue;
    }
    // A time that is still to come is that of the start.
    if (shownSuccess * 1_000 < Math.min(saved.at, life.startedAt) - ROUNDING_MS)
      return `${name} was answered at ${time(saved.at)}, as the file of ${time(savedAt)} has it, but after the start its last success is ${shownSuccess === 0 ? 'not known' : `at ${time(shownSuccess * 1_000)}`}`;
  }
  return undefined;
}

function lost(record: RunRecord, scrape: Scrape, restored: RestoredState): string | undefined {
  const before = knownScrape(record, restored);
  if (before === undefined || inForceDuring(record.configurations, scrape)?.perTag !== 'full') return undefined;
  const now = shownTags(scrape);
  for (const [name, tag] of shownTags(before)) {
    const found = now.get(name);
    if (tag.lastSuccess === undefined || !isMeantThroughout(record, name, tag, before, scrape)) continue;
    const isThere =
      !isDiscovered(name) || (isOfBuild(name) && existed(record, name, listedFrom(record, before), scrape.answeredAt));
    if (!isThere) continue;
    const answered = `${name} was answered at ${time(tag.lastSuccess * 1_000)}, as the scrape at ${time(before.answeredAt)} shows`;
    if (found === undefined) return `${answered}, but is not shown after the start`;
    if (found.repoId !== tag.repoId || found.digest !== tag.digest) continue;
    const { lastSuccess = 0 } = found;
    if (lastSuccess < Math.min(tag.lastSuccess, ...(tag.lastSuccesses ?? [])) - ROUNDING_MS / 1_000)
      return `${answered}, but after the start its last success is ${lastSuccess === 0 ? 'not known' : `at ${time(lastSuccess * 1_000)}`}`;
  }
  return undefined;
}

/** When the last save was, in milliseconds since the epoch: the true times that it may have been; undefined where there was none. */
function lastSave(scrape: Scrape): readonly number[] | undefined {
  const [saved] = samplesOf(scrape.exposition, 'acr_scan_exporter_state_last_save_timestamp_seconds');
  return saved && trueSeconds(scrape, saved[1]).map((seconds) => seconds * 1_000);
}

export const savedLaw: Law = {
  name: 'saved',
  sentence:
    'what is known is saved within the interval and 1.5 s, the metrics show it, and no save counts as successful while nothing can be written',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const { lives, blocks, pauses } = record;
    for (const scrape of record.scrapes) {
      const life = lives.find(({ number }) => number === scrape.life);
      if (life?.storage === undefined || !findings.isJudged(scrape.answeredAt)) continue;
      const lateMs = life.storage.intervalMs + SAVED_WITHIN_MS;
      const before = timeBefore(pauses, scrape.sentAt, lateMs);
      const [success] = samplesOf(scrape.exposition, 'acr_scan_exporter_state_last_save_successful');
      const saves = lastSave(scrape);
      const block = blocks.find((each) => saves?.some((at) => at > each.from && at < each.to));
      const isFalse =
        block !== undefined &&
        saves?.every((at) => at > block.from + SAVED_WITHIN_MS + overlap(pauses, block.from, at) && at < block.to);
      if (isFalse)
        findings.note(scrape.answeredAt, `a save is shown at ${time(saves?.[0] ?? 0)}, when nothing could be written`);
      const answeredAt = lastAnswer(record, life, before);
      if (answeredAt === undefined) continue;
      const isBlocked = blocks.some(({ from, to }) => from <= answeredAt && to >= scrape.answeredAt);
      if (!isBlocked && overlap(blocks, answeredAt, scrape.answeredAt) > 0) continue;
      findings.note(scrape.answeredAt, () => {
        const answer = `an answer at ${time(answeredAt)} is shown at ${time(scrape.answeredAt)}`;
        if (isBlocked)
          return success?.[1] === 0
            ? undefined
            : `${answer}, and nothing could be written since, but no save has failed`;
        if (success?.[1] !== 1) return `${answer}, but no save has succeeded since`;
        const savedAt = Math.max(...(saves ?? []));
        return savedAt >= answeredAt - ROUNDING_MS ? undefined : `${answer}, but the last save is of ${time(savedAt)}`;
      });
    }
    return findings;
  },
};

/** The last answer that a process had shown by a time; what was known before it listened was restored. */
function lastAnswer({ scrapes }: RunRecord, { number, from }: Life, by: number): number | undefined {
  const scrape = scrapes.findLast(({ life, answeredAt }) => life === number && answeredAt <= by);
  if (scrape === undefined) return undefined;
  const answers = [...shownTags(scrape).values()]
    .flatMap(({ lastSuccesses = [] }) => (lastSuccesses.length === 1 ? lastSuccesses : []))
    .map((seconds) => seconds * 1_000)
    .filter((at) => at > from);
  return answers.length === 0 ? undefined : Math.max(...answers);
}

/** Intervals are shortened at random by a tenth at the most. */
const SHORTEST = 0.9;
/** Wall clocks of two processes, and a monotonic one in between. */
const CLOCKS_MS = 25;

export const resumedLaw: Law = {
  name: 'resumed',
  sentence:
    'after a start, the first poll of a tag starts no sooner after its restored answer than the interval of its status, less a tenth, unless an event may announce news',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const polls = pollsByTag(record);
    const troubles = new Map(SETS.map((set) => [set, troublesOf(record, set)]));
    for (const life of record.lives) {
      if (life.storage?.restored === undefined) continue;
      const seen = new Set<TagName>();
      for (const scrape of record.scrapes) {
        if (scrape.life !== life.number) continue;
        for (const [name, tag] of shownTags(scrape)) {
          if (seen.has(name)) continue;
          seen.add(name);
          const answeredAt = restoredAnswer(tag, life);
          const poll = pollsOf(polls, name, tag).find((each) => lifeOf(record, each) === life.number);
          if (answeredAt === undefined || poll === undefined || !findings.isJudged(poll.arrivedAtMs)) continue;
          if (!isSame(record, name, tag, { from: answeredAt, to: poll.arrivedAtMs })) continue;
          const { refusals = [] } = troubles.get(setOfInstance(poll.parameters.InstanceId ?? '')) ?? {};
          // While they are refused, tags are asked about before they are due, to find out whether they still are.
          if (overlap(refusals, poll.arrivedAtMs - ANSWER_READ_MS, poll.arrivedAtMs) > 0) continue;
          // The process does not know how old the answers from before are: each event that it has not seen is news.
          const gap = { answerFrom: Number.NEGATIVE_INFINITY, from: life.startedAt, to: poll.arrivedAtMs };
          if (mayBeAnnounced(record, name, gap)) continue;
          findings.note(poll.arrivedAtMs, () => tooSoon(record, name, tag, answeredAt, poll));
        }
      }
    }
    return findings;
  },
};

/** When a tag was answered as it is shown, by a process before; undefined where that is not certain, as where its clock was off. */
function restoredAnswer(
  { lastSuccess, lastSuccesses = [], shownSuccess = 0, success }: ShownTag,
  life: Life,
): number | undefined {
  const [first, ...others] = lastSuccesses;
  if (lastSuccess === undefined || first === undefined || others.length > 0 || success !== 1) return undefined;
  const isByTrueClock = Math.abs(first - shownSuccess) * 1_000 < ROUNDING_MS;
  return isByTrueClock && first * 1_000 < life.startedAt - ROUNDING_MS ? first * 1_000 : undefined;
}

/** Whether a tag is listed in the same way throughout, in a repository that is listed by its id. */
function isSame(
  { configurations }: RunRecord,
  name: TagName,
  { repoId }: ShownTag,
  { from, to }: { readonly from: number; readonly to: number },
): boolean {
  const isListedById = REPOSITORIES.some(({ id, instance }) => id === repoId && name.startsWith(`${instance} `));
  const digests = new Set(
    inForce(configurations, from, to).map(({ tags, digests }) =>
      tags.has(name) ? bare(digests?.get(name) ?? '') : undefined,
    ),
  );
  return isListedById && digests.size === 1 && !digests.has(undefined);
}

function tooSoon(
  { configurations }: RunRecord,
  name: TagName,
  { status }: ShownTag,
  answeredAt: number,
  { arrivedAtMs, index }: ApiRequest,
): string | undefined {
  const intervals = inForce(configurations, answeredAt, arrivedAtMs).flatMap(({ intervalsMs }) => {
    const { scanning, complete, failed, not_scanned } = intervalsMs;
    // The scan of a new image is expected soon.
    const known = { scanning, retrying: scanning, complete, failed, not_scanned: Math.min(not_scanned, scanning) };
    return new Map(Object.entries(known)).get(status) ?? [];
  });
  if (intervals.length === 0) return undefined;
  const [afterMs, leastMs] = [arrivedAtMs - answeredAt, SHORTEST * Math.min(...intervals)];
  return afterMs >= leastMs - CLOCKS_MS
    ? undefined
    : `request ${index} about ${name} comes ${Math.round(afterMs)} ms after its answer at ${time(answeredAt)}, which a process before had, expected ${leastMs} ms at least`;
}
