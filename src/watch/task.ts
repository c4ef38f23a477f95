// What is done for a watched tag or repository: one request to the API at a time, again and again.
import type { AcrApi } from '../acr/api.ts';
import type { WatchedTag } from '../state/store.ts';
import type { QueueEntry } from './due-queue.ts';
import type { Lane } from './lane.ts';
import type { Repository } from './target.ts';

/** An instance that is watched: one object for as long as it is, its parts replaced by a reload. */
export type WatchedInstance = {
  readonly id: string;
  /** How to ask; undefined until the SDK is loaded. */
  api: AcrApi | undefined;
  /** Where its tasks are scheduled: its credentials. */
  lane: Lane;
};

/** A repository that is watched: one object for as long as it is. */
export type WatchedRepository = {
  readonly instance: WatchedInstance;
  repository: Repository;
  /** Its place in the configuration: of two that turn out to be the same, the lower one stays. */
  order: number;
  /** By tag, in the order of the configuration. */
  readonly polls: Map<string, PollTask>;
  /** Under way or waiting while the id or the names are missing. */
  lookup: LookupTask | undefined;
};

export type PollTask = QueueEntry & {
  readonly kind: 'poll';
  readonly tag: WatchedTag;
  /** Another one when two entries turn out to be one repository. */
  watched: WatchedRepository;
};

export type LookupTask = QueueEntry & {
  readonly kind: 'lookup';
  readonly watched: WatchedRepository;
  /** Failed lookups in a row. */
  failures: number;
};

export type Task = PollTask | LookupTask;

/** Fields of a task that was just made and is not queued yet. */
export const NOT_QUEUED: QueueEntry = {
  group: 'unanswered',
  dueAtMs: 0,
  heap: undefined,
  position: -1,
};
