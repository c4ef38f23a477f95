// Events that the exporter takes are followed by a poll of their tags, whichever way they come and whatever else is due.
import { inForce, maxConcurrentAt } from '../limits.ts';
import {
  type ApiRequest,
  type Delivery,
  type EventTag,
  isToldBetween,
  type Life,
  overlap,
  type RunRecord,
  recordedTo,
  type Span,
  type TagName,
  type WireRequest,
} from '../record.ts';
import { FED, MAX_RECORD_LAG_MS, REPOSITORIES, setOf, setOfInstance } from '../world.ts';
import {
  APPLIED_WITHIN_MS,
  deliveriesOf,
  isClockRight,
  KNOWN_AFTER_MS,
  lastAnswerFrom,
  lifeOfDelivery,
  mayBeAnnounced,
  nameOfEvent,
} from './announced.ts';
import { troublesOf } from './credentials.ts';
import { Findings, type Judged, type Law } from './law.ts';
import { lifeOf, sentRequests } from './sent.ts';
import { isHonest, type Polls, pollsByTag, ROUNDING_MS, shownTags, time } from './tags.ts';

/** Tags that an event announced get at least two of five turns while others are due. */
const OTHERS_EACH = 1.5;
/** Two turns that begin a row of five, and what was about to be written. */
const OTHERS_FIRST = 5;
/** By then a process asks about what is due. */
const POLLING_WITHIN_MS = 2_000;
/** From the exporter's socket to its decision. */
const ANSWER_TAKEN_MS = 100;
/** Of an event center, 100 records are kept and on one page: the other ones may be those of events that happen meanwhile. */
const RECORDS_LISTED = 80;
/** Records of the last five minutes count. */
const RECORDS_OF_MS = 240_000;

export const wokenLaw: Law = {
  name: 'woken',
  sentence:
    'from an event that the webhook accepted to the poll of its tag, at most three of five requests with its credentials have another cause than events',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const course = courseOf(record, judged);
    const taken = new Set<string>();
    for (const delivery of inOrder(deliveriesOf(record))) {
      const { tag, id, status, sentAt, answeredAt } = delivery;
      const life = lifeOfDelivery(record, delivery);
      if (tag === undefined || life === undefined || (status !== 204 && status !== 0)) continue;
      const isAgain = taken.has(`${life.number} ${id}`);
      taken.add(`${life.number} ${id}`);
      if (isAgain || status === 0 || tag.happenedAt > answeredAt) continue;
      const from = answeredAt + APPLIED_WITHIN_MS + overlap(record.pauses, sentAt, answeredAt + APPLIED_WITHIN_MS);
      note(findings, course, { tag, life, from, sentAt, told: `the event ${id}, sent at ${time(sentAt)},` });
    }
    return findings;
  },
};

export const fedLaw: Law = {
  name: 'fed',
  sentence:
    'the same holds from an answer of the feed, for every event of the last minutes in it, also those that happened while no process ran',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const course = courseOf(record, judged);
    const sent = sentRequests(record);
    for (const instanceId of FED) {
      const events = record.events.filter((event) => event.instanceId === instanceId && event.isScan);
      const known = new Set<string>();
      for (const answer of record.requests) {
        const read = isFeedAnswer(answer, instanceId) ? sent.get(answer) : undefined;
        const life = record.lives.find(({ number }) => number === lifeOf(record, answer));
        if (read === undefined || life === undefined || !isReadInTime(record, read)) continue;
        const readAt = record.monotonicZeroAt + read.overMs;
        const listed = events.filter(({ happenedAt }) => happenedAt <= answer.arrivedAtMs);
        for (const event of listed.slice(-RECORDS_LISTED)) {
          const key = `${life.number} ${event.id}`;
          const { happenedAt } = event;
          const isListed = happenedAt + SECOND_MS + MAX_RECORD_LAG_MS <= answer.arrivedAtMs;
          if (!isListed || happenedAt < answer.arrivedAtMs - RECORDS_OF_MS || known.has(key)) continue;
          known.add(key);
          const from = readAt + ANSWER_TAKEN_MS + overlap(record.pauses, readAt, readAt + APPLIED_WITHIN_MS);
          const told = `the event ${event.id} in the feed's answer at ${time(readAt)}`;
          note(findings, course, { tag: event, life, from, sentAt: answer.arrivedAtMs, told });
        }
      }
    }
    return findings;
  },
};

