// What is done for a watched tag or repository: one request to the API at a time, again and again.
import type { AcrApi, ApiError } from '../acr/api.ts';
import type { Repository, Target } from '../model/target.ts';
import type { QueueEntry } from '../scheduler/due-queue.ts';
import type { Outcome } from '../scheduler/parts.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { WatchedTag } from '../state/store.ts';
import type { Moment } from '../state/tag-state.ts';
import type { OpenQuestion } from './questions.ts';

/** An instance that is watched: one object for as long as it is, its parts replaced by a reload. */
export type WatchedInstance = {
  readonly id: string;
  /** How to ask; undefined until the SDK is loaded. */
  api: AcrApi | undefined;
  /** Where its tasks are scheduled: its credentials. */
  scheduler: Scheduler;
  /** Finds what there is to watch; undefined where nobody asked for that. */
  discovery: DiscoveryTask | undefined;
  /** How many of its tags are watched because discovery found them. */
  discoveredTags: number;
};

/** A repository that is watched: one object for as long as it is. */
export type WatchedRepository = {
  readonly instance: WatchedInstance;
  repository: Repository;
  /** The id that what is known of its tags is of; empty before it is known first. It stays while the id is looked up again. */
  knownId: string;
  /** Its place in the configuration: of two that turn out to be the same, the lower one stays. Infinity when it is not listed there. */
  order: number;
  /** Whether its id is one of the configuration: then it is meant, whatever becomes of the names that go with it. */
  hasListedId: boolean;
  /** By tag, in the order of the configuration; what discovery found comes after. */
  readonly polls: Map<string, PollTask>;
  /** Under way or waiting while the id or the names are missing, or while it is in doubt that the id still goes with the names. */
  lookup: LookupTask | undefined;
  /** How often in a row that was in doubt for nothing, and when it was last; minus infinity when it never was. */
  doubts: number;
  doubtedAtMs: number;
};

/** Whether the configuration lists a repository; else it is watched only because discovery found it. */
export function isListed({ order }: WatchedRepository): boolean {
  return Number.isFinite(order);
}

/** Asks how a tag's scan stands, and now and then what it found. Times are monotonic; the earlier one is when the task is due. */
export type PollTask = QueueEntry & {
  readonly kind: 'poll';
  readonly tag: WatchedTag;
  /** Another one when two entries turn out to be one repository. */
  watched: WatchedRepository;
  /** Set for a tag that discovery found and the configuration does not list. */
  discovered: FoundTag | undefined;
  statusDueAtMs: number;
  /** Infinity while nobody wants to know. */
  summaryDueAtMs: number;
  /** When the last summary came; minus infinity before the first. */
  summarisedAtMs: number;
  /** Failed requests for the summary in a row. */
  summaryFailures: number;
  /** Set while the answer to the last request asks for another one, which is due at once. */
  question: OpenQuestion | undefined;
  /** When a poll was last answered; minus infinity before the first. */
  answeredAtMs: number;
  /** When the registry last showed that the tag exists; minus infinity when it has not. */
  seenAtMs: number;
  /** When the image was pushed, else when it was first seen. */
  bornAtMs: number;
};

/** A tag that a repository has, as discovery finds it. */
export type FoundTag = {
  readonly tag: string;
  /** Empty when the API does not say. */
  readonly digest: string;
  /** When it was last pushed, in milliseconds since the epoch; minus infinity when the API does not say. */
  readonly updatedMs: number;
};

/** Asks for the names or the id of a repository. */
export type LookupTask = QueueEntry & {
  readonly kind: 'lookup';
  readonly watched: WatchedRepository;
  /** Whether the id is known, and is asked for again by the names. */
  confirms: boolean;
  /** Failed lookups in a row. */
  failures: number;
};

/** Asks for the next page of what an instance has. */
export type DiscoveryTask = QueueEntry & {
  readonly kind: 'discovery';
  readonly instance: WatchedInstance;
  readonly turns: DiscoveryTurns;
};

