// What a scheduler performs: one request to the API at a time, again and again. A task performs itself.
import type { ApiError } from '../acr/api.ts';
import type { LogFields } from '../util/logger.ts';
import type { Line, QueueEntry } from './due-queue.ts';

export interface Task extends QueueEntry {
  /** The part of the exporter whose error it is when `perform` or `fail` throws. */
  readonly component: 'polling' | 'discovery';
  /** The scheduler of the credentials that the task is performed under. A reload may replace it at any time. */
  readonly scheduler: TaskScheduler;
  /** Sends the request that is due and applies what comes of it. What it throws is an error of our own code. */
  perform(): Promise<Outcome>;
  /** Applies the failure of a request that cannot be sent. Afterwards the task is scheduled again, or is over. */
  fail(error: ApiError): void;
  /** Whether the task, while it is in no queue and has no request under way, has to be scheduled: then something was forgotten. */
  isOutstanding(): boolean;
  /** What the task asks about, for the log. */
  logFields(): LogFields;
}

/** What became of a task that was taken from its queue. */
export type Outcome =
  /** Its request was sent, and answered unless there is an error. The task is scheduled again, or is over. */
  | { readonly kind: 'sent'; readonly error: ApiError | undefined }
  /** Nothing came of the request, through no fault of the task: the scheduler puts it back with the same due time. */
  | { readonly kind: 'put-back' }
  /** Nothing was sent: the task is over, or the request for its tag that is under way schedules it at its end. */
  | { readonly kind: 'ended' };

/** Takes tasks. */
export interface TaskScheduler {
  /** Schedules a task, or schedules it anew. `dueAtMs` is monotonic. */
  schedule(task: Task, line: Line, dueAtMs: number): void;
  /** Removes a task from the queue; a request that is under way is not touched. */
  withdraw(task: Task): void;
}

/** The fields of a task that is not queued yet. */
export const NOT_QUEUED: QueueEntry = { line: 'unanswered', dueAtMs: 0, heap: undefined, position: -1 };
