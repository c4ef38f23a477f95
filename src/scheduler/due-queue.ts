// Chooses the next task: four groups of tags by urgency, each with a guaranteed share, and discovery. Pure: the time is an argument.
import type { HeapEntry } from '../util/heap.ts';
import { DueHeap } from './due-heap.ts';

/** The groups of tags, the most urgent first: an event has just announced news; the scan is under way; no answer yet; everything else. */
export const TAG_GROUPS = ['woken', 'running', 'unanswered', 'settled'] as const;
export type TagGroup = (typeof TAG_GROUPS)[number];

/**
 * The groups of tasks. Each has its own heap. Requests for events share the turns of the group `woken`, lookups and requests of discovery those of
 * `unanswered`.
 */
export type TaskGroup = TagGroup | 'events' | 'lookup' | 'discovery';

/** A group with due tasks gets at least one of this many consecutive requests. */
const SHARE = 5;

/** After a request of discovery, the next two go to tags if any are due: discovery gets at most a third of the requests. */
const TAGS_BETWEEN_DISCOVERY = 2;

/** The fields of a task in the queue. Only the queue writes them. */
export type QueueEntry = HeapEntry & { group: TaskGroup };

/** Due tags, as in `acr_scheduler_due_tags` and `acr_scheduler_oldest_due_seconds`. */
export type Backlog = {
  readonly urgent: { readonly due: number; readonly oldestMs: number };
  readonly background: { readonly due: number; readonly oldestMs: number };
};

/** The tasks of one set of credentials. All times are monotonic milliseconds. */
export class DueQueue<Entry extends QueueEntry> {
  readonly #heaps: Readonly<Record<TaskGroup, DueHeap<Entry>>> = {
    woken: new DueHeap(),
    running: new DueHeap(),
    unanswered: new DueHeap(),
    settled: new DueHeap(),
    events: new DueHeap(),
    lookup: new DueHeap(),
    discovery: new DueHeap(),
  };
  /** How many requests went to tags since the last one of discovery: to tags of any group, and to those of `unanswered`. */
  #tagsSinceDiscovery = Number.POSITIVE_INFINITY;
  #unansweredSinceDiscovery = Number.POSITIVE_INFINITY;
  /** How many requests in a row went to other groups while this group had due tasks. */
  readonly #skipped: Record<TagGroup, number> = { woken: 0, running: 0, unanswered: 0, settled: 0 };

  get size(): number {
    return Object.values(this.#heaps).reduce((sum, heap) => sum + heap.size, 0);
  }

  /** Adds a task, or moves it if the queue has it. */
  put(entry: Entry, taskGroup: TaskGroup, dueAtMs: number): void {
    this.remove(entry);
    entry.group = taskGroup;
    entry.dueAtMs = dueAtMs;
    this.#heaps[taskGroup].add(entry);
  }

  /** Removes a task from its queue, even if that is another queue. Does nothing if no queue has it. */
  remove(entry: Entry): void {
    entry.heap?.remove(entry);
  }

  /** Removes and returns the next task at `nowMs`; undefined when no task is due. With `Infinity` it need not be due. */
  takeNext(nowMs: number): Entry | undefined {
    const tagsDue = TAG_GROUPS.filter((group) =>
      taskGroupsOf(group).some((taskGroup) => this.#isDue(taskGroup, nowMs)),
    );
    const mayDiscover =
      this.#isDue('discovery', nowMs) && (tagsDue.length === 0 || this.#tagsSinceDiscovery >= TAGS_BETWEEN_DISCOVERY);
    const due = TAG_GROUPS.filter((group) => tagsDue.includes(group) || (group === 'unanswered' && mayDiscover));
    const chosen = this.#choose(due);
    if (chosen === undefined) return undefined;
    for (const group of TAG_GROUPS) {
      this.#skipped[group] = due.includes(group) && group !== chosen ? this.#skipped[group] + 1 : 0;
    }
    const discovers = chosen === 'unanswered' && mayDiscover && this.#discoveryGoesFirst(tagsDue);
    const taskGroup = discovers ? 'discovery' : this.#mostOverdue(chosen);
    this.#count(taskGroup);
    const entry = this.#heaps[taskGroup].peek();
    if (entry !== undefined) this.remove(entry);
    return entry;
  }

  #mostOverdue(group: TagGroup): TaskGroup {
    const dueAtMs = (taskGroup: TaskGroup) => this.#heaps[taskGroup].peek()?.dueAtMs ?? Number.POSITIVE_INFINITY;
    return taskGroupsOf(group).reduce<TaskGroup>(
      (first, other) => (dueAtMs(other) < dueAtMs(first) ? other : first),
      group,
    );
  }

  /** Of the turns of the group `unanswered`, discovery gets every third, and all of them while no tag of the group is due. */
  #discoveryGoesFirst(tagsDue: readonly TagGroup[]): boolean {
    return !tagsDue.includes('unanswered') || this.#unansweredSinceDiscovery >= TAGS_BETWEEN_DISCOVERY;
  }

  #count(taskGroup: TaskGroup): void {
    this.#tagsSinceDiscovery = taskGroup === 'discovery' ? 0 : this.#tagsSinceDiscovery + 1;
    if (taskGroup === 'discovery') this.#unansweredSinceDiscovery = 0;
    if (taskGroup === 'unanswered' || taskGroup === 'lookup') this.#unansweredSinceDiscovery += 1;
  }

  /** When the first task is or was due; undefined when the queue is empty. */
  nextDueAtMs(): number | undefined {
    const times = Object.values(this.#heaps).flatMap((heap) => heap.peek()?.dueAtMs ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Whether a task is due that is none of a tag. */
  hasOtherWork(nowMs: number): boolean {
    return this.#isDue('discovery', nowMs) || this.#isDue('events', nowMs) || this.#isDue('lookup', nowMs);
  }

  backlog(nowMs: number): Backlog {
    const { woken, running, unanswered, settled } = this.#heaps;
    const overdueMs = (heap: DueHeap<Entry>) => Math.max(0, nowMs - (heap.peek()?.dueAtMs ?? nowMs));
    return {
      urgent: {
        due: woken.countDue(nowMs) + running.countDue(nowMs) + unanswered.countDue(nowMs),
        oldestMs: Math.max(overdueMs(woken), overdueMs(running), overdueMs(unanswered)),
      },
      background: { due: settled.countDue(nowMs), oldestMs: overdueMs(settled) },
    };
  }

  #isDue(taskGroup: TaskGroup, nowMs: number): boolean {
    const first = this.#heaps[taskGroup].peek();
    return first !== undefined && first.dueAtMs <= nowMs;
  }

  /**
   * The most urgent group, unless another group would miss its share. Several groups may need the same request: if the next n requests are needed
   * for the shares of n groups, the group that is closest to missing its share is chosen now.
   */
  #choose(due: readonly TagGroup[]): TagGroup | undefined {
    const [first, ...others] = due;
    const slack = (group: TagGroup) => SHARE - 1 - this.#skipped[group];
    const bySlack = others.sort((a, b) => slack(a) - slack(b));
    const isPressing = bySlack.some((group, index) => slack(group) <= index);
    return isPressing ? bySlack[0] : first;
  }
}

/** The groups of tasks that belong to a group of tags. */
function taskGroupsOf(group: TagGroup): readonly TaskGroup[] {
  if (group === 'woken') return ['woken', 'events'];
  return group === 'unanswered' ? ['unanswered', 'lookup'] : [group];
}
