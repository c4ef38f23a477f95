// A registry instance, as its tasks use it.
import type { AcrApi } from '../acr/operations.ts';
import type { Task, TaskScheduler } from '../scheduler/task.ts';

/** A watched instance: the same object as long as the configuration has the instance. A reload replaces its parts. */
export type WatchedInstance = {
  readonly id: string;
  /** Its client; undefined until the SDK is loaded. */
  api: AcrApi | undefined;
  /** The scheduler of its credentials. */
  scheduler: TaskScheduler;
  /** The task of its discovery; undefined without discovery rules. */
  discovery: Task | undefined;
  /** The number of its watched tags that discovery found. */
  discoveredTags: number;
};
