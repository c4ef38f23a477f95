// Keeps the record of a run small: what no law needs any more is dropped.
import { askedKey, askedTag, isPoll, lastArrived, pollsByTag, ROUNDING_MS, shownTags } from './laws/tags.ts';
import type { ApiRequest, RunRecord, TagName } from './record.ts';

/** On the simulator's clock, which is not that of the record, a stall may begin so long before the request that it holds up. */
const MAX_STALL_MS = 10_000;

/** A start is judged within this time. */
const START_JUDGED_MS = 15_000;
/** The maximum age of what a file contains when the file is written, on a busy machine. */
const SAVED_WITHIN_MS = 5_000;

/** A feed takes records that are five minutes old, and events are sent late by minutes. */
const EVENTS_KEPT_MS = 420_000;
/** The longest time that a client waits for an answer of the webhook. */
const SENT_WITHIN_MS = 10_000;

/** The start of the record that the laws need to judge times after `from`: a start may show what was known when its file was written. */
export function neededFrom({ lives, stateFrom }: RunRecord, from: number, now: number): number {
  const files = lives.flatMap(({ from: startedAt, storage }) =>
    startedAt > now - START_JUDGED_MS && storage?.restored !== undefined ? [storage.restored.savedAt] : [],
  );
  return Math.min(from, Math.min(stateFrom, ...files) - SAVED_WITHIN_MS);
}

/**
 * Drops what happened before a time, in milliseconds since the epoch. It keeps the configuration and the life of that time, and for each tag the
 * poll of the last answer that was shown, and what was true then.
 */
export function forget(record: RunRecord, before: number): void {
  record.keptFrom = Math.max(record.keptFrom, before);
  noteLastSuccesses(record, before);
  record.requests = record.requests.filter(isKept(record, before));
  record.truth.forget(before, oldestPolls(record));
  drop(record.scrapes, ({ answeredAt }) => answeredAt < before);
  drop(record.wire, ({ at }) => at < before);
  drop(record.probes, ({ sentAt, tookMs }) => sentAt + tookMs < before);
  drop(record.ends, ({ sentAt, tookMs }) => sentAt + tookMs < before);
  drop(record.pauses, ({ to }) => to < before);
  drop(record.lives, ({ to }) => to < before);
  const written = new Map(record.keyWrites.filter(({ at }) => at < before).map((each) => [each.set, each]));
  drop(record.keyWrites, (each) => each.at < before && written.get(each.set) !== each);
  record.events = record.events.filter(({ happenedAt }) => happenedAt >= before - EVENTS_KEPT_MS);
  drop(record.forgeries, ({ answeredAt, sentAt }) => Math.min(answeredAt, sentAt + SENT_WITHIN_MS) < before);
  drop(record.certificateFetches, ({ at }) => at < before);
  const token = record.tokenWrites.findLast(({ at }) => at < before);
  drop(record.tokenWrites, (each) => each.at < before && each !== token);
  drop(record.blocks, ({ to }) => to < before);
  drop(record.moves, ({ to }) => to < before);
  drop(record.losses, ({ at }) => at < before);
  drop(record.redisFaults, ({ to }) => to < before);
  drop(record.calms, ({ to }) => to < before);
  const configuration = record.configurations.findLastIndex(({ inForceAt }) => inForceAt < before);
  record.configurations.splice(0, Math.max(0, configuration));
  const oldest = record.requests.find(({ arrivedAtMs }) => arrivedAtMs >= before);
  if (oldest !== undefined) drop(record.simulatorStalls, ({ to }) => to < oldest.arrivedMonotonicMs - MAX_STALL_MS);
}

function noteLastSuccesses({ scrapes, lastSuccesses }: RunRecord, before: number): void {
  for (const scrape of scrapes) {
    if (scrape.answeredAt >= before) return;
    for (const [name, { lastSuccess, lastSuccesses: possible = [] }] of shownTags(scrape)) {
      if (lastSuccess === undefined) lastSuccesses.delete(name);
      else lastSuccesses.set(name, Math.min(lastSuccess, ...possible) * 1_000);
    }
  }
}

/** The earliest last success of each tag that a scrape shows which stays: a start may have restored it after a later one was shown. */
function earliestSuccesses({ scrapes }: RunRecord, before: number): ReadonlyMap<TagName, number> {
  const earliest = new Map<TagName, number>();
  for (const scrape of scrapes) {
    if (scrape.answeredAt < before) continue;
    for (const [name, { lastSuccess, lastSuccesses: possible = [] }] of shownTags(scrape)) {
      if (lastSuccess === undefined) continue;
      const at = Math.min(lastSuccess, ...possible) * 1_000;
      earliest.set(name, Math.min(at, earliest.get(name) ?? at));
    }
  }
  return earliest;
}

function isKept(record: RunRecord, before: number): (request: ApiRequest) => boolean {
  const earliest = earliestSuccesses(record, before);
  /** Of each tag the last poll by the time of its last success. */
  const first = new Map<TagName, number>();
  for (const [name, polls] of pollsByTag(record)) {
    const until =
      Math.min(before, record.lastSuccesses.get(name) ?? before, earliest.get(name) ?? before) + ROUNDING_MS;
    const poll = lastArrived(polls, until);
    if (poll !== undefined) first.set(name, poll.index);
  }
  return (request) => {
    if (request.arrivedAtMs >= before) return true;
    const name = isPoll(request) ? askedTag(record.truth, request) : undefined;
    const kept = name === undefined ? undefined : first.get(name);
    return kept !== undefined && request.index >= kept;
  };
}

/** When the first poll of each tag in the record may have begun, by the key of the tag. */
function oldestPolls({ requests }: RunRecord): ReadonlyMap<string, number> {
  const oldest = new Map<string, number>();
  for (const request of requests) {
    const key = askedKey(request);
    if (isPoll(request) && !oldest.has(key)) oldest.set(key, request.arrivedAtMs - ROUNDING_MS);
  }
  return oldest;
}

function drop<T>(list: T[], isOld: (entry: T) => boolean): void {
  const kept = list.filter((entry) => !isOld(entry));
  list.splice(0, list.length, ...kept);
}
