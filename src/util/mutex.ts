// Runs changes one after the other. A reload, a discovery run or a lookup never sees another change of the watch list half done.

export class Mutex {
  #last: Promise<unknown> = Promise.resolve();
  /** The number of changes that run or wait. */
  #open = 0;
  readonly #onError: (error: unknown) => void;

  /** @param onError called with the error of a change that was given to {@link soon} */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Runs a change when all changes before it have ended. Gives its result. */
  run<Result>(change: () => Promise<Result>): Promise<Result> {
    return this.#begin(() => this.#last.then(change));
  }

  /** Starts a change without waiting for its end: synchronously if no other change runs, else after those. */
  soon(change: () => Promise<void>): void {
    const isFree = this.#open === 0;
    this.#begin(() => (isFree ? change() : this.#last.then(change))).catch(this.#onError);
  }

  /** Whether a change runs or waits. */
  get isBusy(): boolean {
    return this.#open > 0;
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
