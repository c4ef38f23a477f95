// Entries by when they are due, which know their own place, so that any of them can be taken out or moved.

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

/**
 * Entries by `dueAtMs`, earliest first. Adding, taking out and becoming due cost O(log n) for each entry, looking at the earliest and
 * counting those that are due nothing.
 */
export class DueHeap<Entry extends HeapEntry> {
  /** Due when they were last counted. */
  readonly #due = new Heap<Entry>();
  readonly #later = new Heap<Entry>();

  get size(): number {
    return this.#due.size + this.#later.size;
  }

  /** The entry that is due first. */
  peek(): Entry | undefined {
    const [due, later] = [this.#due.peek(), this.#later.peek()];
    if (due === undefined || later === undefined) return due ?? later;
    return later.dueAtMs < due.dueAtMs ? later : due;
  }

  add(entry: Entry): void {
    this.#later.add(entry);
  }

  /** How many entries are due at `nowMs`, which never goes back. */
  countDue(nowMs: number): number {
    for (let next = this.#later.peek(); next !== undefined && next.dueAtMs <= nowMs; next = this.#later.peek()) {
      this.#later.remove(next);
      this.#due.add(next);
    }
    return this.#due.size;
  }
}

/** A binary heap. */
class Heap<Entry extends HeapEntry> implements Holder {
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
