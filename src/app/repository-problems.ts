// The problems of each repository, for the status page. Most of them are totals that the store keeps; what depends on the time is counted over all
// tags, at most every few seconds.
import { isStale, isStuck } from '../model/overdue.ts';
import type { Repository } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { RepositoryTotals, StateStore } from '../state/store.ts';
import type { Clock } from '../util/clock.ts';
import { YieldEvery } from '../util/yield-every.ts';
import { type ItemOrder, OrderedItems } from '../web/item-order.ts';
import {
  PROBLEMS,
  type ProblemSummary,
  type ProblemTotal,
  type RepositoryProblem,
  type RepositoryRow,
} from '../web/overview.ts';

export type RepositoryProblemsSources = {
  readonly store: StateStore;
  readonly clock: Clock;
  /** All watched tags. */
  readonly polls: () => readonly Pick<TagPoll, 'tag' | 'position' | 'statusDueAtMs'>[];
};

/** Tags of a repository whose scan is stuck, whose results are stale, and whose last poll has failed. */
type TimedCounts = { stuck: number; stale: number; errors: number };
type Timed = { readonly byRepository: ReadonlyMap<Repository, TimedCounts>; readonly waiting: number };

/** The counts over all tags are used again for so long. */
const KEPT_FOR_MS = 5_000;
/** Tags, or repositories, that are counted before the event loop gets a turn. */
const COUNTED_AT_ONCE = 2_000;
/** The repository with most of the worst problem comes first. */
const WORST_FIRST: ItemOrder<RepositoryRow> = {
  values: PROBLEMS.map((problem) => (row: RepositoryRow) => row.problems[problem]),
  descending: true,
};
const NO_COUNTS: TimedCounts = { stuck: 0, stale: 0, errors: 0 };

export class RepositoryProblems {
  readonly #sources: RepositoryProblemsSources;
  readonly #yieldEvery = new YieldEvery(undefined, COUNTED_AT_ONCE);
  #timed: { readonly counts: Promise<Timed>; readonly atMs: number } | undefined;

  constructor(sources: RepositoryProblemsSources) {
    this.#sources = sources;
  }

  /** The sums, and the repositories with problems from `offset` on, the worst first. */
  async summary({ offset, limit }: { readonly offset: number; readonly limit: number }): Promise<ProblemSummary> {
    const { byRepository, waiting } = await this.#recentTimed();
    const totals = noProblems();
    const rows: RepositoryRow[] = [];
    const ordered = new OrderedItems(WORST_FIRST);
    await this.#yieldEvery.each(this.#sources.store.repositories(), (each) => {
      const row = repositoryRow(each, byRepository.get(each.repository) ?? NO_COUNTS);
      if (!addTo(totals, row)) return;
      rows.push(row);
      ordered.add(row);
    });
    const numbers = await ordered.at(offset, limit);
    const worst = numbers.flatMap((number) => rows[number] ?? []);
    return { totals, waiting, repositories: rows.length, worst };
  }

  #recentTimed(): Promise<Timed> {
    const nowMs = this.#sources.clock.monotonic();
    const last = this.#timed;
    if (last !== undefined && nowMs - last.atMs < KEPT_FOR_MS) return last.counts;
    const counts = this.#countTimed();
    this.#timed = { counts, atMs: nowMs };
    return counts;
  }

  async #countTimed(): Promise<Timed> {
    const { clock, polls } = this.#sources;
    const nowMs = clock.now();
    const wallOffsetMs = nowMs - clock.monotonic();
    const byRepository = new Map<Repository, TimedCounts>();
    let waiting = 0;
    await this.#yieldEvery.each(polls(), ({ tag: { target, state }, position, statusDueAtMs }) => {
      if (!state.answered && state.lastError === undefined) waiting += 1;
      const stuck = isStuck(state, nowMs);
      const stale = isStale(state, position < 0 ? undefined : statusDueAtMs + wallOffsetMs, nowMs);
      const failed = state.lastError !== undefined;
      if (!stuck && !stale && !failed) return;
      const counts = byRepository.get(target.repository) ?? { ...NO_COUNTS };
      byRepository.set(target.repository, counts);
      counts.stuck += Number(stuck);
      counts.stale += Number(stale);
      counts.errors += Number(failed);
    });
    return { byRepository, waiting };
  }
}

function repositoryRow({ repository, counts, vulnerabilities }: RepositoryTotals, timed: TimedCounts): RepositoryRow {
  const { instanceId, namespace, name } = repository;
  const { failed, unknown, not_scanned } = counts;
  return {
    instanceId,
    repoNamespace: namespace,
    repoName: name,
    problems: { failed, ...timed, unknown, high: vulnerabilities.high, not_scanned },
  };
}

/** Adds the problems of a repository to the sums. False if it has none. */
function addTo(totals: Record<RepositoryProblem, ProblemTotal>, row: RepositoryRow): boolean {
  let hasProblem = false;
  for (const problem of PROBLEMS) {
    const count = row.problems[problem];
    if (count === 0) continue;
    hasProblem = true;
    const { count: before, repositories, most } = totals[problem];
    const isMost = most === undefined || count > most.problems[problem];
    totals[problem] = { count: before + count, repositories: repositories + 1, most: isMost ? row : most };
  }
  return hasProblem;
}

function noProblems(): Record<RepositoryProblem, ProblemTotal> {
  const none = { count: 0, repositories: 0, most: undefined };
  return { failed: none, stuck: none, errors: none, stale: none, unknown: none, high: none, not_scanned: none };
}
