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
  /** Its tasks that are not about one of its repositories: those of discovery and of events. */
  readonly tasks: Set<Task>;
  /** The interval of its complete tags while its events are healthy, if it is longer than that of the configuration; undefined otherwise. */
  completeMs: number | undefined;
  /** The number of its watched tags that discovery found. */
  discoveredTags: number;
};
