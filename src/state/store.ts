// All watched tags with what is known of them, and the tallies of their repositories. Tells one observer of every change.

import {
  SCAN_STATUSES,
  type ScanStatus,
  SEVERITIES,
  type Severity,
  type Vulnerabilities,
  type VulnerabilityTotals,
} from '../model/scan.ts';
import type { Repository, Target } from '../model/target.ts';
import { type Moment, neverAnswered, type TagEvent, type TagState, transition } from './tag-state.ts';

/** A watched tag: one object for as long as the tag is watched. Its parts are replaced, never changed. */
export type WatchedTag = { target: Target; state: TagState };

/** What the tags of a repository add up to: one object for as long as any of them is watched. */
export type RepositoryTally = {
  repository: Repository;
  /** How many have each status. */
  readonly counts: Record<ScanStatus, number>;
  /** Of how many the vulnerabilities are known, and how many those are together. */
  summaries: number;
  readonly vulnerabilities: Record<Severity, number>;
};

/** Who renders what is in the store. A tally's `changed` covers its numbers and its repository's names. */
export interface StoreObserver {
  tagAdded(tag: WatchedTag): void;
  tagChanged(tag: WatchedTag): void;
  tagRemoved(tag: WatchedTag): void;
  tallyAdded(tally: RepositoryTally): void;
  tallyChanged(tally: RepositoryTally): void;
  tallyRemoved(tally: RepositoryTally): void;
}

/** How many tags came and went. */
export type Turnover = { readonly added: number; readonly removed: number };

/** The only place where a watched tag changes. Synchronous; everything costs the same for one tag as for 100,000. */
export class StateStore {
  readonly #observer: StoreObserver;
  readonly #tags = new Set<WatchedTag>();
  readonly #tallies = new Map<Repository, RepositoryTally>();
  #added = 0;

  constructor(observer: StoreObserver) {
    this.#observer = observer;
  }

  get size(): number {
    return this.#tags.size;
  }

  /** How many tags were added and removed so far. */
  get turnover(): Turnover {
    return { added: this.#added, removed: this.#added - this.#tags.size };
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

  /** Of how many tags vulnerabilities are wanted, of how many they are known, and how many those are together. */
  vulnerabilityTotals(): VulnerabilityTotals {
    let [wantedTags, knownTags] = [0, 0];
    const found = noVulnerabilities();
    for (const { repository, counts, summaries, vulnerabilities } of this.#tallies.values()) {
      if (repository.vulnerabilities) for (const status of SCAN_STATUSES) wantedTags += counts[status];
      knownTags += summaries;
      for (const severity of SEVERITIES) found[severity] += vulnerabilities[severity];
    }
    return { wantedTags, knownTags, found };
  }

  /**
   * Starts to watch a tag, never answered yet.
   *
   * @param isNew whether it appeared, or was pushed, after the process started: then its first scan is seen from its start
   */
  add(target: Target, nowMs: number, isNew = false): WatchedTag {
    const tag: WatchedTag = { target, state: neverAnswered(nowMs, isNew) };
    this.#tags.add(tag);
    this.#added += 1;
    this.#count(tag, 1);
    this.#observer.tagAdded(tag);
    return tag;
  }

  /** Stops to watch a tag; a tag that is not watched is left alone. */
  remove(tag: WatchedTag): void {
    if (!this.#tags.delete(tag)) return;
    this.#count(tag, -1);
    this.#observer.tagRemoved(tag);
  }

  /** Whether the tag is (still) watched: an answer for one that is not is to be dropped. */
  has(tag: WatchedTag): boolean {
    return this.#tags.has(tag);
  }

  /**
   * Applies the end of a request.
   *
   * @returns the length in milliseconds of the scan that it ended, if one was seen from its start
   */
  apply(tag: WatchedTag, event: TagEvent, moment: Moment): number | undefined {
    const { state, scanDurationMs } = transition(tag.state, event, moment);
    this.#replace(tag, { target: tag.target, state });
    return scanDurationMs;
  }

  /** Gives a tag another target with the same meaning (a repository whose names or id became known), keeping its state. */
  retarget(tag: WatchedTag, target: Target): void {
    this.#replace(tag, { target, state: tag.state });
  }

  /** Gives a tag a target with another meaning: nothing is known of it, since now. Its first scan is seen from its start. */
  renew(tag: WatchedTag, target: Target, nowMs: number): void {
    this.#replace(tag, { target, state: neverAnswered(nowMs, true) });
  }

  #replace(tag: WatchedTag, { target, state }: Readonly<WatchedTag>): void {
    const before = { ...tag };
    tag.target = target;
    tag.state = state;
    if (!countsTheSame(before, tag)) {
      this.#count(tag, 1);
      this.#count(before, -1);
    }
    this.#observer.tagChanged(tag);
  }

  #count(tag: Readonly<WatchedTag>, by: 1 | -1): void {
    const { repository } = tag.target;
    const known = this.#tallies.get(repository);
    const tally = known ?? { repository, counts: noTags(), summaries: 0, vulnerabilities: noVulnerabilities() };
    tally.counts[tag.state.status] += by;
    const found = shownVulnerabilities(tag);
    if (found !== undefined) {
      tally.summaries += by;
      for (const severity of SEVERITIES) tally.vulnerabilities[severity] += by * found[severity];
    }
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

/** What is to be shown of what a tag's scans found; undefined where that is not known or not wanted. */
export function shownVulnerabilities({ target, state }: Readonly<WatchedTag>): Vulnerabilities | undefined {
  return target.repository.vulnerabilities ? state.vulnerabilities : undefined;
}

function countsTheSame(before: Readonly<WatchedTag>, after: Readonly<WatchedTag>): boolean {
  return (
    before.target.repository === after.target.repository &&
    before.state.status === after.state.status &&
    shownVulnerabilities(before) === shownVulnerabilities(after)
  );
}

function noVulnerabilities(): Record<Severity, number> {
  return { high: 0, medium: 0, low: 0, unknown: 0 };
}

function noTags(): Record<ScanStatus, number> {
  return { scanning: 0, retrying: 0, complete: 0, failed: 0, not_scanned: 0, unknown: 0 };
}
