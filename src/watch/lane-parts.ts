// What a lane is made of.
import type { ApiError } from '../acr/api.ts';
import type { Clock } from '../util/clock.ts';
import type { Task } from './task.ts';

/** Hands out slots: `acr/rate-limiter.ts`. */
export interface SlotLimiter {
  readonly inFlight: number;
  limits: LaneLimits;
  start(job: () => Promise<void>): Promise<boolean>;
  stop(): void;
}

/** Brings credentials up to date before a slot is taken: `acr/credentials.ts`. Rejects with `ApiError` when there are none. */
export interface LaneCredentials {
  ensure(): Promise<void>;
  /** Reads secret files again; true when they have changed. */
  refresh(): Promise<boolean>;
}

/** Does what a task is about: `watch/poller.ts`. Neither method rejects. */
export interface TaskPerformer {
  /** Sends the task's request and applies its outcome. */
  perform(task: Task): Promise<Outcome>;
  /** Applies the failure of a request that could not be sent. */
  fail(task: Task, error: ApiError): void;
}

/** What became of a task. Nothing is sent for a tag with a request under way: its task goes on when that has ended. */
export type Outcome =
  | { readonly sent: false }
  | { readonly sent: true /** Undefined when it was answered. */; readonly error: ApiError | undefined };

export type LaneLimits = { readonly requestsPerSecond: number; readonly maxConcurrent: number };

export type LaneOptions = {
  /** The value of the `credentials` label. */
  readonly name: string;
  readonly limits: LaneLimits;
  readonly limiter: SlotLimiter;
  readonly credentials: LaneCredentials;
  readonly performer: TaskPerformer;
  readonly clock: Clock;
  /** Tells what the lane's credentials have come to. */
  readonly onRefusal: (refused: boolean) => void;
};
