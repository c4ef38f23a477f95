// How many may be served at once, of each client and of all together.

type Limits = { readonly mostEach: number; readonly most: number };

export class ConcurrencyLimit {
  readonly #limits: Limits;
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Takes a place for a client until the returned function is called, once. Undefined when there is none. */
  take(client: string): (() => void) | undefined {
    const own = this.#taken.get(client) ?? 0;
    if (own >= this.#limits.mostEach || this.#all >= this.#limits.most) return undefined;
    this.#set(client, own + 1);
    return () => this.#set(client, (this.#taken.get(client) ?? 0) - 1);
  }

  #set(client: string, count: number): void {
    this.#all += count - (this.#taken.get(client) ?? 0);
    if (count === 0) this.#taken.delete(client);
    else this.#taken.set(client, count);
  }
}
