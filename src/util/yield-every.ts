// Long work on many small things without holding up the event loop: after every few hundred of them everything else gets a turn.

/** A step costs some microseconds, with what its observers make of it: so many take about two milliseconds. */
const STEPS = 250;

/** Called after every step. Gives a promise to wait for when it is time to let the event loop turn. */
export type Breather = () => Promise<void> | undefined;

/** Counts the steps of all work that shares it. */
export class Breath {
  readonly #turn: () => Promise<void>;
  #steps = 0;

  /** @param turn lets the event loop turn */
  constructor(turn: () => Promise<void>) {
    this.#turn = turn;
  }

  /** A step was taken. */
  readonly next: Breather = () => {
    this.#steps += 1;
    if (this.#steps < STEPS) return undefined;
    this.#steps = 0;
    return this.#turn();
  };

  /** So many steps were taken in one go: the next break is due earlier. */
  count(steps: number): void {
    this.#steps += steps;
  }

  /** Calls `action` for each, a step at a time. What is added meanwhile to a set or map counts, what is removed does not. */
  async each<Item>(items: Iterable<Item>, action: (item: Item) => void): Promise<void> {
    for (const item of items) {
      action(item);
      const pause = this.next();
      if (pause !== undefined) await pause;
    }
  }
}
