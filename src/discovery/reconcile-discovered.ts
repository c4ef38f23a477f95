// Adds and removes targets so that the discovered ones are those that exist and that the rules take.

import { isSameDigest } from '../model/digest.ts';
import type { RuleCount } from '../model/exporter-status.ts';
import type { ListScope } from '../model/list-scopes.ts';
import type { FoundRepository, FoundTag } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { InstanceTargets } from '../targets/instance-targets.ts';
import type { WatchList } from '../targets/watch-list.ts';
import { isListed, type WatchedRepository } from '../targets/watched-repository.ts';
import type { Logger } from '../util/logger.ts';
import type { Mutex } from '../util/mutex.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import type { MissingCounts } from './paginate.ts';
import { RepositoryMatcher } from './repository-matcher.ts';
import type { DiscoverySettings } from './rules.ts';
import type { TagLimit, TagOverLimit } from './tag-limit.ts';

/** A repository with all of its tags, by name. */
export type RepositoryListing = { readonly repository: FoundRepository; readonly tags: ReadonlyMap<string, FoundTag> };

/** What a run collects until its end. */
export type Collected = {
  /** Tags that exceeded `max_tags` when they were listed. */
  readonly overLimit: TagOverLimit[];
  /** What each rule took. */
  readonly counts: readonly RuleCount[];
};

export type DiscoveredReconcilerOptions = {
  readonly watchList: WatchList;
  readonly mutex: Mutex;
  readonly tagLimit: TagLimit;
  readonly logger: Logger;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  readonly yieldEvery: YieldEvery;
};

/** Changes run one after the other. A change of an instance that is not watched any more does nothing. */
export class DiscoveredReconciler {
  readonly #options: DiscoveredReconcilerOptions;
  readonly #matcher: RepositoryMatcher;

  constructor(options: DiscoveredReconcilerOptions) {
    this.#options = options;
    this.#matcher = new RepositoryMatcher(options.watchList, options.logger, options.yieldEvery);
  }

  /** A watched repository by its names, if its id is known. */
  known(
    instanceId: string,
    { namespace, name }: Pick<FoundRepository, 'namespace' | 'name'>,
  ): FoundRepository | undefined {
    const watched = this.#options.watchList.targetsOf(instanceId)?.find({ id: '', namespace, name });
    const id = watched?.repository.id ?? '';
    return id === '' ? undefined : { id, namespace, name };
  }

  /** How many discovered tags of a repository are watched, and how many of them are not listed. */
  compareTags(instanceId: string, { id }: FoundRepository, listed: ReadonlyMap<string, unknown>): MissingCounts {
    const watched = this.#options.watchList.targetsOf(instanceId)?.findById(id);
    return watched === undefined
      ? { watched: 0, lacking: 0 }
      : count(foundTags(watched), ({ tag }) => !listed.has(tag));
  }

  /** How many repositories of a scope have watched discovered tags, and how many of these repositories are not listed. */
  compareRepositories(instanceId: string, scope: ListScope, listed: ReadonlyMap<string, unknown>): MissingCounts {
    const repositories = this.#options.watchList.targetsOf(instanceId)?.repositories ?? [];
    const found = [...repositories].filter((watched) => {
      const { namespace, name } = watched.repository;
      const isOfScope = (scope.namespace ?? namespace) === namespace && (scope.name ?? name) === name;
      return isOfScope && !foundTags(watched).next().done;
    });
    return count(found, ({ repository }) => !listed.has(repository.id));
  }

