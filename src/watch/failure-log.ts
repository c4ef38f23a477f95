// Tells of failed requests without repeating itself: an outage of hours is one line for each tag and every ten minutes.
import type { PollError } from '../state/tag-state.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { Task } from './task.ts';

/** The same error of the same tag is no news for this long. */
const REPEAT_AFTER_MS = 600_000;

/** What was last said of a task that keeps failing, and how often it has failed in the same way since. */
type Told = { readonly code: string; readonly atMs: number; repeats: number };

export class FailureLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #told = new WeakMap<Task, Told>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** A task's request failed: logged when the code is another one than last time, or ten minutes have passed. */
  failed(task: Task, { code, message, requestId }: PollError): void {
    const told = this.#told.get(task);
    const nowMs = this.#clock.monotonic();
    if (told?.code === code && nowMs - told.atMs < REPEAT_AFTER_MS) {
      told.repeats += 1;
      return;
    }
    const repeats = told?.code === code ? told.repeats + 1 : told?.repeats || undefined;
    const event = task.kind === 'poll' ? 'poll failed' : 'repository lookup failed';
    this.#logger.warn(event, {
      ...describeTask(task),
      code,
      error: message,
      request_id: requestId || undefined,
      repeats,
    });
    this.#told.set(task, { code, atMs: nowMs, repeats: 0 });
  }

  /** A task's request was answered: logged when something else was said last. */
  answered(task: Task): void {
    const told = this.#told.get(task);
    if (told === undefined) return;
    this.#told.delete(task);
    const event = task.kind === 'poll' ? 'poll answered again' : 'repository found';
    this.#logger.info(event, { ...describeTask(task), code: told.code, repeats: told.repeats || undefined });
  }
}

/** What a task is about, as log fields. */
export function describeTask(task: Task) {
  const { instanceId, namespace, name } = task.watched.repository;
  const tag = task.kind === 'poll' ? task.tag.target.tag : undefined;
  return { instance_id: instanceId, repo_namespace: namespace || undefined, repo_name: name, tag };
}
