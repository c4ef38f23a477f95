// Splits long synchronous work into steps: the event loop gets a turn after a number of them.
import { setImmediate } from 'node:timers/promises';

/** A step of a reconciliation takes some microseconds: 250 take about two milliseconds. */
const STEPS = 250;

/** Call it after every step. It returns a promise to await when the event loop gets a turn, else undefined. */
export type MaybeYield = () => Promise<void> | undefined;

/** Counts the steps of all work that shares the object. */
export class YieldEvery {
  readonly #turn: () => Promise<void>;
  readonly #every: number;
  #steps = 0;

  /**
   * @param turn resolves after a turn of the event loop
   * @param every the number of steps between two turns
   */
  constructor(turn: () => Promise<void> = setImmediate, every = STEPS) {
    this.#turn = turn;
    this.#every = every;
  }

  /** Counts a step. */
  readonly next: MaybeYield = () => {
    this.#steps += 1;
    if (this.#steps < this.#every) return undefined;
    this.#steps = 0;
    return this.#turn();
  };

  /** Counts steps that were made at once, so the next turn comes earlier. */
  count(steps: number): void {
    this.#steps += steps;
  }

  /** Calls `action` for each item, one per step. Items that are added to a set or map meanwhile are included, removed items are not. */
  async each<Item>(items: Iterable<Item>, action: (item: Item) => void): Promise<void> {
    for (const item of items) {
      action(item);
      const turn = this.next();
      if (turn !== undefined) await turn;
    }
  }
}
