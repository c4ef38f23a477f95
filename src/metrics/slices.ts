// Long work without holding up the event loop: it is cut into slices, with everything else getting a turn in between.

/** Shares one slice per turn of the event loop between all work given to it. */
export class Slices {
  readonly #sliceMs: number;
  /** Resolves when the next slice may begin. */
  #turn: Promise<void> = Promise.resolve();

  /** @param sliceMs how long one slice may take, in milliseconds; it ends with the step in which that is over, so each has at least one */
  constructor(sliceMs = 5) {
    this.#sliceMs = sliceMs;
  }

  /**
   * Calls `step` until it returns false. The first slice begins at once when no other work is under way.
   *
   * @param step a small part of the work; returns whether there is more. What it throws rejects the promise.
   */
  async run(step: () => boolean): Promise<void> {
    for (let more = true; more; ) more = await this.#take(step);
  }

  /** Calls `use` for each item, in as many steps as there are items. */
  async each<Item>(items: readonly Item[], use: (item: Item) => void): Promise<void> {
    const rest = items.values();
    await this.run(() => {
      const next = rest.next();
      if (next.done) return false;
      use(next.value);
      return true;
    });
  }

  #take(step: () => boolean): Promise<boolean> {
    const taken = this.#turn.then(() => this.#slice(step));
    this.#turn = taken.then(nextTurn, nextTurn);
    return taken;
  }

  #slice(step: () => boolean): boolean {
    const deadline = performance.now() + this.#sliceMs;
    while (step()) if (performance.now() >= deadline) return true;
    return false;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