/** An event says when it happened to the second. */
const SECOND_MS = 1_000;
/** An answer that comes so long before the time limit, or later, may have come too late for the exporter. */
const NEARLY_TOO_LATE_MS = 100;

function isFeedAnswer(request: ApiRequest, instanceId: string): boolean {
  const { action, code, parameters } = request;
  const isOfFeed = action === 'ListEventCenterRecord' && parameters.InstanceId === instanceId;
  return isOfFeed && code === 'success' && isHonest(request) && parameters.PageNo === '1';
}

function isReadInTime({ configurations, monotonicZeroAt: zero }: RunRecord, read: WireRequest): boolean {
  const limits = inForce(configurations, zero + read.fromMs, zero + read.overMs).map((file) => file.requestTimeoutMs);
  return read.isAnswered && read.overMs - read.fromMs <= Math.min(...limits) - NEARLY_TOO_LATE_MS;
}

/** News of a tag that a process has from a time on. */
type News = {
  readonly tag: EventTag;
  readonly life: Life;
  readonly from: number;
  readonly sentAt: number;
  readonly told: string;
};

type Course = {
  readonly record: RunRecord;
  readonly polls: Polls;
  readonly end: number;
  readonly troubles: (instanceId: string) => readonly Span[];
};

function courseOf(record: RunRecord, judged: Judged | undefined): Course {
  const found = new Map<string, readonly Span[]>();
  const troubles = (instanceId: string) => {
    const set = setOfInstance(instanceId);
    const { refusals, spoils } = troublesOf(record, set);
    const spans = found.get(set) ?? [...refusals, ...spoils];
    found.set(set, spans);
    return spans;
  };
  return { record, polls: pollsByTag(record), end: recordedTo(record, judged?.to), troubles };
}

function note(findings: Findings, course: Course, news: News): void {
  const { record, end } = course;
  const { tag, life, sentAt } = news;
  const decision = decide(course, news);
  if (decision === undefined || decision.at > end || life.to <= decision.at || !findings.isJudged(decision.at)) return;
  if (!isListedThroughout(record, tag, sentAt, decision.at)) return;
  if (isToldBetween(record.configurations, sentAt, decision.at)) return;
  if (!isClockRight(life, Math.min(sentAt, tag.happenedAt), decision.at)) return;
  if (overlap(course.troubles(tag.instanceId), sentAt, decision.at) > 0) return;
  findings.note(decision.at, decision.broken);
}

/** Whether a tag is listed, in a repository that is listed by its id, and is the same one for the exporter. */
function isListedThroughout({ configurations }: RunRecord, tag: EventTag, from: number, to: number): boolean {
  const isById = REPOSITORIES.some(({ id, instance }) => id === tag.repoId && instance === tag.instanceId);
  return isById && inForce(configurations, from, to).every(({ tags }) => tags.has(nameOfEvent(tag)));
}

type Decision = { readonly at: number; readonly broken: string | undefined };

