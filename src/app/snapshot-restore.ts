// Restores what a former process knew, from the records of its snapshot, which `model/snapshot.ts` describes.

import { type Moment, pastMonotonicMs, type RestoreMoment } from '../model/moment.ts';
import type { PollError } from '../model/scan.ts';
import type { DiscoveryMemory, RepositoryRecord, SnapshotRecord, TagRecord } from '../model/snapshot.ts';
import type { FoundTag } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { TagState } from '../state/tag-state.ts';
import { hasOtherId } from '../targets/instance-targets.ts';
import { keepsState } from '../targets/reconcile-listed.ts';
import type { WatchedRepository } from '../targets/watched-repository.ts';
import type { Pipeline } from './pipeline.ts';
import type { SchedulerPool } from './scheduler-pool.ts';
import { readRecord } from './snapshot-records.ts';

export type SnapshotDestination = Pick<
  Pipeline,
  'store' | 'watchList' | 'polls' | 'discoveryManager' | 'eventManager' | 'reconciler' | 'yieldEvery'
> & {
  readonly schedulerPool: Pick<SchedulerPool, 'resumeRate'>;
};

/** A repository of the snapshot with the tags that follow it. */
type RepositoryTags = { readonly repository: RepositoryRecord; readonly tags: Map<string, TagRecord> };

/** Call both methods once, before anything is polled. */
export class SnapshotRestore {
  readonly #records: Iterable<object>;
  readonly #destination: SnapshotDestination;
  readonly #moment: RestoreMoment;
  #restored = 0;
  #invalid = 0;

  /**
   * @param records can be read several times
   * @param savedMs when they were saved; undefined if there are none
   */
  constructor(records: Iterable<object>, savedMs: number | undefined, destination: SnapshotDestination) {
    this.#records = records;
    this.#destination = destination;
    const moment = destination.polls.moment();
    this.#moment = { ...moment, savedMs: savedMs ?? moment.nowMs };
  }

  /** Restores what is known of credentials and instances. Call it when the listed targets are watched, and before discovery is configured. */
  async beforeDiscovery(): Promise<void> {
    const { watchList, polls, discoveryManager, eventManager, schedulerPool } = this.#destination;
    for (const record of this.#read()) {
      if (record.kind === 'rate') schedulerPool.resumeRate(record.credentials, record, this.#moment);
      if (record.kind === 'instance') {
        const instance = watchList.targetsOf(record.id)?.instance;
        if (instance === undefined) continue;
        polls.scanRequests.resume(instance, record.names, this.#moment);
        if (record.events !== undefined) eventManager.resume(record.id, record.events);
        if (record.discovery !== undefined) discoveryManager.resume(record.id, inPast(record.discovery, this.#moment));
      }
      if (record.kind === 'repository') break;
    }
  }

  /** How many tags were restored, and how many records were not understood. */
  get result(): { readonly restored: number; readonly invalid: number } {
    return { restored: this.#restored, invalid: this.#invalid };
  }

  /** Restores the tags that are still watched, and those that discovery found and the rules still take. */
  async tags(): Promise<void> {
    this.#invalid = 0;
    const repositories = new Map<number, RepositoryRecord>();
    let group: RepositoryTags | undefined;
    for (const record of this.#read()) {
      if (record.kind === 'repository') repositories.set(record.number, record);
      await this.#destination.yieldEvery.next();
      if (record.kind !== 'tag') continue;
      const repository = repositories.get(record.repository);
      if (repository === undefined) {
        this.#invalid += 1;
        continue;
      }
      if (group?.repository !== repository) {
        await this.#restore(group);
        group = { repository, tags: new Map() };
      }
      group.tags.set(record.tag, record);
    }
    await this.#restore(group);
  }

  *#read(): Generator<SnapshotRecord> {
    for (const each of this.#records) {
      const record = readRecord(each);
      if (record === undefined) this.#invalid += 1;
      else yield record;
    }
  }

  async #restore(group: RepositoryTags | undefined): Promise<void> {
    if (group === undefined) return;
    const { watchList, yieldEvery } = this.#destination;
    const { repository, tags } = group;
    if (repository.found) await watchList.resumeLookup(repository.instance, repository);
    await this.#addDiscovered(group);
    const watched = watchList.targetsOf(repository.instance)?.find(repository);
    if (watched === undefined || hasOtherId(watched.repository, repository)) return;
    if (watched.repository.id === '') watched.knownId = repository.id;
    await yieldEvery.each(tags.values(), (record) => this.#restoreTag(watched, record));
  }

  /** Adds the tags that are not listed: those that discovery found, and those that were listed, as after a reload. */
  async #addDiscovered({ repository, tags }: RepositoryTags): Promise<void> {
    const { watchList, discoveryManager, reconciler } = this.#destination;
    const { instance, id, namespace, name } = repository;
    const settings = discoveryManager.settingsOf(instance);
    if (settings === undefined || id === '' || namespace === '') return;
    const listed = watchList.targetsOf(instance)?.find(repository);
    if (listed !== undefined && listed.repository.id !== id) return;
    const found: FoundTag[] = [];
    for (const { tag, digest = '', scanTaskId, updated = Number.NEGATIVE_INFINITY } of tags.values())
      if (scanTaskId === undefined && !listed?.polls.has(tag)) found.push({ tag, digest, updatedMs: updated });
    await reconciler.resume(settings, { id, namespace, name }, found);
  }

  #restoreTag({ polls }: WatchedRepository, record: TagRecord): void {
    const poll = polls.get(record.tag);
    if (poll === undefined || !isSameImage(poll, record)) return;
    this.#destination.store.restore(poll.tag, stateOf(record, this.#moment));
    poll.resume(record, this.#moment);
    this.#restored += 1;
  }
}

function isSameImage({ tag: { target } }: TagPoll, { digest = '', scanTaskId = '', discovered }: TagRecord): boolean {
  return keepsState({ digest, scanTaskId }, discovered === true, target);
}

/** The state of a tag. The start of a scan that runs at the first answer is known only if the snapshot has it. */
function stateOf(record: TagRecord, moment: Moment): TagState {
  const { status, vulnerabilities, scan, success } = record;
  const [high = 0, medium = 0, low = 0, unknown = 0] = vulnerabilities ?? [];
  const past = (timeMs: number | undefined) => pastOf(timeMs, moment);
  return {
    status,
    sinceMs: Math.min(record.since, moment.nowMs),
    answered: status !== 'unknown' || record.answered === true,
    lastPollMs: past(record.poll ?? success),
    lastSuccessMs: past(success),
    lastError: record.error && errorInPast(record.error, moment),
    failures: record.failures ?? 0,
    scanService: record.service ?? '',
    vulnerabilities: vulnerabilities && { high, medium, low, unknown },
    summaryError: record.summaryError && errorInPast(record.summaryError, moment),
    scanSeenAtMonotonicMs: scan === undefined ? undefined : pastMonotonicMs(scan, moment),
    scanStartsAreSeen: false,
  };
}

/** A time of the snapshot; now, if the clock was set back since. */
function pastOf(timeMs: number | undefined, { nowMs }: Moment): number | undefined {
  return timeMs === undefined ? undefined : Math.min(timeMs, nowMs);
}

function inPast(memory: DiscoveryMemory, moment: Moment): DiscoveryMemory {
  const { success, error } = memory;
  return { ...memory, success: pastOf(success, moment), error: error && errorInPast(error, moment) };
}

function errorInPast(error: PollError, { nowMs }: Moment): PollError {
  return { ...error, timeMs: Math.min(error.timeMs, nowMs) };
}
