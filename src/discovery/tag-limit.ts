// How many tags are watched at the most: beyond that discovery keeps the newest, whatever instance they are of.

import type { FoundTag, Repository } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { StateStore } from '../state/store.ts';
import { contradicts } from '../targets/instance-targets.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { WatchedRepository } from '../targets/watched-repository.ts';
import type { Logger } from '../util/logger.ts';
import type { MaybeYield } from '../util/yield-every.ts';
import { newestOf, timesOf } from './newest.ts';

export type TagLimitOptions = {
  readonly watchList: WatchList;
  readonly store: StateStore;
  readonly logger: Logger;
  readonly maxTags: number;
};

/** A tag that there was no room for when it was found. */
export type Surplus = {
  readonly watched: WatchedRepository;
  /** What it was when the tag was found. */
  readonly repository: Repository;
  readonly found: FoundTag;
};

export class TagLimit {
  /** Listed tags count, but are never left out. */
  maxTags: number;
  readonly #watchList: WatchList;
  readonly #store: StateStore;
  readonly #logger: Logger;
  /** Instances with found tags that are left out. */
  readonly #truncated = new Set<string>();
  /** Instances that have lost found tags since their pass began. */
  readonly #cut = new Set<string>();

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

  /** What a pass over an instance finds from now on is all that there is of it. */
  begin(instanceId: string): void {
    this.#cut.delete(instanceId);
  }

  /** Forgets what cannot be among the newest, when that has become too much to keep. */
  async prune(surplus: Surplus[], breathe: MaybeYield): Promise<void> {
    if (surplus.length <= 2 * this.maxTags) return;
    const isNew = newestOf(await timesOf(surplus, ({ found }) => found.updatedMs, breathe), this.maxTags);
    let kept = 0;
    for (const each of surplus) {
      if (isNew(each.found.updatedMs)) surplus[kept++] = each;
      await breathe();
    }
    surplus.length = kept;
  }

  /**
   * Of all found tags that are watched, and of those that there was no room for, the newest stay.
   *
   * @param instanceId the instance of which a pass has ended, whose surplus this is; undefined when the limit alone has changed
   */
  async settle(instanceId: string | undefined, surplus: readonly Surplus[], breathe: MaybeYield): Promise<void> {
    const leftOut = new Set<string>();
    if (surplus.length > 0 || this.#store.size > this.maxTags) {
      const polls: TagPoll[] = [];
      for (const poll of this.#watchList.polls()) {
        if (poll.discovered) polls.push(poll);
        await breathe();
      }
      const times = new Float64Array(polls.length + surplus.length);
      times.set(await timesOf(polls, ({ discovered }) => discovered?.updatedMs ?? 0, breathe));
      times.set(await timesOf(surplus, ({ found }) => found.updatedMs, breathe), polls.length);
      const isNew = newestOf(times, this.maxTags - (this.#store.size - polls.length));
      for (const poll of polls) {
        if (!isNew(poll.discovered?.updatedMs ?? 0)) {
          leftOut.add(poll.instance.id);
          this.#cut.add(poll.instance.id);
          this.#remove(poll);
        }
        await breathe();
      }
      for (const each of surplus) {
        if (isNew(each.found.updatedMs)) this.#add(each);
        else leftOut.add(each.watched.instance.id);
        await breathe();
      }
    }
    this.#tell(instanceId, leftOut);
  }

  /** Nothing is to be found of an instance any more. */
  forget(instanceId: string): void {
    this.#truncated.delete(instanceId);
    this.#cut.delete(instanceId);
  }

  /** Meanwhile the repository may be another one, or watched because it is listed. */
  #add({ watched, repository, found }: Surplus): void {
    const instanceTargets = this.#watchList.targetsOf(watched.instance.id);
    if (instanceTargets === undefined) return;
    const same = instanceTargets.find(repository);
    if (same === undefined) {
      instanceTargets.known.learn(watched.repository);
      instanceTargets.add(watched);
    }
    const target = same ?? watched;
    if (contradicts(target.repository, repository) || target.polls.has(found.tag)) return;
    this.#watchList.updates.addFound(instanceTargets, target, found);
  }

  #remove(poll: TagPoll): void {
    const instanceTargets = this.#watchList.targetsOf(poll.instance.id);
    const watched = instanceTargets?.find(poll.tag.target.repository);
    if (instanceTargets === undefined || watched === undefined) return;
    this.#watchList.updates.removeTag(watched, poll);
    instanceTargets.closeIfEmpty(watched);
  }

  #tell(instanceId: string | undefined, leftOut: ReadonlySet<string>): void {
    // What another instance's pass, or a lower limit, took away after this pass had seen it is not in its surplus.
    const isWhole = instanceId !== undefined && !leftOut.has(instanceId) && !this.#cut.has(instanceId);
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
