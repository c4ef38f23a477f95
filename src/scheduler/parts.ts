// What a scheduler is made of.
import type { ApiError } from '../acr/api.ts';
import type { RateLimits } from '../model/settings.ts';
import type { Task } from '../polling/task.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import type { AdaptiveRate } from './adaptive-rate.ts';

/** Hands out slots: `acr/rate-limiter.ts`. */
export interface SlotLimiter {
  readonly inFlight: number;
  limits: RateLimits;
  /** Runs the job in the next free slot; false when `signal` was aborted before it could start. */
  start(job: () => Promise<void>, signal: AbortSignal): Promise<boolean>;
}

/** Brings credentials up to date before a slot is taken: `acr/credentials.ts`. Rejects with `ApiError` when there are none. */
export interface SchedulerCredentials {
  ensure(): Promise<void>;
  /** Reads secret files again; true when they have changed. */
  refresh(): Promise<boolean>;
}

/** Does what a task is about. What any of these throws is an error of our own code. */
export interface TaskPerformer {
  /** Sends the task's request and applies its outcome. */
  perform(task: Task): Promise<Outcome>;
  /** Applies the failure of a request that could not be sent; afterwards the task is queued again, or has ended. */
  fail(task: Task, error: ApiError): void;
  /** Whether a task that lies in no queue, and has no request under way, belongs into one. */
  belongsInQueue(task: Task): boolean;
}

/** What became of a task that was taken from its queue. */
export type Outcome =
  /** Its request was sent, and answered unless there is an error. The task is queued again, or has ended. */
  | { readonly kind: 'performed'; readonly error: ApiError | undefined }
  /** Nothing came of it, through no fault of the task: the scheduler puts it back as it was. */
  | { readonly kind: 'put-back' }
  /** Nothing was sent, since a request for the same tag is under way: at its end the task is queued. */
  | { readonly kind: 'waiting' }
  /** Nothing was sent, since the task is not wanted any more. */
  | { readonly kind: 'ended' };

/** Requests a second. */
export type ThrottledRate = { readonly current: number; readonly configured: number };

/** Is told what the API makes of a scheduler's credentials: `scheduler-log.ts`. */
export interface SchedulerReports {
  /** They are refused, or still refused; the next request tries them after so many milliseconds. */
  refused(error: ApiError, probeInMs: number): void;
  accepted(): void;
  /** The rate was lowered. */
  throttled(error: ApiError, rate: ThrottledRate): void;
  /** The rate is the configured one again. */
  recovered(configured: number): void;
}

/** What is known of the use of a quota. It outlives the scheduler, so that a set of credentials that comes back has no fresh one. */
export type Quota = { readonly limiter: SlotLimiter; readonly adaptiveRate: AdaptiveRate };

export type SchedulerOptions = {
  /** The value of the `credentials` label. */
  readonly name: string;
  readonly limits: RateLimits;
  readonly quota: Quota;
  readonly performer: TaskPerformer;
  readonly clock: Clock;
  readonly errors: InternalErrors;
  readonly reports: SchedulerReports;
};
