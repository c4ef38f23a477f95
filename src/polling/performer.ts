// Says for each kind of task what is done when its turn comes.
import type { ApiError } from '../acr/api.ts';
import type { Outcome, TaskPerformer } from '../scheduler/parts.ts';
import type { Poller } from './poller.ts';
import type { RepositoryLookup } from './repository-lookup.ts';
import { SendAgain } from './requests.ts';
import type { Task } from './task.ts';

export type Performers = { readonly poller: Poller; readonly lookup: RepositoryLookup };

export class Performer implements TaskPerformer {
  readonly #performers: Performers;

  constructor(performers: Performers) {
    this.#performers = performers;
  }

  async perform(task: Task): Promise<Outcome> {
    try {
      return await this.#begin(task);
    } catch (error) {
      if (error instanceof SendAgain) return { kind: 'put-back' };
      throw error;
    }
  }

  fail(task: Task, error: ApiError): void {
    const { poller, lookup } = this.#performers;
    if (task.kind === 'poll') poller.fail(task, error);
    else if (task.kind === 'lookup') lookup.fail(task, error);
    else task.turns.fail(error);
  }

  belongsInQueue(task: Task): boolean {
    if (task.kind === 'poll') return this.#performers.poller.belongsInQueue(task);
    return task.kind === 'lookup' ? task.watched.lookup === task : task.turns.isAsking;
  }

  #begin(task: Task): Promise<Outcome> {
    const { poller, lookup } = this.#performers;
    if (task.kind === 'poll') return poller.perform(task);
    return task.kind === 'lookup' ? lookup.perform(task) : task.turns.perform();
  }
}
