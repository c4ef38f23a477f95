// The state of all watched tags, and the totals of their repositories. Reports every change to one observer.

import type { Moment } from '../model/moment.ts';
import {
  type FormerStatus,
  type PollError,
  SCAN_STATUSES,
  type ScanStatus,
  SEVERITIES,
  type Severity,
  type TagHistory,
  type Vulnerabilities,
  type VulnerabilityTotals,
} from '../model/scan.ts';
import type { Repository, Target } from '../model/target.ts';
import { RecentItems } from './recent-items.ts';
import { neverAnswered, type TagEvent, type TagState, transition } from './tag-state.ts';

/** A watched tag: the same object as long as the tag is watched. Its parts are replaced, never changed. */
export type WatchedTag = { target: Target; state: TagState };

/** The totals of a repository's watched tags: the same object as long as there is one of them. */
export type RepositoryTotals = {
  repository: Repository;
  /** Tags by status. */
  readonly counts: Record<ScanStatus, number>;
  /** Tags whose vulnerabilities are known. */
  summaries: number;
  /** The vulnerabilities of these tags together. */
  readonly vulnerabilities: Record<Severity, number>;
};

/** Called after every change. A repository changes with its totals and its names. */
export interface StoreObserver {
  tagAdded(tag: WatchedTag): void;
  /** @param isRestored whether its state was restored from records of it: everything else is news */
  tagChanged(tag: WatchedTag, isRestored: boolean): void;
  tagRemoved(tag: WatchedTag): void;
  repositoryAdded(totals: RepositoryTotals): void;
  repositoryChanged(totals: RepositoryTotals): void;
  repositoryRemoved(totals: RepositoryTotals): void;
}

/** At most 3 MB for the statuses, and 5 MB for the errors with their messages. */
const MAX_HISTORY = { formerStatuses: { keys: 10_000, items: 8 }, errors: { keys: 1_000, items: 5 } };

/** How many tags were added and removed so far. */
export type Turnover = { readonly added: number; readonly removed: number };

/** The only place where a watched tag changes. Synchronous; the cost of a change does not depend on the number of tags. */
export class StateStore {
  readonly #observer: StoreObserver;
  readonly #tags = new Set<WatchedTag>();
  readonly #repositories = new Map<Repository, RepositoryTotals>();
  readonly #formerStatuses = new RecentItems<WatchedTag, FormerStatus>(MAX_HISTORY.formerStatuses);
  readonly #errors = new RecentItems<WatchedTag, PollError>(MAX_HISTORY.errors);
  #added = 0;
  #changes = 0;

  constructor(observer: StoreObserver) {
    this.#observer = observer;
  }

  get size(): number {
    return this.#tags.size;
  }

