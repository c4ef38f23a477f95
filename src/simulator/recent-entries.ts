// A list that keeps its last entries: the logs of the simulator.

/** Numbers entries from 0 on, and keeps the last `capacity` of them. */
export class RecentEntries<Entry> {
  readonly #capacity: number;
  readonly #entries: Entry[] = [];
  #total = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The number of all entries so far: the index of the next. */
  get total(): number {
    return this.#total;
  }

  /** The index of the oldest entry that is kept. */
  get first(): number {
    return Math.max(0, this.#total - this.#capacity);
  }

  add(entry: Entry): void {
    this.#entries[this.#total % this.#capacity] = entry;
    this.#total++;
  }

  /** At most `limit` entries from index `since` on, oldest first. */
  page(since: number, limit: number): Entry[] {
    const entries: Entry[] = [];
    for (let index = Math.max(since, this.first); index < this.#total && entries.length < limit; index++) {
      const entry = this.#entries[index % this.#capacity];
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }
}
