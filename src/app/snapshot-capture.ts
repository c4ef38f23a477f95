// Makes the records of a snapshot from what is known now. `model/snapshot.ts` describes them.

import { type Moment, wallMs } from '../model/moment.ts';
import type { Vulnerabilities } from '../model/scan.ts';
import type { InstanceRecord, RepositoryRecord, SnapshotRecord, TagRecord } from '../model/snapshot.ts';
import type { Repository } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { SnapshotSource } from '../storage/saver.ts';
import { hasOtherId } from '../targets/instance-targets.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { Pipeline } from './pipeline.ts';
import type { SchedulerPool } from './scheduler-pool.ts';

export type SnapshotSources = Pick<Pipeline, 'store' | 'watchList' | 'polls' | 'discoveryManager' | 'eventManager'> & {
  readonly schedulerPool: Pick<SchedulerPool, 'rates'>;
};

export class SnapshotCapture implements SnapshotSource {
  readonly #sources: SnapshotSources;
  /** What the last snapshot began with. */
  #captured = '';

  constructor(sources: SnapshotSources) {
    this.#sources = sources;
  }

  changed(): boolean {
    return this.#revision() !== this.#captured;
  }

  /**
   * Each record shows the moment in which it is taken; a tag has only one record. A tag that is removed
   * meanwhile is left out. One that is added, or moves to another repository because the two are the same, may belong to the next snapshot.
   */
  records(): Iterable<SnapshotRecord> {
    this.#captured = this.#revision();
    return this.#records();
  }

  *#records(): Generator<SnapshotRecord> {
    const { store, watchList, polls, schedulerPool } = this.#sources;
    yield* schedulerPool.rates(polls.moment());
    for (const id of [...watchList.instanceIds()]) {
      const record = this.#instance(id);
      if (record !== undefined) yield record;
    }
    const numbers = new Map<Repository, number>();
    // A list of all tags at once would hold up the event loop.
    for (const watched of [...watchList.repositories()]) {
      const { removed } = store.turnover;
      for (const poll of [...watched.polls.values()]) {
        // To look each tag up costs a tenth of a save.
        if (store.turnover.removed !== removed && !poll.isWatched) continue;
        const { repository } = poll.tag.target;
        const number = numbers.get(repository) ?? numbers.size;
        // Made before the record of the repository is taken, because the tag may change between the two.
        const tag = tagRecord(poll, number, polls.moment());
        if (!numbers.has(repository)) {
          numbers.set(repository, number);
          yield this.#repository(repository, number);
        }
        yield tag;
      }
    }
  }

  #instance(id: string): InstanceRecord | undefined {
    const { watchList, polls, discoveryManager, eventManager } = this.#sources;
    const targets = watchList.targetsOf(id);
    if (targets === undefined) return undefined;
    const moment = polls.moment();
    const names = polls.scanRequests.memory(targets.instance, moment);
    return {
      kind: 'instance',
      id,
      names,
      discovery: discoveryManager.memory(id, moment),
      events: eventManager.memory(id),
    };
  }

  #repository(repository: Repository, number: number): RepositoryRecord {
    return repositoryRecord(repository, number, this.#sources.watchList);
  }

  /** A text that changes when anything changes that is in a snapshot. */
  #revision(): string {
    const { store, discoveryManager, eventManager } = this.#sources;
    // Not the last answer of a feed: a snapshot in every period would be too many.
    const events = eventManager.statuses().map(({ healthy, lastEventMs }) => [healthy, lastEventMs]);
    return JSON.stringify([store.changes, discoveryManager.statuses(), events]);
  }
}

/** A repository with watched tags, as a record of a snapshot. */
export function repositoryRecord(repository: Repository, number: number, watchList: WatchList): RepositoryRecord {
  const { instanceId: instance, id, namespace, name } = repository;
  const targets = watchList.targetsOf(instance);
  const watched = targets?.find(repository);
  // The id of the tags' state is kept while the repository is looked up again.
  const knownId = watched === undefined || hasOtherId(watched.repository, repository) ? '' : watched.knownId;
  const found = id !== '' && targets?.repositoryIds.idOf(repository) === id;
  return { kind: 'repository', number, instance, id: id || knownId, namespace, name, found };
}

/** What is known of a watched tag, as a record of a snapshot. */
export function tagRecord(poll: TagPoll, repository: number, moment: Moment): TagRecord {
  const { target, state } = poll.tag;
  const { status, scanSeenAtMonotonicMs: scanSeenAtMs } = state;
  const updatedMs = poll.discovered?.updatedMs;
  const { pushed, seen, summarised, summaryDue, summaryFailures, announced } = poll.memory(moment);
  return {
    kind: 'tag',
    repository,
    tag: target.tag,
    digest: target.digest || undefined,
    scanTaskId: target.scanTaskId || undefined,
    status,
    since: state.sinceMs,
    answered: (status === 'unknown' && state.answered) || undefined,
    success: state.lastSuccessMs,
    poll: state.lastPollMs === state.lastSuccessMs ? undefined : state.lastPollMs,
    error: state.lastError,
    failures: state.failures || undefined,
    service: state.scanService || undefined,
    vulnerabilities: state.vulnerabilities && asList(state.vulnerabilities),
    summaryError: state.summaryError,
    scan: scanSeenAtMs === undefined ? undefined : wallMs(scanSeenAtMs, moment),
    discovered: poll.discovered === undefined ? undefined : true,
    updated: updatedMs !== undefined && Number.isFinite(updatedMs) ? updatedMs : undefined,
    pushed,
    seen,
    summarised,
    summaryDue,
    summaryFailures,
    announced,
  };
}

function asList({ high, medium, low, unknown }: Vulnerabilities): [number, number, number, number] {
  return [high, medium, low, unknown];
}
