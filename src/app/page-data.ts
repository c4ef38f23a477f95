// The values on the status page and in the JSON API, collected from the store, the watch list, discovery and the schedulers.

import { shownDigest } from '../model/digest.ts';
import type { SchedulerStatus } from '../model/exporter-status.ts';
import { isStale, isStuck } from '../model/overdue.ts';
import type { Target } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import { type StateStore, shownVulnerabilities } from '../state/store.ts';
import type { TagState } from '../state/tag-state.ts';
import type { Clock } from '../util/clock.ts';
import type { Overview, ProblemSummary, Source, TargetDetails, TargetList, TargetRow } from '../web/overview.ts';
import type { Pipeline } from './pipeline.ts';
import { RepositoryProblems } from './repository-problems.ts';

export type PageDataSources = Pick<
  Pipeline,
  'store' | 'watchList' | 'discoveryManager' | 'eventManager' | 'tagLimit'
> & {
  readonly clock: Clock;
  readonly schedulers: () => readonly SchedulerStatus[];
  readonly about: () => Omit<Overview, keyof Totals | 'nowMs' | 'quota'>;
};

/** The part of the overview that a reload changes step by step. */
type Totals = Pick<Overview, 'totals' | 'vulnerabilities' | 'discovery' | 'events' | 'maxTags'>;

/** Between {@link hold} and {@link release}, the list of targets and the totals stay as they were. */
export class PageData {
  readonly #sources: PageDataSources;
  readonly #problems: RepositoryProblems;
  /**
   * The list that was made last, and the number of changes before it. Readers that are slow share it, since it takes 800 kB at 100,000 tags;
   * it is freed when nothing uses it.
   */
  #lastPolls: { readonly polls: WeakRef<readonly TagPoll[]>; readonly changes: number } | undefined;
  #held: { readonly targets: TargetList; readonly totals: Totals } | undefined;

  constructor(sources: PageDataSources) {
    this.#sources = sources;
    this.#problems = new RepositoryProblems({ ...sources, polls: () => this.#polls() });
  }

  hold(): void {
    this.#held = { targets: this.#targets(), totals: this.#totals() };
  }

  release(): void {
    this.#held = undefined;
  }

  overview(): Overview {
    const { clock, schedulers, about } = this.#sources;
    const totals = this.#held?.totals ?? this.#totals();
    return { ...about(), ...totals, nowMs: clock.now(), quota: schedulers() };
  }

  /** What is wrong in the repositories, of which those from `offset` on are given, the worst first. */
  problems(range: { readonly offset: number; readonly limit: number }): Promise<ProblemSummary> {
    return this.#problems.summary(range);
  }

  /** What only the view of a single tag shows; undefined when it is not watched any more. */
  details({ instanceId, repoNamespace, repoName, repoId, tag }: TargetRow): TargetDetails | undefined {
    const { watchList, store } = this.#sources;
    const repository = watchList.targetsOf(instanceId)?.find({ id: repoId, namespace: repoNamespace, name: repoName });
    const poll = repository?.polls.get(tag);
    return poll && targetDetails(poll, store);
  }

  /** The watched tags in the order of the configuration. Tags that are added or removed later do not change the list. */
  targets(): TargetList {
    return this.#held?.targets ?? this.#targets();
  }

  #totals(): Totals {
    const { store, discoveryManager, eventManager, tagLimit } = this.#sources;
    return {
      totals: store.totals(),
      vulnerabilities: store.vulnerabilityTotals(),
      discovery: discoveryManager.statuses(),
      events: eventManager.statuses(),
      maxTags: tagLimit.maxTags,
    };
  }

  #targets(): TargetList {
    const { clock } = this.#sources;
    const polls = this.#polls();
    // The schedule uses the monotonic clock; the page shows the wall clock.
    const nowMs = clock.now();
    const wallOffsetMs = nowMs - clock.monotonic();
    const at = (index: number) => {
      const poll = polls[index];
      return poll && new PolledRow(poll, nowMs, wallOffsetMs);
    };
    return { length: polls.length, at };
  }

  #polls(): readonly TagPoll[] {
    const { store, watchList } = this.#sources;
    const { added, removed } = store.turnover;
    const changes = added + removed;
    const last = this.#lastPolls?.changes === changes ? this.#lastPolls.polls.deref() : undefined;
    if (last !== undefined) return last;
    const polls = [...watchList.polls()];
    this.#lastPolls = { polls: new WeakRef(polls), changes };
    return polls;
  }
}

function targetDetails({ tag }: TagPoll, store: StateStore): TargetDetails {
  const { scanService, failures } = tag.state;
  return { scanTaskId: tag.target.scanTaskId, scanService, failures, history: store.historyOf(tag) };
}

/**
 * A tag with its state at the time when the row was made. Each value is worked out when it is read: a page looks at every tag for a few of them,
 * and shows only some tags.
 */
class PolledRow implements TargetRow {
  readonly #target: Target;
  readonly #state: TagState;
  readonly #discovered: boolean;
  readonly #nowMs: number;
  readonly nextPollMs: number | undefined;

  /** @param wallOffsetMs from the monotonic clock to the wall clock */
  constructor({ tag, position, statusDueAtMs, discovered }: TagPoll, nowMs: number, wallOffsetMs: number) {
    this.#target = tag.target;
    this.#state = tag.state;
    this.#discovered = discovered !== undefined;
    this.#nowMs = nowMs;
    this.nextPollMs = position < 0 ? undefined : statusDueAtMs + wallOffsetMs;
  }

  get instanceId() {
    return this.#target.repository.instanceId;
  }

  get repoNamespace() {
    return this.#target.repository.namespace;
  }

  get repoName() {
    return this.#target.repository.name;
  }

  get repoId() {
    return this.#target.repository.id;
  }

  get tag() {
    return this.#target.tag;
  }

  get digest() {
    return shownDigest(this.#target.digest);
  }

  get status() {
    return this.#state.status;
  }

  get sinceMs() {
    return this.#state.sinceMs;
  }

  get lastPollMs() {
    return this.#state.lastPollMs;
  }

  get lastSuccessMs() {
    return this.#state.lastSuccessMs;
  }

  get lastError() {
    return this.#state.lastError;
  }

  get source(): Source {
    return this.#discovered ? 'discovered' : 'listed';
  }

  get stuck() {
    return isStuck(this.#state, this.#nowMs);
  }

  get stale() {
    return isStale(this.#state, this.nextPollMs, this.#nowMs);
  }

  get wantsVulnerabilities() {
    return this.#target.repository.vulnerabilities;
  }

  get vulnerabilities() {
    return shownVulnerabilities({ target: this.#target, state: this.#state });
  }

  get vulnerabilitiesError() {
    return this.wantsVulnerabilities ? this.#state.summaryError : undefined;
  }
}
