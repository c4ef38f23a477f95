// The items at some places of an order, found without sorting all items: for 100,000 items that would hold the event loop too long.
import { setImmediate as turn } from 'node:timers/promises';

/** What is not known is undefined, and comes last in both directions. */
export type SortValue = number | string | undefined;

/** Items are ordered by the first value that differs. Equal ones stay in the order in which they were added. */
export type ItemOrder<Item> = {
  readonly values: readonly ((item: Item) => SortValue)[];
  readonly descending: boolean;
};

/** Multiples of it, without their whole part, are spread evenly and without a pattern: no order of the items makes the search slow. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** Keeps the sort values of the items, but not the items. */
export class OrderedItems<Item> {
  readonly #columns: readonly { readonly read: (item: Item) => SortValue; readonly values: SortValue[] }[];
  readonly #sign: 1 | -1;
  readonly #numbers: number[] = [];

  constructor({ values, descending }: ItemOrder<Item>) {
    this.#columns = values.map((read) => ({ read, values: [] }));
    this.#sign = descending ? -1 : 1;
  }

  add(item: Item): void {
    this.#numbers.push(this.#numbers.length);
    for (const { read, values } of this.#columns) values.push(read(item));
  }

  /** The items at `limit` places from `offset` on, as numbers: items are numbered from 0 as they were added. */
  async at(offset: number, limit: number): Promise<readonly number[]> {
    const end = Math.min(offset + limit, this.#numbers.length);
    if (offset >= end) return [];
    await this.#divide(0, offset);
    await this.#divide(offset, end - 1);
    return this.#numbers.slice(offset, end).sort((one, other) => this.#compare(one, other));
  }

  /**
   * Moves the numbers from `low` on, so that those before a place are ordered before those behind it (Hoare's quickselect). The event loop gets
   * a turn each time that the numbers were looked through, which takes some milliseconds at first and then less and less.
   */
  async #divide(low: number, place: number): Promise<void> {
    let high = this.#numbers.length - 1;
    for (let pass = 1; low < high; pass += 1) {
      const pivot = low + Math.floor(((pass * GOLDEN_RATIO) % 1) * (high - low + 1));
      const [lastOfLower, firstOfUpper] = this.#partition(low, high, this.#numbers[pivot] ?? 0);
      if (place > lastOfLower) low = firstOfUpper;
      if (place < firstOfUpper) high = lastOfLower;
      await turn();
    }
  }

  /** Moves what is ordered before the pivot before what is ordered behind it. The last place of the former, and the first of the latter. */
  #partition(low: number, high: number, pivot: number): readonly [number, number] {
    const numbers = this.#numbers;
    while (low <= high) {
      while (this.#compare(numbers[low] ?? 0, pivot) < 0) low += 1;
      while (this.#compare(numbers[high] ?? 0, pivot) > 0) high -= 1;
      if (low > high) break;
      [numbers[low], numbers[high]] = [numbers[high] ?? 0, numbers[low] ?? 0];
      low += 1;
      high -= 1;
    }
    return [high, low];
  }

  #compare(one: number, other: number): number {
    for (const { values } of this.#columns) {
      const a = values[one];
      const b = values[other];
      if (a === b) continue;
      if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
      return a < b ? -this.#sign : this.#sign;
    }
    return one - other;
  }
}
