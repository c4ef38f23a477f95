// The tasks of a scheduler. A task makes one request to the API at a time, and is scheduled again.
import type { ApiError } from '../acr/api-error.ts';
import type { LogFields } from '../util/logger.ts';
import type { QueueEntry, TaskGroup } from './due-queue.ts';

export interface Task extends QueueEntry {
  /** The part of the exporter that is reported when `perform` or `fail` throws. */
  readonly component: 'polling' | 'discovery' | 'events';
  /** The scheduler of the credentials that the task is performed under. A reload may replace it at any time. */
  readonly scheduler: TaskScheduler;
  /** Sends the request that is due and applies its result. Throws only errors of our own code. */
  perform(): Promise<Outcome>;
  /** Applies the failure of a request that cannot be sent. Then the task is scheduled again or over. */
  fail(error: ApiError): void;
  /** Whether the task has to be in a queue or have a request under way. */
  isOutstanding(): boolean;
  /** The target of the task, for the log. */
  logFields(): LogFields;
}

/** The outcome of a task that was taken from its queue. */
export type Outcome =
  /** The request was sent, and answered unless there is an error. The task is scheduled again or over. */
  | { readonly kind: 'sent'; readonly error: ApiError | undefined }
  /** The request has no result, for a reason outside of the task. The scheduler puts the task back with the same due time. */
  | { readonly kind: 'put-back' }
  /** No request was sent. The task is over, or a request for its tag that is under way schedules it later. */
  | { readonly kind: 'ended' };

/** Accepts tasks. */
export interface TaskScheduler {
  /** Schedules a task, or moves it if it is scheduled already. `dueAtMs` is monotonic. */
  schedule(task: Task, group: TaskGroup, dueAtMs: number): void;
  /** Removes a task from the queue. A request that is under way goes on. */
  withdraw(task: Task): void;
}

/** The fields of a task that is not queued yet. */
export const NOT_QUEUED: QueueEntry = { group: 'unanswered', dueAtMs: 0, heap: undefined, position: -1 };
