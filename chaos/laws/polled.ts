// Each tag gets its turn. Checked at every scrape, whatever else is wrong: it needs no time without faults.
import { samplesOf } from '../exposition.ts';
import { inForce, longestTimeoutMs } from '../limits.ts';
import {
  type ApiRequest,
  type Configuration,
  grouped,
  isToldBetween,
  overlap,
  type RunRecord,
  recordedTo,
  type Scrape,
  type Span,
  type TagName,
  timeAfter,
} from '../record.ts';
import { INSTANCES, SETS, type SetName, setOf, setOfInstance } from '../world.ts';
import { lastAnswerFrom, mayBeAnnounced } from './announced.ts';
import { isDiscovered } from './configured.ts';
import { troublesOf } from './credentials.ts';
import { healthySpans, latestDue, longestHealthyMs } from './healthy.ts';
import { Findings, type Judged, type Law } from './law.ts';
import { type Polls, pollsByTag, ROUNDING_MS, type ShownTag, shownTags, time } from './tags.ts';

/** A later interval is shortened by no more than this share. */
const SHORTENED = 0.1;
/** What a busy machine adds to a time limit, or to two of them. */
const BUSY_MS = 500;
/** A process that listens begins to ask within this time. */
const POLLING_WITHIN_MS = 2_000;
/** Longer than two time limits of any file, and the slowest turn: files of before do not matter. */
const MAX_PACE_MS = 10_000;
/** Polls that may pass a tag by while its own request is on its way. */
const MAY_OVERTAKE = 2;
/** After throttling the rate may be a tenth of the one in the file. */
const SLOWEST_SHARE = 0.1;

/** What one scrape shows of a tag that was answered well: when its next poll is due, and in which line it waits. */
type Waiting = {
  readonly name: TagName;
  readonly line: 'running' | 'settled';
  readonly answeredAt: number;
  /** The earliest and the latest time at which it is due. */
  readonly from: number;
  readonly to: number;
};

export const overtakenLaw: Law = {
  name: 'turn',
  sentence:
    'while a tag is due, at most 2 polls start of tags with the same credentials and class that became due later, not counting those that an event may have announced',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const healthy = healthyIn(record);
    const context = { record, polls: pollsByTag(record), sights: sightsOf(record, healthy) };
    for (const scrape of judgedScrapes(record, judged)) {
      const onItsWayMs = onItsWayMsAt(record, scrape);
      for (const tag of waitingTags(record, healthy, scrape)) {
        const until = scrape.sentAt - onItsWayMs - overlap(record.pauses, tag.to, scrape.sentAt);
        if (tag.to >= until || wasPolled(context.polls, tag, scrape.answeredAt)) continue;
        findings.note(scrape.answeredAt, () => {
          const overtaking = overtakes(context, tag, until);
          return overtaking.length > MAY_OVERTAKE
            ? `${tag.name} is due since ${time(tag.to)}, but these were polled that were due later: ${overtaking.join(', ')}`
            : undefined;
        });
      }
    }
    return findings;
  },
};

export const idleLaw: Law = {
  name: 'idle',
  sentence:
    'when a tag is due and its credentials are not paused, a request with these credentials starts within one request timeout, the time of ten turns, and half a second',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const end = recordedTo(record, judged?.to);
    const troubles = new Map(
      SETS.map((set) => {
        const { refusals, spoils } = troublesOf(record, set);
        return [set, [...refusals, ...spoils]];
      }),
    );
    const starts = startsOf(record);
    const healthy = healthyIn(record);
    // Scrapes show one answer after the other of a tag, and each of them many times.
    const seen = new Map<TagName, number>();
    for (const scrape of record.scrapes) {
      const idleMs = idleMsAt(record, scrape);
      for (const tag of waitingTags(record, healthy, scrape)) {
        if (seen.get(tag.name) === tag.answeredAt) continue;
        seen.set(tag.name, tag.answeredAt);
        const until = timeAfter(record.pauses, tag.to, idleMs);
        if (until > end || !findings.isJudged(until)) continue;
        // What a list says of a discovered tag may change when it is due.
        if (isDiscovered(tag.name) || isToldBetween(record.configurations, tag.answeredAt, until)) continue;
        const set = setOfInstance(instanceOf(tag.name));
        if (overlap(troubles.get(set) ?? [], tag.answeredAt, until) > 0) continue;
        if (!isAtWork(record, scrape.life, set, { from: scrape.sentAt, to: until })) continue;
        findings.note(until, () =>
          (starts.get(set) ?? []).some((at) => at > tag.answeredAt && at >= tag.from && at <= until)
            ? undefined
            : `${tag.name} is due at ${time(tag.to)} and nothing is paused, but no request starts until ${time(until)}`,
        );
      }
    }
    return findings;
  },
};