/** The requests of an instance's discovery, one at a time: `discovery/turns.ts`. */
export interface DiscoveryTurns {
  /** Whether there is a request that waits for its turn. */
  readonly isAsking: boolean;
  /** Sends the request that waits. */
  perform(): Promise<Outcome>;
  /** The request that waits could not be sent. */
  fail(error: ApiError): void;
}

export type Task = PollTask | LookupTask | DiscoveryTask;

/** The instance that a task asks. */
export function instanceOf(task: Task): WatchedInstance {
  return task.kind === 'discovery' ? task.instance : task.watched.instance;
}

/** What a task is about, as log fields. */
export function describeTask(task: Task) {
  if (task.kind === 'discovery') return { instance_id: task.instance.id };
  const { instanceId, namespace, name } = task.watched.repository;
  const tag = task.kind === 'poll' ? task.tag.target.tag : undefined;
  return { instance_id: instanceId, repo_namespace: namespace || undefined, repo_name: name, tag };
}

/** What a task is about, as people write it: `shop/api:v1` for a tag, `shop/api` for a repository. */
export function nameOf(task: PollTask | LookupTask): string {
  const { namespace, name } = task.watched.repository;
  const repository = namespace === '' ? name : `${namespace}/${name}`;
  return task.kind === 'poll' ? `${repository}:${task.tag.target.tag}` : repository;
}

/** Fields of a task that was just made and is not queued yet. */
export const NOT_QUEUED: QueueEntry = {
  line: 'unanswered',
  dueAtMs: 0,
  heap: undefined,
  position: -1,
};

/**
 * A poll that was just made and is not queued yet. Every field is written out: there are as many polls as tags, and an object that is
 * put together from others takes ten times the memory.
 */
export function newPoll(
  tag: WatchedTag,
  watched: WatchedRepository,
  discovered: FoundTag | undefined,
  moment: Moment,
): PollTask {
  const poll: PollTask = {
    kind: 'poll',
    tag,
    watched,
    discovered,
    line: 'unanswered',
    dueAtMs: 0,
    heap: undefined,
    position: -1,
    statusDueAtMs: 0,
    summaryDueAtMs: Number.POSITIVE_INFINITY,
    summarisedAtMs: Number.NEGATIVE_INFINITY,
    summaryFailures: 0,
    question: undefined,
    answeredAtMs: Number.NEGATIVE_INFINITY,
    seenAtMs: Number.NEGATIVE_INFINITY,
    bornAtMs: moment.monotonicMs,
  };
  if (discovered !== undefined) noteSeen(poll, discovered.updatedMs, moment);
  return poll;
}

/** What is known of the tag starts anew, as of a tag that was just added and that nothing has shown to exist. */
export function startAnew(poll: PollTask, { monotonicMs }: Moment): void {
  poll.summaryDueAtMs = Number.POSITIVE_INFINITY;
  poll.summarisedAtMs = Number.NEGATIVE_INFINITY;
  poll.summaryFailures = 0;
  poll.question = undefined;
  poll.seenAtMs = Number.NEGATIVE_INFINITY;
  poll.bornAtMs = monotonicMs;
  if (poll.discovered !== undefined) poll.discovered = foundUnseen(poll.tag.target);
}

/** A tag that counts as found although no listing has shown the image that it has now. */
export function foundUnseen({ tag, digest }: Target): FoundTag {
  return { tag, digest, updatedMs: Number.NEGATIVE_INFINITY };
}

/**
 * Notes that the registry has just shown a tag.
 *
 * @param pushedMs when it was last pushed, in milliseconds since the epoch, as far as the API says
 */
export function noteSeen(poll: PollTask, pushedMs: number | undefined, { nowMs, monotonicMs }: Moment): void {
  poll.seenAtMs = monotonicMs;
  // A push that is still to come is one by another clock, or ours was set back: then nothing is new because of it.
  if (pushedMs !== undefined && Number.isFinite(pushedMs) && pushedMs <= nowMs)
    poll.bornAtMs = monotonicMs - (nowMs - pushedMs);
}
