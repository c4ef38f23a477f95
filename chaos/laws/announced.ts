// Which events may have made the exporter ask about a tag before it was due.
import { inForce } from '../limits.ts';
import {
  type ApiRequest,
  type Delivery,
  type EventTag,
  type Life,
  overlap,
  type RunRecord,
  type TagName,
  TRUE_EVENT,
} from '../record.ts';
import { FED } from '../world.ts';
import { isTrueAnswer } from './tags.ts';

/** An answer that was requested so long after the time of an event has what the event says. */
export const KNOWN_AFTER_MS = 2_000;
/** From the answer to an event until it is applied: a thousand may wait before it, of which 2,000 are applied in a second. */
export const APPLIED_WITHIN_MS = 1_000;
/** From the begin of a poll to its arrival at the simulator. */
const SENT_WITHIN_MS = 1_000;

type Announcement = {
  readonly event: EventTag;
  readonly isTrue: boolean;
  readonly attempts: readonly Delivery[];
};
type Announcements = ReadonlyMap<TagName, readonly Announcement[]>;

const found = new WeakMap<RunRecord['events'], { readonly forgeries: number; readonly announcements: Announcements }>();

/** Everything that was sent to the webhook. */
export function deliveriesOf({ events, forgeries }: Pick<RunRecord, 'events' | 'forgeries'>): readonly Delivery[] {
  return [...events.flatMap(({ attempts }) => attempts), ...forgeries];
}

export function nameOfEvent({ instanceId, repoNamespace, repoName, tag }: EventTag): TagName {
  return `${instanceId} ${repoNamespace} ${repoName} ${tag}`;
}

function announcementsOf({ events, forgeries }: RunRecord): Announcements {
  const before = found.get(events);
  if (before?.forgeries === forgeries.length) return before.announcements;
  const announcements = new Map<TagName, Announcement[]>();
  const add = (event: EventTag, isTrue: boolean, attempts: readonly Delivery[]) => {
    const name = nameOfEvent(event);
    const list = announcements.get(name);
    if (list === undefined) announcements.set(name, [{ event, isTrue, attempts }]);
    else list.push({ event, isTrue, attempts });
  };
  for (const event of events) add(event, true, event.attempts);
  for (const each of forgeries) if (each.tag !== undefined) add(each.tag, false, [each]);
  found.set(events, { forgeries: forgeries.length, announcements });
  return announcements;
}

/** A time in which an event may have come, and when the last answer was requested at the earliest before it. */
export type Gap = { readonly answerFrom: number; readonly from: number; readonly to: number };

/** Whether an event may have come in a time that has news of a tag. */
export function mayBeAnnounced(record: RunRecord, name: TagName, { answerFrom, from, to }: Gap): boolean {
  const ofTag = announcementsOf(record).get(name);
  if (ofTag === undefined) return false;
  const oldest = answerFrom - KNOWN_AFTER_MS - SENT_WITHIN_MS - slowBy(record, to);
  const hasFeed = inForce(record.configurations, from, to).some(({ events }) => events?.feedMs !== undefined);
  return ofTag.some(({ event, isTrue, attempts }) => {
    if (event.happenedAt < oldest || event.happenedAt > to) return false;
    if (isTrue && event.isScan && hasFeed && FED.includes(event.instanceId)) return true;
    return attempts.some((attempt) => isTakenBetween(record, attempt, from, to));
  });
}

function isTakenBetween({ pauses }: RunRecord, { status, sentAt, answeredAt }: Delivery, from: number, to: number) {
  if (sentAt > to || (status !== 0 && status !== 204)) return false;
  const appliedBy = answeredAt + APPLIED_WITHIN_MS;
  return appliedBy + overlap(pauses, sentAt, appliedBy) >= from;
}

/** By how much the clock of the process was behind at a time: for it, events are newer by so much. */
function slowBy({ lives }: RunRecord, at: number): number {
  const life = lives.findLast(({ startedAt }) => startedAt <= at);
  return Math.max(0, ...(life?.clock ?? []).map(({ offsetMs }) => -offsetMs));
}

/** When the last answer about a tag was requested at the earliest, by a process that goes on; minus infinity before the first. */
export function lastAnswerFrom(record: RunRecord, polls: readonly ApiRequest[], before: number): number {
  const life = record.lives.findLast(({ startedAt }) => startedAt <= before);
  const answered = polls.findLast((poll) => poll.arrivedAtMs < before && isTrueAnswer(poll) && isOf(life, poll));
  return answered?.arrivedAtMs ?? Number.NEGATIVE_INFINITY;
}

function isOf(life: Life | undefined, { arrivedAtMs }: ApiRequest): boolean {
  return life !== undefined && arrivedAtMs >= life.startedAt;
}

/** Whether the clock of a process was right all the time between two times. */
export function isClockRight({ clock }: Life, from: number, to: number): boolean {
  return clock.every((span) => span.offsetMs === 0 || span.to < from || span.from > to);
}

/** The process that an event was sent to. */
export function lifeOfDelivery({ lives }: RunRecord, { sentAt }: Delivery): Life | undefined {
  return lives.findLast(({ from }) => from <= sentAt);
}

export function isTrueEvent({ kind }: Delivery): boolean {
  return kind === TRUE_EVENT;
}
