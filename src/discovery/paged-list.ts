// A list that is read in pages and may change between two of them. Pure: it makes no requests.

export const PAGE_SIZE = 100;

/**
 * A list has at most `MAX_PAGES` pages. With a TotalCount the limit is lower: as many pages as there are if each has a tenth of its possible
 * items, but at least `MIN_PAGE_LIMIT`.
 */
const MAX_PAGES = 5_000;
const MIN_PAGE_LIMIT = 1_000;
const MIN_PAGE_ITEMS = PAGE_SIZE / 10;

/** Which page to ask for. The token is empty for the first page, and with an API that only numbers pages. */
export type Position = { readonly pageNo: number; readonly token: string };
export const FIRST_PAGE: Position = { pageNo: 1, token: '' };

/** One page of a list. */
export type Page<Item> = {
  readonly items: readonly Item[];
  /** How many more items the page has that are being deleted. They count as gone. */
  readonly deleting: number;
  /** How many items the list has, as the API says. Only a hint. */
  readonly totalCount: number | undefined;
  /** The token of the next page; empty on the last page, and with an API that only numbers pages. */
  readonly nextToken: string;
};

/**
 * Joins pages, by token if the API gives one, else by number.
 *
 * By number, items may be repeated or missing when the list changes between two pages. An item in a list of several pages exists, but a
 * missing one need not be gone; therefore a second attempt adds to the first. TotalCount is a hint: more pages are read while it says that
 * there are more items, and a list of full pages that ends below it is doubtful.
 *
 * By token, the list is of one moment, and the API says where it ends.
 */
export class PagedList<Item> {
  readonly #keyOf: (item: Item) => string;
  readonly #items = new Map<string, Item>();
  /** The keys of the present attempt. */
  #keys = new Set<string>();
  #deleting = 0;
  #pageNo = 1;
  #token = '';
  /** The tokens of the present attempt. */
  #tokens = new Set<string>();
  #isCircle = false;
  #isEndless = false;
  #isComplete = false;
  #totalCount = 0;
  /** How many pages this attempt may have, after its first page. */
  #maxPages = MAX_PAGES;

  /** @param keyOf the identity of an item */
  constructor(keyOf: (item: Item) => string) {
    this.#keyOf = keyOf;
  }

  /** The page to ask for. */
  get position(): Position {
    return { pageNo: this.#pageNo, token: this.#token };
  }

  /** Whether this attempt was given up because it had too many pages. */
  get isEndless(): boolean {
    return this.#isEndless;
  }

  /** Whether this attempt has its last page, or was given up. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether this attempt is of one moment: it has one page, or goes by token. */
  get isSnapshot(): boolean {
    return this.#isComplete && (this.#pageNo === 1 || this.#isByToken) && !this.isDoubtful;
  }

  /**
   * Whether a token of this attempt came twice, or the list ended although the API says that there is more: after full pages only, or
   * before any item.
   */
  get isDoubtful(): boolean {
    if (this.#isEndless) return true;
    if (!this.#isComplete || this.#isByToken) return this.#isCircle;
    return this.#found < this.#totalCount && this.#found % PAGE_SIZE === 0;
  }

  /** For an error message: why this attempt is doubtful. */
  get shortfall(): string {
    if (this.#isEndless) {
      return `expected the end of the list within ${this.#pageNo} pages, found another page after ${this.#found} items (TotalCount: ${this.#totalCount})`;
    }
    return this.#isCircle
      ? `expected a new NextToken on each page, found one that came before, after ${this.#found} items`
      : `expected ${this.#totalCount} items, as TotalCount says, found ${this.#found} and then none`;
  }

  /** The items of all attempts by key; of an item that came twice, the later one. */
  get items(): ReadonlyMap<string, Item> {
    return this.#items;
  }

  /** Adds the page at {@link PagedList.position}. */
  add({ items, deleting, totalCount, nextToken }: Page<Item>): void {
    const before = this.#keys.size;
    for (const item of items) {
      const key = this.#keyOf(item);
      this.#keys.add(key);
      this.#items.set(key, item);
    }
    this.#deleting += deleting;
    this.#totalCount = totalCount ?? 0;
    if (this.#pageNo === 1) this.#maxPages = maxPagesOf(totalCount);
    if (nextToken !== '') this.#isCircle = this.#tokens.has(nextToken);
    const isLast = items.length + deleting < PAGE_SIZE && this.#found >= this.#totalCount;
    const bringsNothing = this.#keys.size === before && deleting === 0;
    this.#isComplete = nextToken === '' ? this.#isByToken || isLast || bringsNothing : this.#isCircle;
    if (!this.#isComplete && this.#pageNo >= this.#maxPages) {
      this.#isEndless = true;
      this.#isComplete = true;
    }
    if (this.#isComplete) return;
    this.#pageNo += 1;
    this.#token = nextToken;
    if (nextToken !== '') this.#tokens.add(nextToken);
  }

  /** Starts another attempt. The items of the first stay. */
  restart(): void {
    this.#keys = new Set();
    this.#deleting = 0;
    this.#pageNo = 1;
    this.#token = '';
    this.#tokens = new Set();
    this.#isCircle = false;
    this.#isEndless = false;
    this.#isComplete = false;
  }

  get #isByToken(): boolean {
    return this.#token !== '';
  }

  get #found(): number {
    return this.#keys.size + this.#deleting;
  }
}

function maxPagesOf(totalCount: number | undefined): number {
  if (totalCount === undefined) return MAX_PAGES;
  return Math.min(MAX_PAGES, Math.max(MIN_PAGE_LIMIT, Math.ceil(totalCount / MIN_PAGE_ITEMS)));
}