/** Whether the poll came in its turn, and when that was certain; undefined while it is not. */
function decide(course: Course, news: News): Decision | undefined {
  const { record, polls } = course;
  const { tag, life, told } = news;
  const name = nameOfEvent(tag);
  const from = Math.max(freeFrom(record, news), life.from + POLLING_WITHIN_MS);
  const answered = answerAfter(course, news, from);
  if (answered !== undefined) return { at: Math.max(answered, news.sentAt), broken: undefined };
  const set = setOfInstance(tag.instanceId);
  let [others, withNews] = [0, 0];
  for (const request of record.wire) {
    const at = record.monotonicZeroAt + request.fromMs;
    if (request.life !== life.number || at < from || setOf(request.accessKeyId) !== set) continue;
    if (isPollOf(request, tag)) return { at, broken: undefined };
    if (isOfNews(record, polls, request, at)) withNews++;
    else others++;
    if (others > OTHERS_EACH * withNews + OTHERS_FIRST + maxConcurrentAt(record.configurations, at)) {
      return {
        at,
        broken: `${told} is news of ${name}, but since ${time(from)} ${others} other requests were sent, and ${withNews} about tags with news`,
      };
    }
  }
  return undefined;
}

/** When an answer that has the news was asked for by a time; undefined where none was. */
function answerAfter({ record, polls }: Course, { tag, life, sentAt }: News, by: number): number | undefined {
  const name = nameOfEvent(tag);
  const { happenedAt } = tag;
  const files = inForce(record.configurations, happenedAt, sentAt);
  const mayComeTwice = files.some(({ events }) => events?.webhook) && files.some(({ events }) => events?.feedMs);
  // Each way has an id of its own for an event: one that has come the other way, and is as old to two seconds, is no news.
  const least = mayComeTwice ? happenedAt - KNOWN_AFTER_MS : Math.min(sentAt, happenedAt + KNOWN_AFTER_MS);
  const poll = (polls.get(name) ?? []).find(
    (each) =>
      each.parameters.RepoId === tag.repoId &&
      lifeOf(record, each) === life.number &&
      each.arrivedAtMs >= least - ROUNDING_MS &&
      each.arrivedAtMs <= by,
  );
  if (poll !== undefined) return poll.arrivedAtMs;
  // The process may have been started with an answer of one before.
  const scrape = record.scrapes.find((each) => each.life === life.number && each.sentAt >= sentAt);
  const { lastSuccess = 0 } = scrape === undefined ? {} : (shownTags(scrape).get(name) ?? {});
  return lastSuccess * 1_000 >= happenedAt ? scrape?.answeredAt : undefined;
}

/** From when on nothing about the tag is under way that was asked before. */
function freeFrom({ wire, monotonicZeroAt }: RunRecord, { tag, life, from }: News): number {
  let free = from;
  for (const { life: number, subject, fromMs, overMs } of wire) {
    if (number !== life.number || !isAbout(subject, tag)) continue;
    if (monotonicZeroAt + fromMs <= free && monotonicZeroAt + overMs >= free)
      free = monotonicZeroAt + overMs + ANSWER_TAKEN_MS;
  }
  return free;
}

function isAbout(subject: string, { instanceId, repoId, tag }: EventTag): boolean {
  const [, instance, repository, name] = subject.split(' ');
  return instance === instanceId && repository === repoId && name === tag;
}

function isPollOf({ subject }: WireRequest, tag: EventTag): boolean {
  return subject.startsWith('GetRepoTagScanStatus ') && isAbout(subject, tag);
}

/** Whether a request is of a feed, or about a tag of which there may be news. */
function isOfNews(record: RunRecord, polls: Polls, { subject }: WireRequest, at: number): boolean {
  if (subject.startsWith('ListEventCenter')) return true;
  const [, instanceId = '', repoId = '', tag = ''] = subject.split(' ');
  const repository = record.truth.namesOf(instanceId, repoId);
  const name: TagName = `${repository} ${tag}`;
  if (tag === '' || repository === undefined) return false;
  const answerFrom = lastAnswerFrom(record, polls.get(name) ?? [], at - 1);
  return mayBeAnnounced(record, name, { answerFrom, from: answerFrom, to: at });
}

function inOrder(deliveries: readonly Delivery[]): Delivery[] {
  return [...deliveries].sort((one, other) => one.sentAt - other.sentAt);
}
