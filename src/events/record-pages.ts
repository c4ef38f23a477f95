// Chooses the pages of an event center's records to ask for. The API promises no order: where new records come is learnt from their times. Pure.

export const PAGE_SIZE = 100;

/** The times of the records on a page, in milliseconds since the epoch. */
export type PageTimes = { readonly newestMs: number; readonly oldestMs: number };

export type RecordsAnswer = {
  /** Undefined for a page without records. */
  readonly times: PageTimes | undefined;
  /** Whether the next page in the order of time may have more new records. */
  readonly mayGoOn: boolean;
  /** How many records there are, as the API says. */
  readonly totalCount: number;
};

/** Where new records come. */
export type RecordOrder = 'newest-first' | 'oldest-first' | 'any';

/** The most pages of one period. What they do not show is found by polls. */
const MAX_PAGES = 50;
/** The same while records are in no order: the pages of the next period go on from there. */
const MAX_PAGES_UNORDERED = 10;
/** After so many periods both ends of the list are compared again. */
const COMPARED_EVERY = 20;
/** An order need not be exact. */
const MIXED_MS = 60_000;

/** The pages of one period after the other. */
export class RecordPages {
  #order: RecordOrder = 'newest-first';
  #lastPage = 1;
  /** The pages of this period. */
  #asked = new Map<number, PageTimes | undefined>();
  #page = 1;
  #periods = 0;
  /** Whether the ends of the list were compared since it has several pages. */
  #isKnown = false;
  /** Where the next period goes on, while records are in no order. */
  #turn = 1;

  get order(): RecordOrder {
    return this.#order;
  }

  /** Begins a period: its first page. */
  begin(): number {
    this.#asked = new Map();
    this.#page = { 'newest-first': 1, 'oldest-first': this.#lastPage, any: this.#turn }[this.#order];
    return this.#page;
  }

  /** Takes the answer to the present page. Gives the next page, or undefined at the end of the period. */
  next({ times, mayGoOn, totalCount }: RecordsAnswer): number | undefined {
    this.#asked.set(this.#page, times);
    this.#lastPage = Math.max(1, Math.ceil(totalCount / PAGE_SIZE));
    const isCompared = this.#compareEnds();
    const next = this.#nextInOrder(mayGoOn) ?? (isCompared ? undefined : this.#nextEnd());
    if (next === undefined || this.#asked.has(next) || this.#asked.size >= MAX_PAGES) return this.#end();
    this.#page = next;
    return next;
  }

  #end(): undefined {
    this.#periods += 1;
    return undefined;
  }

  #nextInOrder(mayGoOn: boolean): number | undefined {
    if (this.#order === 'any') return this.#nextInTurn();
    // More records came since the number of pages was last known.
    if (this.#order === 'oldest-first' && !this.#asked.has(this.#lastPage)) return this.#lastPage;
    if (!mayGoOn) return undefined;
    const next = this.#order === 'newest-first' ? this.#page + 1 : this.#page - 1;
    return next >= 1 && next <= this.#lastPage ? next : undefined;
  }

  #nextInTurn(): number | undefined {
    if (this.#asked.size >= Math.min(MAX_PAGES_UNORDERED, this.#lastPage)) return undefined;
    do this.#turn = (this.#turn % this.#lastPage) + 1;
    while (this.#asked.has(this.#turn));
    return this.#turn;
  }

  /** An end of the list that has to be compared with the other one in this period. */
  #nextEnd(): number | undefined {
    if (this.#lastPage === 1) this.#isKnown = false;
    if (this.#lastPage === 1 || (this.#isKnown && this.#periods % COMPARED_EVERY !== 0)) return undefined;
    return [1, this.#lastPage].find((page) => !this.#asked.has(page));
  }

  /** Learns the order, if both ends of the list are known. */
  #compareEnds(): boolean {
    const [first, last] = [this.#asked.get(1), this.#asked.get(this.#lastPage)];
    if (this.#lastPage === 1 || first === undefined || last === undefined) return false;
    this.#isKnown = true;
    const isNewestFirst = first.oldestMs >= last.newestMs - MIXED_MS;
    const isOldestFirst = last.oldestMs >= first.newestMs - MIXED_MS;
    if (isNewestFirst && isOldestFirst) return true;
    this.#order = isNewestFirst ? 'newest-first' : isOldestFirst ? 'oldest-first' : 'any';
    return true;
  }
}
