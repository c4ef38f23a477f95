// Holds the number of watched tags within `max_tags`: of the discovered tags of all instances the newest stay.

import type { FoundTag, Repository } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { StateStore } from '../state/store.ts';
import { hasOtherId } from '../targets/instance-targets.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { WatchedRepository } from '../targets/watched-repository.ts';
import type { Logger } from '../util/logger.ts';
import type { MaybeYield } from '../util/yield-every.ts';
import { newestOf, timesOf } from './newest-tags.ts';

export type TagLimitOptions = {
  readonly watchList: WatchList;
  readonly store: StateStore;
  readonly logger: Logger;
  readonly maxTags: number;
};

/** A tag that exceeded `max_tags` when it was listed. */
export type TagOverLimit = {
  readonly watched: WatchedRepository;
  /** As it was when the tag was listed. */
  readonly repository: Repository;
  readonly found: FoundTag;
};

export class TagLimit {
  /** Listed tags count, but are never left out. */
  maxTags: number;
  readonly #watchList: WatchList;
  readonly #store: StateStore;
  readonly #logger: Logger;
  /** Ids of instances with discovered tags that are left out. */
  readonly #truncated = new Set<string>();
  /** Ids of instances from which tags were removed since their run began. */
  readonly #lostTags = new Set<string>();

  constructor({ watchList, store, logger, maxTags }: TagLimitOptions) {
    this.#watchList = watchList;
    this.#store = store;
    this.#logger = logger;
    this.maxTags = maxTags;
  }

  /** Whether tags of an instance are left out because there are too many. */
  isTruncated(instanceId: string): boolean {
    return this.#truncated.has(instanceId);
  }

  /** Whether one more tag may be watched. */
  get hasRoom(): boolean {
    return this.#store.size < this.maxTags;
  }

  /** A run over an instance begins. */
  beginRun(instanceId: string): void {
    this.#lostTags.delete(instanceId);
  }

  /** A former process left out tags of an instance. */
  resumeTruncated(instanceId: string): void {
    this.#truncated.add(instanceId);
  }

  /** Drops tags that cannot be among the newest when there are too many to keep. */
  async prune(overLimit: TagOverLimit[], maybeYield: MaybeYield): Promise<void> {
    if (overLimit.length <= 2 * this.maxTags) return;
    const isNew = newestOf(await timesOf(overLimit, ({ found }) => found.updatedMs, maybeYield), this.maxTags);
    let kept = 0;
    for (const each of overLimit) {
      if (isNew(each.found.updatedMs)) overLimit[kept++] = each;
      await maybeYield();
    }
    overLimit.length = kept;
  }

  /**
   * Keeps the newest of all watched discovered tags and of those in `overLimit`, and removes the others.
   *
   * @param instanceId the instance whose run has ended and collected `overLimit`; undefined when only the limit has changed
   */
  async settle(
    instanceId: string | undefined,
    overLimit: readonly TagOverLimit[],
    maybeYield: MaybeYield,
  ): Promise<void> {
    const leftOut = new Set<string>();
    if (overLimit.length > 0 || this.#store.size > this.maxTags) {
      const polls: TagPoll[] = [];
      for (const poll of this.#watchList.polls()) {
        if (poll.discovered) polls.push(poll);
        await maybeYield();
      }
      const times = new Float64Array(polls.length + overLimit.length);
      times.set(await timesOf(polls, ({ discovered }) => discovered?.updatedMs ?? 0, maybeYield));
      times.set(await timesOf(overLimit, ({ found }) => found.updatedMs, maybeYield), polls.length);
      const isNew = newestOf(times, this.maxTags - (this.#store.size - polls.length));
      for (const poll of polls) {
        if (!isNew(poll.discovered?.updatedMs ?? 0)) {
          leftOut.add(poll.instance.id);
          this.#lostTags.add(poll.instance.id);
          this.#remove(poll);
        }
        await maybeYield();
      }
      for (const each of overLimit) {
        if (isNew(each.found.updatedMs)) this.#add(each);
        else leftOut.add(each.watched.instance.id);
        await maybeYield();
      }
    }
    this.#logTruncation(instanceId, leftOut);
  }

  /** An instance is no longer discovered. */
  forget(instanceId: string): void {
    this.#truncated.delete(instanceId);
    this.#lostTags.delete(instanceId);
  }

  /** The repository may be another one by now, or be listed. */
  #add({ watched, repository, found }: TagOverLimit): void {
    const instanceTargets = this.#watchList.targetsOf(watched.instance.id);
    if (instanceTargets === undefined) return;
    const same = instanceTargets.find(repository);
    if (same === undefined) {
      instanceTargets.repositoryIds.add(watched.repository);
      instanceTargets.add(watched);
    }
    const target = same ?? watched;
    if (hasOtherId(target.repository, repository) || target.polls.has(found.tag)) return;
    this.#watchList.updates.addDiscovered(instanceTargets, target, found);
  }

  #remove(poll: TagPoll): void {
    const instanceTargets = this.#watchList.targetsOf(poll.instance.id);
    const watched = instanceTargets?.find(poll.tag.target.repository);
    if (instanceTargets === undefined || watched === undefined) return;
    this.#watchList.updates.removeTag(watched, poll);
    instanceTargets.deleteIfEmpty(watched);
  }

  #logTruncation(instanceId: string | undefined, leftOut: ReadonlySet<string>): void {
    // Tags that a run of another instance or a lower limit removed during this run are not in its `overLimit`.
    const isWhole = instanceId !== undefined && !leftOut.has(instanceId) && !this.#lostTags.has(instanceId);
    if (isWhole && this.#truncated.delete(instanceId)) {
      this.#logger.info('all found tags are watched again', { instance_id: instanceId });
    }
    for (const id of leftOut) {
      if (this.#truncated.has(id)) continue;
      this.#truncated.add(id);
      const fields = { instance_id: id, max_tags: this.maxTags };
      this.#logger.warn('more tags were found than max_tags allows: the newest are watched', fields);
    }
  }
}
