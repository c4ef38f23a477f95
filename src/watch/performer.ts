// Hands each task to whoever knows what it is about.
import type { ApiError } from '../acr/api.ts';
import type { Discoverer } from './discovery/discoverer.ts';
import type { Outcome, TaskPerformer } from './lane-parts.ts';
import type { RepositoryLookup } from './lookup.ts';
import type { Poller } from './poller.ts';
import type { Task } from './task.ts';

export type Performers = {
  readonly poller: Poller;
  readonly lookup: RepositoryLookup;
  readonly discoverer: Discoverer;
};

export class Performer implements TaskPerformer {
  readonly #performers: Performers;

  constructor(performers: Performers) {
    this.#performers = performers;
  }

  perform(task: Task): Promise<Outcome> {
    const { poller, lookup, discoverer } = this.#performers;
    if (task.kind === 'poll') return poller.perform(task);
    return task.kind === 'lookup' ? lookup.perform(task) : discoverer.perform(task);
  }

  fail(task: Task, error: ApiError): void {
    const { poller, lookup, discoverer } = this.#performers;
    if (task.kind === 'poll') poller.fail(task, error);
    else if (task.kind === 'lookup') lookup.fail(task, error);
    else discoverer.fail(task, error);
  }
}
