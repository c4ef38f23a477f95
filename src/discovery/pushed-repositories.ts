// Lists the tags of single repositories between the runs of discovery, because an event says that an image was pushed.

import type { FoundRepository } from '../model/target.ts';
import { Cancelled } from './discovery-requests.ts';

/** The names of a repository. */
export type PushedRepository = Pick<FoundRepository, 'namespace' | 'name'>;

/** If more repositories wait, the next run lists the others. */
const MAX_WAITING = 1_000;

export type PushedRepositoriesOptions = {
  /** Lists the tags of a repository. Rejects with `Cancelled` when the discovery ends. */
  readonly list: (names: PushedRepository) => Promise<void>;
  /** Called with errors of our own code. */
  readonly report: (error: unknown) => void;
};

/** One repository is listed at a time, in the order of the pushes. */
export class PushedRepositories {
  readonly #options: PushedRepositoriesOptions;
  readonly #waiting = new Map<string, PushedRepository>();
  #isListing = false;

  constructor(options: PushedRepositoriesOptions) {
    this.#options = options;
  }

  /** Lists a repository as soon as possible. A listing that has begun before does not count. False if too many wait. */
  add({ namespace, name }: PushedRepository): boolean {
    const key = JSON.stringify([namespace, name]);
    if (!this.#waiting.has(key) && this.#waiting.size >= MAX_WAITING) return false;
    this.#waiting.set(key, { namespace, name });
    if (!this.#isListing) void this.#listAll();
    return true;
  }

  async #listAll(): Promise<void> {
    this.#isListing = true;
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) break;
      const [key, names] = next;
      this.#waiting.delete(key);
      try {
        await this.#options.list(names);
      } catch (error) {
        if (error instanceof Cancelled) this.#waiting.clear();
        else this.#options.report(error);
      }
    }
    this.#isListing = false;
  }
}
