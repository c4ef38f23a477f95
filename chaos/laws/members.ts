// Several exporters that share the work over Redis: together they show what one would, each tag once, and they keep to one rate.
import { allowance } from '../limits.ts';
import {
  grouped,
  type Loss,
  overlap,
  type RunRecord,
  type Scrape,
  type TagName,
  timeBefore,
  type WireRequest,
} from '../record.ts';
import { setOf } from '../world.ts';
import { Findings, type Law } from './law.ts';
import { excesses } from './quota.ts';
import { isMeantThroughout, type Sight, sawOther, wrongMove } from './since.ts';
import { pollsByTag, pollsOf, ROUNDING_MS, shownTags, time } from './tags.ts';

/** A tag that a member shows in two scrapes, with no more than this between them, was there all the time. */
const SAME_MS = 1_000;

export const aloneLaw: Law = {
  name: 'alone',
  sentence: 'no tag is shown by two members at the same time',
  check: ({ scrapes }, judged) => {
    const findings = new Findings(judged);
    const byLife = grouped(scrapes, ({ life }) => `${life}`);
    for (const scrape of scrapes) {
      if (!findings.isJudged(scrape.answeredAt)) continue;
      for (const others of byLife.values()) {
        if (others[0]?.life === scrape.life) continue;
        const around = scrapesAround(others, scrape);
        if (around === undefined) continue;
        findings.note(scrape.answeredAt, () => {
          const twice = [...shownTags(scrape).keys()].filter((name) =>
            around.every((each) => shownTags(each).has(name)),
          );
          return twice.length === 0
            ? undefined
            : `shown by the processes ${scrape.life} and ${around[0]?.life}: ${twice.join(', ')}`;
        });
      }
    }
    return findings;
  },
};

/** The scrapes of another process from the last before one to the first after it; undefined where too much time is between them. */
function scrapesAround(others: readonly Scrape[], { sentAt, answeredAt }: Scrape): readonly Scrape[] | undefined {
  const before = others.findLastIndex((each) => each.answeredAt <= sentAt);
  const after = others.findIndex((each) => each.sentAt >= answeredAt);
  const [first, last] = [others[before], others[after]];
  if (first === undefined || last === undefined || last.sentAt - first.answeredAt > SAME_MS) return undefined;
  return others.slice(before, after + 1);
}

/** What a member has learned is written within a second; then it is written, and shown before. */
export const WRITTEN_WITHIN_MS = 2_000;

export const handedLaw: Law = {
  name: 'handed',
  sentence:
    'a member that takes over a tag shows what was known of it, but for the last two seconds of a member that was killed or stood still, and for what Redis may have lost',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const polls = pollsByTag(record);
    const sights = new Map<TagName, Sight[]>();
    for (const scrape of record.scrapes) {
      const life = record.lives.find(({ number }) => number === scrape.life);
      if (life !== undefined && scrape.answeredAt > life.to) continue;
      for (const [name, tag] of shownTags(scrape)) {
        const before = sights.get(name) ?? [];
        sights.set(name, before);
        const last = before.at(-1);
        // Which of two pages was made first is not known where they were asked for at the same time.
        if (last !== undefined && last.scrape.life !== scrape.life && last.scrape.answeredAt > scrape.sentAt) continue;
        before.push({ scrape, tag });
        if (last === undefined || !findings.isJudged(scrape.answeredAt)) continue;
        const known = knownBefore(record, before, { scrape, tag });
        if (known === undefined || !isOfOneTag(record, name, known, { scrape, tag })) continue;
        findings.note(scrape.answeredAt, () => {
          const [from, to] = [known.tag.lastSuccess ?? 0, tag.lastSuccess ?? 0];
          if (to * 1_000 < from * 1_000 - ROUNDING_MS)
            return `${name} went from process ${known.scrape.life} to ${scrape.life}, and its last success from ${time(from * 1_000)} to ${time(to * 1_000)}`;
          return wrongMove(name, known.tag, tag, () =>
            sawOther(record.truth, pollsOf(polls, name, tag), known, scrape),
          );
        });
      }
    }
    return findings;
  },
};

/** The last sight of a tag that was written when another process took it; undefined where no other did. */
function knownBefore(record: RunRecord, sights: readonly Sight[], now: Sight): Sight | undefined {
  const last = sights.at(-2);
  if (last === undefined) return undefined;
  if (last.scrape.life === now.scrape.life && lossAfter(record, last, now) === undefined) return undefined;
  // The process before the last one may have been killed too, before it had written what it showed.
  return sights.slice(0, -1).findLast((each) => {
    const loss = lossAfter(record, each, now);
    if (loss === undefined) return true;
    const pauses = record.pauses.filter(({ life = loss.life }) => life === loss.life);
    return each.scrape.answeredAt <= timeBefore(pauses, loss.at, WRITTEN_WITHIN_MS);
  });
}

/** The first loss of the process of a sight, from that until now. */
function lossAfter({ losses }: RunRecord, { scrape }: Sight, now: Sight): Loss | undefined {
  return losses.find(({ life, at }) => life === scrape.life && at >= scrape.sentAt && at <= now.scrape.answeredAt);
}

/** Whether a tag is the same one in two sights, and Redis has kept what was known of it at the first. */
function isOfOneTag(record: RunRecord, name: TagName, known: Sight, { scrape, tag }: Sight): boolean {
  const from = known.scrape.sentAt - WRITTEN_WITHIN_MS;
  if (overlap(record.redisFaults, from, scrape.answeredAt) > 0) return false;
  if (known.tag.repoId !== tag.repoId || known.tag.digest !== tag.digest) return false;
  return isMeantThroughout(record, name, tag, known.scrape, scrape);
}

const BURST_EACH = 2;

export const quotaLaw: Law = {
  name: 'quota',
  sentence:
    'in any T seconds at most rate × T + 2 × members requests are written by all members with one set of credentials',
  check: ({ wire, configurations, monotonicZeroAt, members }, judged) => {
    const findings = new Findings(judged);
    const allowed = allowance(configurations);
    const burst = BURST_EACH * members;
    for (const requests of grouped(wire, ({ accessKeyId }) => `${setOf(accessKeyId)}`).values())
      for (const { request, first, excess } of excesses(requests, (ms) => allowed(monotonicZeroAt + ms)))
        findings.note(request.at, () =>
          excess > burst
            ? `${describe(first)} to ${describe(request)}, in ${(request.toMs - first.fromMs).toFixed(3)} ms, are ${(excess - burst).toFixed(3)} more than rate × T + ${burst}`
            : undefined,
        );
    return findings;
  },
};

function describe({ id, life, accessKeyId }: WireRequest): string {
  return `request ${id} of process ${life} with ${accessKeyId}`;
}
