// Which task comes next: three groups, the most urgent first, and a guaranteed share for the others. Pure: time comes in.
import { DueHeap, type HeapEntry } from './heap.ts';

/** From the most urgent to the least: a scan under way; never yet answered (lookups too); everything else. */
export const GROUPS = ['running', 'unanswered', 'settled'] as const;
export type Group = (typeof GROUPS)[number];

/** A group with something due gets at least one of this many consecutive requests. */
const SHARE = 5;

/** What lies in the queue. Only the queue writes these fields. */
export type QueueEntry = HeapEntry & { group: Group };

/** What is due, as `acr_scheduler_due_tags` and `acr_scheduler_oldest_due_seconds` show it. */
export type Backlog = {
  readonly urgent: { readonly due: number; readonly oldestMs: number };
  readonly background: { readonly due: number; readonly oldestMs: number };
};

/** The tasks of one set of credentials. All times are monotonic milliseconds. */
export class DueQueue<Entry extends QueueEntry> {
  readonly #heaps: Readonly<Record<Group, DueHeap<Entry>>> = {
    running: new DueHeap(),
    unanswered: new DueHeap(),
    settled: new DueHeap(),
  };
  /** How many requests in a row went to other groups while this one had something due. */
  readonly #passedOver: Record<Group, number> = { running: 0, unanswered: 0, settled: 0 };

  get size(): number {
    return GROUPS.reduce((sum, group) => sum + this.#heaps[group].size, 0);
  }

  /** Puts a task in, or moves the one that is there. */
  put(entry: Entry, group: Group, dueAtMs: number): void {
    this.remove(entry);
    entry.group = group;
    entry.dueAtMs = dueAtMs;
    this.#heaps[group].add(entry);
  }

  /** Takes a task out of the queue that it is in, be it another one; one that is in none is left alone. */
  remove(entry: Entry): void {
    entry.heap?.remove(entry);
  }

  /** Takes out the task whose request is to start at `nowMs`; undefined when nothing is due. `Infinity` takes one in any case. */
  take(nowMs: number): Entry | undefined {
    const due = GROUPS.filter((group) => this.#isDue(group, nowMs));
    const chosen = this.#choose(due);
    if (chosen === undefined) return undefined;
    for (const group of GROUPS) {
      this.#passedOver[group] = due.includes(group) && group !== chosen ? this.#passedOver[group] + 1 : 0;
    }
    const entry = this.#heaps[chosen].peek();
    if (entry !== undefined) this.remove(entry);
    return entry;
  }

  /** When the next task is (or was) due; undefined when the queue is empty. */
  nextDueAtMs(): number | undefined {
    const times = GROUPS.flatMap((group) => this.#heaps[group].peek()?.dueAtMs ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  backlog(nowMs: number): Backlog {
    const { running, unanswered, settled } = this.#heaps;
    const overdueMs = (heap: DueHeap<Entry>) => Math.max(0, nowMs - (heap.peek()?.dueAtMs ?? nowMs));
    return {
      urgent: {
        due: running.countDue(nowMs) + unanswered.countDue(nowMs),
        oldestMs: Math.max(overdueMs(running), overdueMs(unanswered)),
      },
      background: { due: settled.countDue(nowMs), oldestMs: overdueMs(settled) },
    };
  }

  #isDue(group: Group, nowMs: number): boolean {
    const first = this.#heaps[group].peek();
    return first !== undefined && first.dueAtMs <= nowMs;
  }

  /**
   * The most urgent group, unless another one's share would be missed. Two groups may need the same request; so when both
   * are within one request of missing theirs, the closer one goes now.
   */
  #choose(due: readonly Group[]): Group | undefined {
    const [first, ...others] = due;
    const slack = (group: Group) => SHARE - 1 - this.#passedOver[group];
    const [pressing, next] = others.sort((a, b) => slack(a) - slack(b));
    if (pressing === undefined || slack(pressing) > 1) return first;
    const contended = next !== undefined && slack(next) <= 1;
    return slack(pressing) === 0 || contended ? pressing : first;
  }
}
