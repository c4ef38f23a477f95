// Entries by due time, with those apart that are due already.
import { Heap, type HeapEntry } from '../util/heap.ts';

/**
 * Entries by `dueAtMs`, earliest first. Adding, removing and becoming due cost O(log n) for each entry. Reading the earliest and the number
 * of due entries costs O(1).
 */
export class DueHeap<Entry extends HeapEntry> {
  /** Entries that were due when they were last counted. */
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

  /** How many entries are due at `nowMs`, which never decreases. */
  countDue(nowMs: number): number {
    for (let next = this.#later.peek(); next !== undefined && next.dueAtMs <= nowMs; next = this.#later.peek()) {
      this.#later.remove(next);
      this.#due.add(next);
    }
    return this.#due.size;
  }
}
