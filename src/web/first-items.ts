// The first items of many in an order, without keeping the others.

/** At most twice `count` items are kept at a time. Equal ones stay in the order in which they were added. */
export class FirstItems<Item> {
  readonly #count: number;
  readonly #compare: (one: Item, other: Item) => number;
  readonly #items: Item[] = [];
  #last: Item | undefined;

  constructor(count: number, compare: (one: Item, other: Item) => number) {
    this.#count = count;
    this.#compare = compare;
  }

  add(item: Item): void {
    if (this.#last !== undefined && this.#compare(item, this.#last) >= 0) return;
    this.#items.push(item);
    if (this.#items.length < 2 * this.#count) return;
    this.#items.sort(this.#compare).length = this.#count;
    this.#last = this.#items.at(-1);
  }

  /** At most `count`. */
  sorted(): readonly Item[] {
    return this.#items.sort(this.#compare).slice(0, this.#count);
  }
}
