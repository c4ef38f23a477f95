// All watched tags with what is known of them, and the tallies of their repositories. Tells one observer of every change.
import type { Repository, Target } from '../watch/target.ts';
import {
  type Moment,
  neverAnswered,
  type PollEvent,
  SCAN_STATUSES,
  type ScanStatus,
  type TagState,
  transition,
} from './tag-state.ts';

/** A watched tag: one object for as long as the tag is watched. Its parts are replaced, never changed. */
export type WatchedTag = { target: Target; state: TagState };

/** How many tags of a repository have each status: one object for as long as any of its tags is watched. */
export type RepositoryTally = { repository: Repository; readonly counts: Record<ScanStatus, number> };

/** Who renders what is in the store. A tally's `changed` covers its counts and its repository's names. */
export interface StoreObserver {
  tagAdded(tag: WatchedTag): void;
  tagChanged(tag: WatchedTag): void;
  tagRemoved(tag: WatchedTag): void;
  tallyAdded(tally: RepositoryTally): void;
  tallyChanged(tally: RepositoryTally): void;
  tallyRemoved(tally: RepositoryTally): void;
}

/** The only place where a watched tag changes. Synchronous; everything costs the same for one tag as for 100,000. */
export class StateStore {
  readonly #observer: StoreObserver;
  readonly #tags = new Set<WatchedTag>();
  readonly #tallies = new Map<Repository, RepositoryTally>();

  constructor(observer: StoreObserver) {
    this.#observer = observer;
  }

  get size(): number {
    return this.#tags.size;
  }

  /** In the order in which they were added. */
  tags(): IterableIterator<WatchedTag> {
    return this.#tags.values();
  }

  /** Repositories with at least one watched tag. */
  tallies(): IterableIterator<RepositoryTally> {
    return this.#tallies.values();
  }

  /** How many tags have each status. */
  totals(): Record<ScanStatus, number> {
    const totals = noTags();
    for (const { counts } of this.#tallies.values())
      for (const status of SCAN_STATUSES) totals[status] += counts[status];
    return totals;
  }

  /** Starts to watch a tag, never answered yet. */
  add(target: Target, nowMs: number): WatchedTag {
    const tag: WatchedTag = { target, state: neverAnswered(nowMs) };
    this.#tags.add(tag);
    this.#count(target.repository, tag.state.status, 1);
    this.#observer.tagAdded(tag);
    return tag;
  }

  /** Stops to watch a tag; a tag that is not watched is left alone. */
  remove(tag: WatchedTag): void {
    if (!this.#tags.delete(tag)) return;
    this.#count(tag.target.repository, tag.state.status, -1);
    this.#observer.tagRemoved(tag);
  }

  /** Whether the tag is (still) watched: an answer for one that is not is to be dropped. */
  has(tag: WatchedTag): boolean {
    return this.#tags.has(tag);
  }

  /**
   * Applies the end of a poll.
   *
   * @returns the length in milliseconds of the scan that it ended, if one was seen from its start
   */
  apply(tag: WatchedTag, event: PollEvent, moment: Moment): number | undefined {
    const before = tag.state;
    const { state, scanDurationMs } = transition(before, event, moment);
    tag.state = state;
    if (state.status !== before.status) {
      this.#count(tag.target.repository, before.status, -1);
      this.#count(tag.target.repository, state.status, 1);
    }
    this.#observer.tagChanged(tag);
    return scanDurationMs;
  }

  /** Gives a tag another target with the same meaning (a repository whose names or id became known), keeping its state. */
  retarget(tag: WatchedTag, target: Target): void {
    const before = tag.target;
    tag.target = target;
    if (before.repository !== target.repository) {
      this.#count(target.repository, tag.state.status, 1);
      this.#count(before.repository, tag.state.status, -1);
    }
    this.#observer.tagChanged(tag);
  }

  #count(repository: Repository, status: ScanStatus, by: 1 | -1): void {
    const known = this.#tallies.get(repository);
    const tally = known ?? { repository, counts: noTags() };
    tally.counts[status] += by;
    if (!known) {
      this.#tallies.set(repository, tally);
      this.#observer.tallyAdded(tally);
    } else if (SCAN_STATUSES.every((each) => tally.counts[each] === 0)) {
      this.#tallies.delete(repository);
      this.#observer.tallyRemoved(tally);
    } else {
      this.#observer.tallyChanged(tally);
    }
  }
}

function noTags(): Record<ScanStatus, number> {
  return { scanning: 0, retrying: 0, complete: 0, failed: 0, unknown: 0 };
}
