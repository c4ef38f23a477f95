// The watched tags as the pages for people and the JSON API see them.

import { shownDigest } from '../model/digest.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import { type StateStore, shownVulnerabilities } from '../state/store.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { Clock } from '../util/clock.ts';
import type { TargetList, TargetRow } from '../web/overview.ts';

/** Hands out lists of the watched tags. */
export class WatchedTargets {
  readonly #watchList: WatchList;
  readonly #store: StateStore;
  readonly #clock: Clock;
  /** The last list, as long as something uses it, and how many changes came before it: it has 800 kB at 100,000 tags, and readers may be slow. */
  #last: { readonly polls: WeakRef<readonly TagPoll[]>; readonly changes: number } | undefined;

  constructor({ watchList, store, clock }: { watchList: WatchList; store: StateStore; clock: Clock }) {
    this.#watchList = watchList;
    this.#store = store;
    this.#clock = clock;
  }

  /** The tags that are watched now, in the order of the configuration; what is added or removed later does not change the list. */
  list(): TargetList {
    const { added, removed } = this.#store.turnover;
    const changes = added + removed;
    const last = this.#last?.changes === changes ? this.#last.polls.deref() : undefined;
    const polls = last ?? [...this.#watchList.polls()];
    if (last === undefined) this.#last = { polls: new WeakRef(polls), changes };
    // The schedule is kept by the monotonic clock, people read the wall clock.
    const wallOffsetMs = this.#clock.now() - this.#clock.monotonic();
    const at = (index: number) => {
      const poll = polls[index];
      return poll && targetRow(poll, wallOffsetMs);
    };
    return { length: polls.length, at };
  }
}

function targetRow({ tag, position, statusDueAtMs, discovered }: TagPoll, wallOffsetMs: number): TargetRow {
  const { target, state } = tag;
  const { instanceId, namespace, name, id, vulnerabilities: wantsVulnerabilities } = target.repository;
  return {
    instanceId,
    repoNamespace: namespace,
    repoName: name,
    repoId: id,
    tag: target.tag,
    digest: shownDigest(target.digest),
    status: state.status,
    sinceMs: state.sinceMs,
    lastPollMs: state.lastPollMs,
    lastSuccessMs: state.lastSuccessMs,
    nextPollMs: position < 0 ? undefined : statusDueAtMs + wallOffsetMs,
    lastError: state.lastError,
    source: discovered === undefined ? 'listed' : 'discovered',
    wantsVulnerabilities,
    vulnerabilities: shownVulnerabilities(tag),
    vulnerabilitiesError: wantsVulnerabilities ? state.summaryError : undefined,
  };
}
