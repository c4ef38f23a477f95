// Work of some milliseconds that hundreds of clients may ask for at once: each piece begins in a turn of the event loop of its own, so that a
// probe waits for one of them and not for all.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FairQueue } from './fair-queue.ts';

export class Turns {
  readonly #queue = new FairQueue({ mostEach: Number.POSITIVE_INFINITY, most: Number.POSITIVE_INFINITY });

  /** Resolves in a turn in which nothing else that waits here begins. Clients are served by turns, whatever the number that each has waiting. */
  next(client: string): Promise<void> {
    return this.#queue.add(client, () => nextTurn());
  }
}
