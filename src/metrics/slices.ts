// Long work without holding up the event loop: it is cut into slices, with everything else getting a turn in between.

/** How long one slice may take, in milliseconds; one step more than that at most. */
const SLICE_MS = 5;

/** Shares one slice per turn of the event loop between all work given to it. */
export class Slices {
  /** Resolves when the next slice may begin. */
  #turn: Promise<void> = Promise.resolve();

  /**
   * Calls `step` until it returns false. The first slice begins at once when no other work is under way.
   *
   * @param step a small part of the work; returns whether there is more. What it throws rejects the promise.
   */
  async run(step: () => boolean): Promise<void> {
    for (let more = true; more; ) more = await this.#take(step);
  }

  #take(step: () => boolean): Promise<boolean> {
    const taken = this.#turn.then(() => slice(step));
    this.#turn = taken.then(nextTurn, nextTurn);
    return taken;
  }
}

function slice(step: () => boolean): boolean {
  const deadline = performance.now() + SLICE_MS;
  while (step()) if (performance.now() >= deadline) return true;
  return false;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
