// Keeps the record of a run small: what no law needs any more is dropped.
import { pollsByTag, ROUNDING_MS, shownTags } from './laws/tags.ts';
import type { ApiRequest, RunRecord, TagName } from './record.ts';

/** On the simulator's clock, which is not that of the record, a stall may begin so long before the request that it holds up. */
const LONGEST_STALL_MS = 10_000;

/**
 * Drops what happened before a time, in milliseconds since the epoch. Kept are, however old they are, the configuration and the life that
 * were there at that time, and of each tag what led to the last answer that was shown: its poll, and what was true then.
 */
export function forget(record: RunRecord, before: number): void {
  noteLastSuccesses(record, before);
  record.requests = record.requests.filter(isKept(record, before));
  record.truth.forget(
    before,
    new Map(
      [...pollsByTag(record.requests)].map(([key, [first]]) => [key, (first?.arrivedAtMs ?? before) - ROUNDING_MS]),
    ),
  );
  drop(record.scrapes, ({ answeredAt }) => answeredAt < before);
  drop(record.probes, ({ sentAt, tookMs }) => sentAt + tookMs < before);
  drop(record.ends, ({ sentAt, tookMs }) => sentAt + tookMs < before);
  drop(record.pauses, ({ to }) => to < before);
  drop(record.lives, ({ to }) => to < before);
  drop(record.calms, ({ to }) => to < before);
  const configuration = record.configurations.findLastIndex(({ inForceAt }) => inForceAt < before);
  record.configurations.splice(0, Math.max(0, configuration));
  const oldest = record.requests.find(({ arrivedAtMs }) => arrivedAtMs >= before);
  if (oldest !== undefined) drop(record.standInStalls, ({ to }) => to < oldest.arrivedMonotonicMs - LONGEST_STALL_MS);
}

function noteLastSuccesses({ scrapes, lastSuccesses }: RunRecord, before: number): void {
  for (const scrape of scrapes) {
    if (scrape.answeredAt >= before) return;
    for (const [name, { lastSuccess }] of shownTags(scrape)) {
      if (lastSuccess === undefined) lastSuccesses.delete(name);
      else lastSuccesses.set(name, lastSuccess * 1_000);
    }
  }
}

function isKept({ requests, truth, lastSuccesses }: RunRecord, before: number): (request: ApiRequest) => boolean {
  /** The last poll of each tag by the time of its last success. */
  const first = new Map<TagName, number>();
  const nameOf = ({ parameters }: ApiRequest): TagName | undefined => {
    const { InstanceId = '', RepoId = '', Tag = '' } = parameters;
    const names = truth.namesOf(InstanceId, RepoId);
    return names === undefined ? undefined : `${names} ${Tag}`;
  };
  for (const polls of pollsByTag(requests).values()) {
    for (const poll of polls) {
      const name = nameOf(poll);
      if (name === undefined) continue;
      const until = Math.min(before, lastSuccesses.get(name) ?? before) + ROUNDING_MS;
      if (poll.arrivedAtMs <= until) first.set(name, Math.max(first.get(name) ?? 0, poll.index));
    }
  }
  return (request) => {
    const name = nameOf(request);
    const kept = name === undefined ? undefined : first.get(name);
    return request.arrivedAtMs >= before || (kept !== undefined && request.index >= kept);
  };
}

function drop<T>(list: T[], isOld: (entry: T) => boolean): void {
  const kept = list.filter((entry) => !isOld(entry));
  list.splice(0, list.length, ...kept);
}
