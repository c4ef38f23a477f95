// A binary heap of entries by due time. Each entry knows its place, so that any entry can be removed or moved.

/** The fields of an entry. Only the heap writes them. */
export type HeapEntry = {
  /** When the entry is due, on the monotonic clock, in milliseconds. */
  dueAtMs: number;
  /** The heap that has the entry; undefined while none has. */
  heap: Holder | undefined;
  /** The place in the heap; -1 while no heap has the entry. */
  position: number;
};

/** The heap of an entry, without the type of its entries. */
type Holder = { remove(entry: HeapEntry): void };

/** Entries by `dueAtMs`, earliest first. Adding and removing cost O(log n), reading the earliest costs O(1). */
export class Heap<Entry extends HeapEntry> implements Holder {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

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