/** By instance: when its events may have been healthy. */
type Healthy = (instanceId: string) => readonly Span[];

function healthyIn(record: RunRecord): Healthy {
  const spans = new Map(INSTANCES.map((id) => [id as string, healthySpans(record, id)]));
  return (instanceId) => spans.get(instanceId) ?? [];
}

/** When requests were written under each set of credentials, in milliseconds since the epoch. */
function startsOf({ wire, monotonicZeroAt }: RunRecord): ReadonlyMap<string, readonly number[]> {
  const bySet = grouped(wire, ({ accessKeyId }) => setOf(accessKeyId) ?? '');
  return new Map([...bySet].map(([set, requests]) => [set, requests.map(({ fromMs }) => monotonicZeroAt + fromMs)]));
}

/** Whether a process lives throughout a time, and no scrape of then shows that requests under a set of credentials are paused. */
function isAtWork({ lives, scrapes }: RunRecord, life: number, set: SetName, { from, to }: Span): boolean {
  if (!lives.some(({ number, to: endedAt }) => number === life && endedAt > to)) return false;
  return !scrapes.some((each) => each.answeredAt >= from && each.sentAt <= to && isPaused(each, set));
}

/** For how long a tag looks overdue while its request is on its way to the simulator: it may be sent twice, and take its timeout each time. */
function onItsWayMsAt({ configurations }: RunRecord, { sentAt }: Scrape): number {
  return 2 * longestTimeoutMs(configurations, sentAt, sentAt) + BUSY_MS;
}

/** All requests that may be under way end within a time limit, and at the slowest rate that throttling leaves the next one starts a turn later. */
function idleMsAt({ configurations }: RunRecord, { sentAt }: Scrape): number {
  const files = inForce(configurations, sentAt - MAX_PACE_MS, sentAt);
  const turnMs = 1_000 / (SLOWEST_SHARE * Math.min(...files.map(({ rate }) => rate)));
  return longestTimeoutMs(configurations, sentAt, sentAt) + BUSY_MS + turnMs;
}

/** The scrapes whose time is judged. */
function judgedScrapes({ scrapes }: RunRecord, judged: Judged | undefined): Scrape[] {
  const findings = new Findings(judged);
  return scrapes.filter(({ answeredAt }) => findings.isJudged(answeredAt));
}

/** The tags whose last poll was answered, as the exporter itself shows it. */
function waitingTags(record: RunRecord, healthy: Healthy, scrape: Scrape): Waiting[] {
  return [...shownTags(scrape)].flatMap(([name, tag]) => waiting(record, healthy, scrape, name, tag) ?? []);
}

function waiting(
  { configurations, lives }: RunRecord,
  healthy: Healthy,
  scrape: Scrape,
  name: TagName,
  { status, lastSuccess, lastSuccesses = [], shownSuccess = 0, success }: ShownTag,
): Waiting | undefined {
  if (lastSuccess === undefined || success !== 1) return undefined;
  const answeredAt = lastSuccess * 1_000;
  const life = lives.find(({ number }) => number === scrape.life);
  const isRestored = life?.storage !== undefined && answeredAt < life.from;
  // By the clock of this process, the answer came when a clock that was off has shown it.
  const isByTrueClock = lastSuccesses.length === 1 && Math.abs(lastSuccess - shownSuccess) * 1_000 <= ROUNDING_MS;
  if (isRestored && !isByTrueClock) return undefined;
  const files = inForce(configurations, answeredAt, scrape.answeredAt);
  const intervals = files.flatMap((file) => intervalOf(file, status));
  if (intervals.length === 0) return undefined;
  const line = status === 'scanning' || status === 'retrying' ? 'running' : 'settled';
  const from = answeredAt + (1 - SHORTENED) * Math.min(...intervals) - ROUNDING_MS;
  const longest = { shortMs: Math.max(...intervals), longMs: status === 'complete' ? longestHealthyMs(files) : 0 };
  const dueAt = latestDue(healthy(instanceOf(name)), answeredAt, longest) + ROUNDING_MS;
  const to = isRestored ? Math.max(dueAt, life.from + POLLING_WITHIN_MS) : dueAt;
  return { name, line, answeredAt, from, to };
}