  /**
   * Applies the list of a repository's tags: adds and polls the new ones that the rules take, and removes the others.
   *
   * @param collected receives the tags that exceed `max_tags`, and what each rule takes
   */
  found(
    settings: DiscoverySettings,
    { repository, tags }: RepositoryListing,
    { overLimit, counts }: Collected,
  ): Promise<void> {
    return this.#change(settings.instanceId, async (instanceTargets) => {
      const { now, tagLimit } = this.#options;
      const { next: maybeYield } = this.#options.yieldEvery;
      const chosen = await settings.rules.choose(repository, [...tags.values()], { nowMs: now(), maybeYield, counts });
      const watched = await this.#matcher.match(instanceTargets, settings, repository);
      if (watched === undefined) return;
      await this.#removeTagsUnless(watched, (poll, known) => {
        const listed = tags.get(poll.tag.target.tag);
        return listed !== undefined && chosen.has(listed) && isSameImage(known, listed);
      });
      for (const each of chosen) {
        if (!this.#update(watched, each)) {
          if (tagLimit.hasRoom) this.#options.watchList.updates.addDiscovered(instanceTargets, watched, each);
          else overLimit.push({ watched, repository: watched.repository, found: each });
        }
        await maybeYield();
      }
      await tagLimit.prune(overLimit, maybeYield);
      instanceTargets.deleteIfEmpty(watched);
    });
  }

  /** Adds the tags of a repository that a former process found, as far as the rules take them. There may be more than `max_tags`. */
  resume(settings: DiscoverySettings, repository: FoundRepository, tags: readonly FoundTag[]): Promise<void> {
    const { now, yieldEvery, watchList } = this.#options;
    return this.#change(settings.instanceId, async (instanceTargets) => {
      const { rules } = settings;
      const options = { nowMs: now(), maybeYield: yieldEvery.next, counts: rules.emptyCounts() };
      const chosen = await rules.choose(repository, tags, options);
      if (chosen.size === 0) return;
      const watched = await this.#matcher.match(instanceTargets, settings, repository);
      if (watched === undefined) return;
      await yieldEvery.each(chosen, (each) => {
        if (!watched.polls.has(each.tag)) watchList.updates.addDiscovered(instanceTargets, watched, each);
      });
    });
  }

  /** Removes the tags of a repository that does not exist any more. */
  gone(instanceId: string, { id }: FoundRepository): Promise<void> {
    return this.#change(instanceId, (instanceTargets) =>
      this.#removeRepositories(instanceTargets, ({ repository }) => repository.id === id),
    );
  }

  /** Applies the list of all repositories of an instance that the rules take: removes those that are not in it. */
  listed(
    settings: DiscoverySettings,
    listed: ReadonlyMap<string, unknown>,
    overLimit: readonly TagOverLimit[],
  ): Promise<void> {
    const { instanceId } = settings;
    return this.#change(instanceId, async (instanceTargets) => {
      await this.#removeRepositories(instanceTargets, ({ repository }) => !listed.has(repository.id));
      const taken = await this.#stillTaken(settings, overLimit);
      await this.#options.tagLimit.settle(instanceId, taken, this.#options.yieldEvery.next);
      instanceTargets.findsNew = true;
    });
  }

  /** Applies `max_tags` to the tags that exceeded it when a single repository was listed: the newest stay. */
  settle(settings: DiscoverySettings, overLimit: readonly TagOverLimit[]): Promise<void> {
    const { tagLimit, yieldEvery } = this.#options;
    if (overLimit.length === 0) return Promise.resolve();
    return this.#change(settings.instanceId, async () => {
      await tagLimit.settle(undefined, await this.#stillTaken(settings, overLimit), yieldEvery.next);
    });
  }

  /** Applies other rules: removes the tags whose names they do not take, and updates the rest. */
  retain({ instanceId, rules }: DiscoverySettings): Promise<void> {
    return this.#change(instanceId, async (instanceTargets) => {
      for (const watched of [...instanceTargets.repositories]) {
        const { repository } = watched;
        await this.#removeTagsUnless(watched, (_, { tag }) => rules.takesTag(repository, tag));
        const vulnerabilities = rules.wantsVulnerabilities(repository);
        if (!isListed(watched))
          await this.#matcher.relabel(instanceTargets, watched, { ...repository, vulnerabilities });
        instanceTargets.deleteIfEmpty(watched);
      }
    });
  }

  /** Removes all discovered tags of an instance. */
  clear(instanceId: string): Promise<void> {
    return this.#change(instanceId, async (instanceTargets) => {
      await this.#removeRepositories(instanceTargets, () => true);
      this.#options.tagLimit.forget(instanceId);
    });
  }

  /** Sets the limit of watched tags. If there are more, the newest stay. */
  limit(maxTags: number): Promise<void> {
    const { tagLimit, mutex } = this.#options;
    return mutex.run(async () => {
      tagLimit.maxTags = maxTags;
      await tagLimit.settle(undefined, [], this.#options.yieldEvery.next);
    });
  }

  /** Without the tags of repositories that another replica has got since they were listed. */
  async #stillTaken({ rules }: DiscoverySettings, overLimit: readonly TagOverLimit[]): Promise<TagOverLimit[]> {
    const isTaken = new Map<string, boolean>();
    const taken: TagOverLimit[] = [];
    await this.#options.yieldEvery.each(overLimit, (each) => {
      const { repository } = each;
      const known = isTaken.get(repository.id) ?? rules.takesRepository(repository);
      isTaken.set(repository.id, known);
      if (known) taken.push(each);
    });
    return taken;
  }

  #change(instanceId: string, change: (instanceTargets: InstanceTargets) => Promise<void>): Promise<void> {
    const { mutex, watchList } = this.#options;
    return mutex.run(async () => {
      const instanceTargets = watchList.targetsOf(instanceId);
      if (instanceTargets !== undefined) await change(instanceTargets);
    });
  }

  /** Applies the listed data of a tag that is watched; false when the tag is not watched. */
  #update({ polls }: WatchedRepository, found: FoundTag): boolean {
    const poll = polls.get(found.tag);
    if (poll === undefined) return false;
    poll.seen(found.updatedMs);
    if (poll.discovered === undefined) return true;
    const { digest, updatedMs } = poll.discovered;
    poll.discovered = { ...found, digest: found.digest || digest };
    // The same image was pushed again. If it was never scanned, a scan may begin soon.
    if (found.updatedMs > updatedMs) poll.hasten();
    if (digest === '' && found.digest !== '') this.#options.watchList.updates.setDigest(poll, found.digest);
    return true;
  }

  /** Removes the discovered tags of a repository for which `stays` is false. */
  async #removeTagsUnless(
    watched: WatchedRepository,
    stays: (poll: TagPoll, found: FoundTag) => boolean,
  ): Promise<void> {
    await this.#options.yieldEvery.each(watched.polls.values(), (poll) => {
      if (poll.discovered && !stays(poll, poll.discovered)) this.#options.watchList.updates.removeTag(watched, poll);
    });
  }

  async #removeRepositories(
    instanceTargets: InstanceTargets,
    isGone: (watched: WatchedRepository) => boolean,
  ): Promise<void> {
    for (const watched of [...instanceTargets.repositories].filter(isGone)) {
      await this.#removeTagsUnless(watched, () => false);
      instanceTargets.deleteIfEmpty(watched);
    }
  }
}

function count<Item>(items: Iterable<Item>, isLacking: (item: Item) => boolean): MissingCounts {
  let [watched, lacking] = [0, 0];
  for (const item of items) {
    watched += 1;
    if (isLacking(item)) lacking += 1;
  }
  return { watched, lacking };
}

function* foundTags({ polls }: WatchedRepository): Generator<FoundTag> {
  for (const { discovered } of polls.values()) if (discovered) yield discovered;
}

/** Whether a tag is of the same image in both lists. An unknown digest counts as the same. */
function isSameImage(one: FoundTag, other: FoundTag): boolean {
  return one.digest === '' || other.digest === '' || isSameDigest(one.digest, other.digest);
}
