// A binary heap of entries that know their own place in it, so that any of them can be taken out or moved.

/** What lies in a heap. Only the heap writes these fields. */
export type HeapEntry = {
  /** When the entry is due, on the monotonic clock, in milliseconds. */
  dueAtMs: number;
  /** The heap that the entry lies in, and its place there, -1 while it lies in none. */
  heap: Holder | undefined;
  position: number;
};

/** What an entry lies in: it can be taken out whoever has it. */
type Holder = { remove(entry: HeapEntry): void };

/** Entries by `dueAtMs`, earliest first. Adding and taking out cost O(log n), looking at the earliest nothing. */
export class DueHeap<Entry extends HeapEntry> implements Holder {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The entry that is due first. */
  peek(): Entry | undefined {
    return this.#entries[0];
  }

  add(entry: Entry): void {
    entry.heap = this;
    this.#place(entry, this.#entries.length);
    this.#rise(entry);
  }

  remove(entry: HeapEntry): void {
    const last = this.#entries.pop();
    if (last !== undefined && last !== entry) {
      this.#place(last, entry.position);
      this.#sink(last);
      this.#rise(last);
    }
    entry.heap = undefined;
    entry.position = -1;
  }

  /** How many entries are due at `nowMs`. Looks at no more than twice that many. */
  countDue(nowMs: number): number {
    let count = 0;
    const open = [0];
    for (let position = open.pop(); position !== undefined; position = open.pop()) {
      const entry = this.#entries[position];
      if (entry === undefined || entry.dueAtMs > nowMs) continue;
      count += 1;
      open.push(2 * position + 1, 2 * position + 2);
    }
    return count;
  }

  #rise(entry: Entry): void {
    while (entry.position > 0) {
      const parentPosition = (entry.position - 1) >> 1;
      const parent = this.#entries[parentPosition];
      if (parent === undefined || parent.dueAtMs <= entry.dueAtMs) return;
      this.#swap(entry, parent);
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#entries[2 * entry.position + 1];
      const right = this.#entries[2 * entry.position + 2];
      const child = right !== undefined && left !== undefined && right.dueAtMs < left.dueAtMs ? right : left;
      if (child === undefined || child.dueAtMs >= entry.dueAtMs) return;
      this.#swap(entry, child);
    }
  }

  #swap(one: Entry, other: Entry): void {
    const position = one.position;
    this.#place(one, other.position);
    this.#place(other, position);
  }

  #place(entry: Entry, position: number): void {
    this.#entries[position] = entry;
    entry.position = position;
  }
}