  get turnover(): Turnover {
    return { added: this.#added, removed: this.#added - this.#tags.size };
  }

  /** Grows with every change. */
  get changes(): number {
    return this.#changes;
  }

  /** In the order in which they were added. */
  tags(): IterableIterator<WatchedTag> {
    return this.#tags.values();
  }

  /** Repositories with at least one watched tag. */
  repositories(): IterableIterator<RepositoryTotals> {
    return this.#repositories.values();
  }

  historyOf(tag: WatchedTag): TagHistory {
    return { formerStatuses: this.#formerStatuses.of(tag), errors: this.#errors.of(tag) };
  }

  /** Tags by status, over all repositories. */
  totals(): Record<ScanStatus, number> {
    const totals = noTags();
    for (const { counts } of this.#repositories.values())
      for (const status of SCAN_STATUSES) totals[status] += counts[status];
    return totals;
  }

  /** The vulnerabilities over all repositories. */
  vulnerabilityTotals(): VulnerabilityTotals {
    let [wantedTags, knownTags] = [0, 0];
    const found = noVulnerabilities();
    for (const { repository, counts, summaries, vulnerabilities } of this.#repositories.values()) {
      if (repository.vulnerabilities) for (const status of SCAN_STATUSES) wantedTags += counts[status];
      knownTags += summaries;
      for (const severity of SEVERITIES) found[severity] += vulnerabilities[severity];
    }
    return { wantedTags, knownTags, found };
  }

  /**
   * Adds a tag without an answer yet.
   *
   * @param isNew whether it appeared, or was pushed, after the process started: then its first scan is measured from its start
   */
  add(target: Target, nowMs: number, isNew = false): WatchedTag {
    const tag: WatchedTag = { target, state: neverAnswered(nowMs, isNew) };
    this.#tags.add(tag);
    this.#added += 1;
    this.#changes += 1;
    this.#count(tag, 1);
    this.#observer.tagAdded(tag);
    return tag;
  }

  /** Removes a tag. Without effect for a tag that is not watched. */
  remove(tag: WatchedTag): void {
    if (!this.#tags.delete(tag)) return;
    this.#changes += 1;
    this.#formerStatuses.delete(tag);
    this.#errors.delete(tag);
    this.#count(tag, -1);
    this.#observer.tagRemoved(tag);
  }

  /** Whether the tag is still watched. Drop answers for other tags. */
  has(tag: WatchedTag): boolean {
    return this.#tags.has(tag);
  }

  /**
   * Applies the outcome of a request.
   *
   * @returns the duration in milliseconds of the scan that ended with it, if the scan was seen from its start
   */
  apply(tag: WatchedTag, event: TagEvent, moment: Moment): number | undefined {
    const { state, scanDurationMs } = transition(tag.state, event, moment);
    this.#replace(tag, { target: tag.target, state });
    return scanDurationMs;
  }

  /** Replaces the target of a tag and keeps its state: the image is the same, but the names or the id of its repository became known. */
  retarget(tag: WatchedTag, target: Target): void {
    this.#replace(tag, { target, state: tag.state });
  }

  /** Replaces the target of a tag and resets its state: the image is another one. Its first scan is measured from its start. */
  renew(tag: WatchedTag, target: Target, nowMs: number): void {
    this.#replace(tag, { target, state: neverAnswered(nowMs, true) });
  }

  /** Sets the state of a tag to what a former process knew. */
  restore(tag: WatchedTag, state: TagState): void {
    this.#replace(tag, { target: tag.target, state }, true);
  }

  #replace(tag: WatchedTag, { target, state }: Readonly<WatchedTag>, isRestored = false): void {
    const before = { ...tag };
    this.#changes += 1;
    tag.target = target;
    tag.state = state;
    this.#remember(tag, before.state);
    if (!hasSameCounts(before, tag)) {
      this.#count(tag, 1);
      this.#count(before, -1);
    }
    this.#observer.tagChanged(tag, isRestored);
  }

  #remember(tag: WatchedTag, { status, sinceMs, answered, lastError, summaryError }: TagState): void {
    const { state } = tag;
    if (answered && state.status !== status) this.#formerStatuses.add(tag, { status, sinceMs });
    for (const error of [
      state.lastError === lastError ? undefined : state.lastError,
      state.summaryError === summaryError ? undefined : state.summaryError,
    ])
      if (error !== undefined) this.#errors.add(tag, error);
  }

  #count(tag: Readonly<WatchedTag>, by: 1 | -1): void {
    const { repository } = tag.target;
    const known = this.#repositories.get(repository);
    const totals = known ?? { repository, counts: noTags(), summaries: 0, vulnerabilities: noVulnerabilities() };
    totals.counts[tag.state.status] += by;
    const found = shownVulnerabilities(tag);
    if (found !== undefined) {
      totals.summaries += by;
      for (const severity of SEVERITIES) totals.vulnerabilities[severity] += by * found[severity];
    }
    if (!known) {
      this.#repositories.set(repository, totals);
      this.#observer.repositoryAdded(totals);
    } else if (SCAN_STATUSES.every((each) => totals.counts[each] === 0)) {
      this.#repositories.delete(repository);
      this.#observer.repositoryRemoved(totals);
    } else {
      this.#observer.repositoryChanged(totals);
    }
  }
}

/** The vulnerabilities of a tag; undefined if they are not known or not requested. */
export function shownVulnerabilities({ target, state }: Readonly<WatchedTag>): Vulnerabilities | undefined {
  return target.repository.vulnerabilities ? state.vulnerabilities : undefined;
}

function hasSameCounts(before: Readonly<WatchedTag>, after: Readonly<WatchedTag>): boolean {
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