/** The interval of a file for a status. A new image that was not scanned is asked about as often as one that is being scanned: none is known. */
function intervalOf({ intervalsMs }: Configuration, status: string): readonly number[] {
  const { scanning, complete, failed } = intervalsMs;
  const known = new Map([
    ['scanning', scanning],
    ['retrying', scanning],
    ['complete', complete],
    ['failed', failed],
  ]).get(status);
  return known === undefined ? [] : [known];
}

function wasPolled(polls: Polls, { name, answeredAt }: Waiting, until: number): boolean {
  return (polls.get(name) ?? []).some(
    ({ arrivedAtMs }) => arrivedAtMs > answeredAt + ROUNDING_MS && arrivedAtMs <= until,
  );
}

/** What a scrape showed of a tag; `tag` is undefined where its last poll was not answered well. */
type Sight = { readonly at: number; readonly repoId: string; readonly tag: Waiting | undefined };

/** What the scrapes showed of each tag, in their order. */
function sightsOf(record: RunRecord, healthy: Healthy): ReadonlyMap<TagName, readonly Sight[]> {
  const sights = new Map<TagName, Sight[]>();
  for (const scrape of record.scrapes) {
    for (const [name, shown] of shownTags(scrape)) {
      const list = sights.get(name) ?? [];
      sights.set(name, list);
      list.push({
        at: scrape.answeredAt,
        repoId: shown.repoId ?? '',
        tag: waiting(record, healthy, scrape, name, shown),
      });
    }
  }
  return sights;
}

type Context = { readonly record: RunRecord; readonly polls: Polls; readonly sights: ReturnType<typeof sightsOf> };

/** The polls until a time that started although a tag was due that comes before theirs, as the exporter itself shows it. */
function overtakes(context: Context, tag: Waiting, until: number): string[] {
  const set = setOfInstance(instanceOf(tag.name));
  return [...context.polls].flatMap(([name, ofOther]) => {
    // A discovered tag may be found with another image, and then starts anew.
    if (name === tag.name || isDiscovered(name) || setOfInstance(instanceOf(name)) !== set) return [];
    return ofOther
      .filter((poll) => poll.arrivedAtMs > tag.to && poll.arrivedAtMs <= until && isLater(context, poll, name, tag))
      .map((poll) => `${name} at ${time(poll.arrivedAtMs)}`);
  });
}

/** Whether what was polled waited in the same line as a tag, and was due later. */
function isLater({ record, polls, sights }: Context, poll: ApiRequest, name: TagName, tag: Waiting): boolean {
  const { arrivedAtMs, parameters } = poll;
  const sight = sights.get(name)?.findLast(({ at }) => at < arrivedAtMs);
  const seen = sight?.tag;
  if (sight === undefined || seen === undefined || seen.line !== tag.line || seen.from <= tag.to) return false;
  // Since then it may have been added anew, or be in a repository that was made anew: then it is polled at once.
  if (parameters.RepoId !== sight.repoId) return false;
  if (record.configurations.some(({ toldAt, inForceAt }) => toldAt <= arrivedAtMs && inForceAt >= sight.at))
    return false;
  if (wasPolled(polls, seen, arrivedAtMs - 1)) return false;
  const answerFrom = lastAnswerFrom(record, polls.get(name) ?? [], arrivedAtMs);
  return !mayBeAnnounced(record, name, { answerFrom, from: answerFrom, to: arrivedAtMs });
}

function isPaused({ exposition }: Scrape, set: SetName): boolean {
  const ofSet = [...samplesOf(exposition, 'acr_scheduler_paused')].filter(([labels]) => labels.credentials === set);
  return ofSet.length === 0 || ofSet.some(([, value]) => value !== 0);
}

function instanceOf(name: TagName): string {
  return name.split(' ')[0] ?? '';
}
