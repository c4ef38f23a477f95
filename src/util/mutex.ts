// Changes of what is watched, one after the other: a reload, a listing or a lookup must not meet another one half done.

export class Mutex {
  #last: Promise<unknown> = Promise.resolve();
  /** How many are under way or wait. */
  #open = 0;
  readonly #onError: (error: unknown) => void;

  /** @param onError told what a change threw that waited for its turn without anyone waiting for it */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Runs a change that takes several turns of the event loop when all before it have ended. Gives its result. */
  run<Result>(change: () => Promise<Result>): Promise<Result> {
    return this.#begin(() => this.#last.then(change));
  }

  /** Makes a change: it begins at once when no other is under way, else after those. What is short has then been made. */
  soon(change: () => Promise<void>): void {
    const isFree = this.#open === 0;
    this.#begin(() => (isFree ? change() : this.#last.then(change))).catch(this.#onError);
  }

  #begin<Result>(change: () => Promise<Result>): Promise<Result> {
    this.#open += 1;
    const result = change().finally(() => {
      this.#open -= 1;
    });
    this.#last = result.catch(() => {});
    return result;
  }
}
