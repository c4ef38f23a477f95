// A list that the API hands out in pages and that may change while it does. Pure: pages come in.

export const PAGE_SIZE = 100;

/** No list has more pages than that; of one that says how many items it has, no more than if each page had a tenth of what it may have. */
const MOST_PAGES = 5_000;
const PAGES_IN_ANY_CASE = 1_000;
const SMALLEST_PAGE = PAGE_SIZE / 10;

/** Which page to ask for. The token is empty on the first page, and where the API only counts pages. */
export type Position = { readonly pageNo: number; readonly token: string };
export const FIRST_PAGE: Position = { pageNo: 1, token: '' };

/** One page of a list. */
export type Page<Item> = {
  readonly items: readonly Item[];
  /** How many more the page has that count as gone: they are being deleted. */
  readonly going: number;
  /** How many the list has, as the API says: a hint at most. */
  readonly totalCount: number | undefined;
  /** Leads to the next page; empty on the last one, and where the API only counts pages. */
  readonly nextToken: string;
};

/**
 * Puts pages together, by token where the API gives one, else by number. By number, items may be repeated or left out where the list moves
 * between two pages: what is in a listing of several pages is there, what it lacks need not be gone, so a second listing can be added to
 * the first. The number of items that the API tells is a hint: more is asked for while it says that there is more, and full pages that end
 * below it are no list to go by. By token, the list is that of one moment, and the API says where it ends.
 */
export class Listing<Item> {
  readonly #keyOf: (item: Item) => string;
  readonly #items = new Map<string, Item>();
  /** The keys that the present run has brought. */
  #run = new Set<string>();
  #going = 0;
  #pageNo = 1;
  #token = '';
  /** Those that the present run has brought. */
  #tokens = new Set<string>();
  #isCircle = false;
  #isEndless = false;
  #isWhole = false;
  #totalCount = 0;
  /** How many pages this run may have, by what its first page says. */
  #mostPages = MOST_PAGES;

  /** @param keyOf what an item is known by */
  constructor(keyOf: (item: Item) => string) {
    this.#keyOf = keyOf;
  }

  /** The page to ask for. */
  get position(): Position {
    return { pageNo: this.#pageNo, token: this.#token };
  }

  /** Whether this run was given up, because it had more pages than any list has. */
  get isEndless(): boolean {
    return this.#isEndless;
  }

  /** Whether the last page of this run was taken, or it was given up. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Whether the API made this run at one moment: it is one page, or goes by token. */
  get isSnapshot(): boolean {
    return this.#isWhole && (this.#pageNo === 1 || this.#isByToken) && !this.isDoubtful;
  }

  /**
   * Whether this run leads in a circle, or ended with nothing where the API says that there is more: after full pages only, or before
   * any item.
   */
  get isDoubtful(): boolean {
    if (this.#isEndless) return true;
    if (!this.#isWhole || this.#isByToken) return this.#isCircle;
    return this.#found < this.#totalCount && this.#found % PAGE_SIZE === 0;
  }

  /** What this run brought, and what the API says, for people. */
  get shortfall(): string {
    if (this.#isEndless) {
      return `expected the end of the list within ${this.#pageNo} pages, found another page after ${this.#found} items (TotalCount: ${this.#totalCount})`;
    }
    return this.#isCircle
      ? `expected a new NextToken on each page, found one that came before, after ${this.#found} items`
      : `expected ${this.#totalCount} items, as TotalCount says, found ${this.#found} and then none`;
  }

  /** By key; of an item that came twice the later form. */
  get items(): ReadonlyMap<string, Item> {
    return this.#items;
  }

  /** Takes the page that was asked for. */
  add({ items, going, totalCount, nextToken }: Page<Item>): void {
    const before = this.#run.size;
    for (const item of items) {
      const key = this.#keyOf(item);
      this.#run.add(key);
      this.#items.set(key, item);
    }
    this.#going += going;
    this.#totalCount = totalCount ?? 0;
    if (this.#pageNo === 1) this.#mostPages = mostPages(totalCount);
    if (nextToken !== '') this.#isCircle = this.#tokens.has(nextToken);
    const isLast = items.length + going < PAGE_SIZE && this.#found >= this.#totalCount;
    const bringsNothing = this.#run.size === before && going === 0;
    this.#isWhole = nextToken === '' ? this.#isByToken || isLast || bringsNothing : this.#isCircle;
    if (!this.#isWhole && this.#pageNo >= this.#mostPages) {
      this.#isEndless = true;
      this.#isWhole = true;
    }
    if (this.#isWhole) return;
    this.#pageNo += 1;
    this.#token = nextToken;
    if (nextToken !== '') this.#tokens.add(nextToken);
  }

  /** Starts a second run; what the first has brought stays. */
  again(): void {
    this.#run = new Set();
    this.#going = 0;
    this.#pageNo = 1;
    this.#token = '';
    this.#tokens = new Set();
    this.#isCircle = false;
    this.#isEndless = false;
    this.#isWhole = false;
  }

  get #isByToken(): boolean {
    return this.#token !== '';
  }

  get #found(): number {
    return this.#run.size + this.#going;
  }
}

function mostPages(totalCount: number | undefined): number {
  if (totalCount === undefined) return MOST_PAGES;
  return Math.min(MOST_PAGES, Math.max(PAGES_IN_ANY_CASE, Math.ceil(totalCount / SMALLEST_PAGE)));
}
