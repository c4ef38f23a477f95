// An instance of the registry as its tasks see it.
import type { AcrApi } from '../acr/api.ts';
import type { Task, TaskScheduler } from '../scheduler/task.ts';

/** An instance that is watched: one object for as long as the configuration has it, its parts replaced by a reload. */
export type WatchedInstance = {
  readonly id: string;
  /** Its client; undefined until the SDK is loaded. */
  api: AcrApi | undefined;
  /** The scheduler of its credentials. */
  scheduler: TaskScheduler;
  /** Its discovery; undefined where the configuration has no discover rules. */
  discovery: Task | undefined;
  /** How many of its tags are watched because discovery found them. */
  discoveredTags: number;
};
