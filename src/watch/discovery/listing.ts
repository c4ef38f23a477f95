// A list that the API hands out in pages and that may change while it does. Pure: pages come in.

export const PAGE_SIZE = 100;

/** One page of a list. */
export type Page<Item> = {
  readonly items: readonly Item[];
  /** How many the list has, as the API says: a hint at most. */
  readonly totalCount: number | undefined;
};

/**
 * Puts pages together. Items may be repeated or left out where the list moves between two pages: what is in a listing of several
 * pages is there, what it lacks need not be gone, so a second listing can be added to the first. The number of items that the API tells
 * is a hint: more is asked for while it says that there is more, and full pages that end below it are no list to go by.
 */
export class Listing<Item> {
  readonly #keyOf: (item: Item) => string;
  readonly #items = new Map<string, Item>();
  /** The keys that the present run has brought. */
  #run = new Set<string>();
  #pageNo = 1;
  #isWhole = false;
  #totalCount = 0;

  /** @param keyOf what an item is known by */
  constructor(keyOf: (item: Item) => string) {
    this.#keyOf = keyOf;
  }

  /** The page to ask for. */
  get pageNo(): number {
    return this.#pageNo;
  }

  /** Whether the last page of this run was taken. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Whether this run is one page, which the API made at one moment. */
  get isSnapshot(): boolean {
    return this.#isWhole && this.#pageNo === 1 && !this.isDoubtful;
  }

  /** Whether this run ended with nothing where the API says that there is more: after full pages only, or before any item. */
  get isDoubtful(): boolean {
    return this.#isWhole && this.#run.size < this.#totalCount && this.#run.size % PAGE_SIZE === 0;
  }

  /** What this run brought, and what the API says, for people. */
  get shortfall(): string {
    return `expected ${this.#totalCount} items, as TotalCount says, found ${this.#run.size} and then none`;
  }

  /** By key; of an item that came twice the later form. */
  get items(): ReadonlyMap<string, Item> {
    return this.#items;
  }

  /** Takes the page that was asked for. */
  add({ items, totalCount }: Page<Item>): void {
    const before = this.#run.size;
    for (const item of items) {
      const key = this.#keyOf(item);
      this.#run.add(key);
      this.#items.set(key, item);
    }
    this.#totalCount = totalCount ?? 0;
    const isLast = items.length < PAGE_SIZE && this.#run.size >= this.#totalCount;
    const bringsNothing = this.#run.size === before;
    this.#isWhole = isLast || bringsNothing;
    if (!this.#isWhole) this.#pageNo += 1;
  }

  /** Starts a second run; what the first has brought stays. */
  again(): void {
    this.#run = new Set();
    this.#pageNo = 1;
    this.#isWhole = false;
  }
}
