// Which task comes next: three groups of tags, the most urgent first, a guaranteed share for the others, and discovery. Pure: time
// comes in.
import { DueHeap, type HeapEntry } from './due-heap.ts';

/** From the most urgent to the least: a scan under way; never yet answered (lookups too); everything else. */
export const GROUPS = ['running', 'unanswered', 'settled'] as const;
export type Group = (typeof GROUPS)[number];

/** Where a task waits: a group of tags; the lookups, which belong to those never yet answered; the requests of discovery, which go in their turns. */
export type Line = Group | 'lookup' | 'discovery';

/** A group with something due gets at least one of this many consecutive requests. */
const SHARE = 5;

/** After a request of discovery, so many go to tags while any are due: discovery gets one of every three at most. */
const TAGS_BETWEEN_DISCOVERY = 2;

/** What lies in the queue. Only the queue writes these fields. */
export type QueueEntry = HeapEntry & { line: Line };

/** Tags that are due, as `acr_scheduler_due_tags` and `acr_scheduler_oldest_due_seconds` show it. */
export type Backlog = {
  readonly urgent: { readonly due: number; readonly oldestMs: number };
  readonly background: { readonly due: number; readonly oldestMs: number };
};

/** The tasks of one set of credentials. All times are monotonic milliseconds. */
export class DueQueue<Entry extends QueueEntry> {
  readonly #heaps: Readonly<Record<Line, DueHeap<Entry>>> = {
    running: new DueHeap(),
    unanswered: new DueHeap(),
    settled: new DueHeap(),
    lookup: new DueHeap(),
    discovery: new DueHeap(),
  };
  /** How many requests in a row went to tags since the last one of discovery: to any, and to those never yet answered. */
  #tagsSinceDiscovery = Number.POSITIVE_INFINITY;
  #unansweredSinceDiscovery = Number.POSITIVE_INFINITY;
  /** How many requests in a row went to other groups while this one had something due. */
  readonly #passedOver: Record<Group, number> = { running: 0, unanswered: 0, settled: 0 };

  get size(): number {
    return Object.values(this.#heaps).reduce((sum, heap) => sum + heap.size, 0);
  }

  /** Puts a task in, or moves the one that is there. */
  put(entry: Entry, line: Line, dueAtMs: number): void {
    this.remove(entry);
    entry.line = line;
    entry.dueAtMs = dueAtMs;
    this.#heaps[line].add(entry);
  }

  /** Takes a task out of the queue that it is in, be it another one; one that is in none is left alone. */
  remove(entry: Entry): void {
    entry.heap?.remove(entry);
  }

  /** Takes out the task whose request is to start at `nowMs`; undefined when nothing is due. `Infinity` takes one in any case. */
  take(nowMs: number): Entry | undefined {
    const tagsDue = GROUPS.filter((group) => linesOf(group).some((line) => this.#isDue(line, nowMs)));
    const mayDiscover =
      this.#isDue('discovery', nowMs) && (tagsDue.length === 0 || this.#tagsSinceDiscovery >= TAGS_BETWEEN_DISCOVERY);
    const due = GROUPS.filter((group) => tagsDue.includes(group) || (group === 'unanswered' && mayDiscover));
    const chosen = this.#choose(due);
    if (chosen === undefined) return undefined;
    for (const group of GROUPS) {
      this.#passedOver[group] = due.includes(group) && group !== chosen ? this.#passedOver[group] + 1 : 0;
    }
    const discovers = chosen === 'unanswered' && mayDiscover && this.#discoveryGoesFirst(tagsDue);
    const line = discovers ? 'discovery' : this.#longestOverdue(chosen);
    this.#count(line);
    const entry = this.#heaps[line].peek();
    if (entry !== undefined) this.remove(entry);
    return entry;
  }

  #longestOverdue(group: Group): Line {
    const dueAtMs = (line: Line) => this.#heaps[line].peek()?.dueAtMs ?? Number.POSITIVE_INFINITY;
    return linesOf(group).reduce<Line>((first, other) => (dueAtMs(other) < dueAtMs(first) ? other : first), group);
  }

  /** In a turn of those never yet answered: two of their tags, then one request of discovery. */
  #discoveryGoesFirst(tagsDue: readonly Group[]): boolean {
    return !tagsDue.includes('unanswered') || this.#unansweredSinceDiscovery >= TAGS_BETWEEN_DISCOVERY;
  }

  #count(line: Line): void {
    this.#tagsSinceDiscovery = line === 'discovery' ? 0 : this.#tagsSinceDiscovery + 1;
    if (line === 'discovery') this.#unansweredSinceDiscovery = 0;
    if (line === 'unanswered' || line === 'lookup') this.#unansweredSinceDiscovery += 1;
  }

  /** When the next task is (or was) due; undefined when the queue is empty. */
  nextDueAtMs(): number | undefined {
    const times = Object.values(this.#heaps).flatMap((heap) => heap.peek()?.dueAtMs ?? []);
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

  #isDue(line: Line, nowMs: number): boolean {
    const first = this.#heaps[line].peek();
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

/** Where the tasks of a group wait. */
function linesOf(group: Group): readonly Line[] {
  return group === 'unanswered' ? ['unanswered', 'lookup'] : [group];
}
