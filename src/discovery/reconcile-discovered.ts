// Who is watched because discovery found it: makes what is watched of what the listings say.

import { isSameDigest } from '../model/digest.ts';
import type { ListScope } from '../model/list-scopes.ts';
import type { RuleCount } from '../model/status.ts';
import type { FoundRepository, FoundTag } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { InstanceTargets } from '../targets/instance-targets.ts';
import type { WatchList } from '../targets/watch-list.ts';
import { isListed, type WatchedRepository } from '../targets/watched-repository.ts';
import type { Logger } from '../util/logger.ts';
import type { Mutex } from '../util/mutex.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import type { Comparison } from './list-all.ts';
import { Recognition } from './recognition.ts';
import type { DiscoverySettings } from './rules.ts';
import type { Surplus, TagLimit } from './tag-limit.ts';

/** What a listing of a repository says. */
export type Finding = { readonly repository: FoundRepository; readonly tags: ReadonlyMap<string, FoundTag> };

/** What a pass gathers beside what is watched then. */
export type Gathered = {
  /** Tags that there was no room for when they were found. */
  readonly surplus: Surplus[];
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
  readonly breath: YieldEvery;
};

/** Each method waits for the changes before it. What is said of an instance that is not watched (any more) is dropped. */
export class DiscoveredReconciler {
  readonly #options: DiscoveredReconcilerOptions;
  readonly #recognition: Recognition;

  constructor(options: DiscoveredReconcilerOptions) {
    this.#options = options;
    this.#recognition = new Recognition(options.watchList, options.logger, options.breath);
  }

  /** How many found tags of a repository are watched, and how many of them a listing lacks. */
  compareTags(instanceId: string, { id }: FoundRepository, listed: ReadonlyMap<string, unknown>): Comparison {
    const watched = this.#options.watchList.targetsOf(instanceId)?.findById(id);
    return watched === undefined
      ? { watched: 0, lacking: 0 }
      : count(foundTags(watched), ({ tag }) => !listed.has(tag));
  }

  /** How many repositories of this scope have found tags that are watched, and how many of these a listing of it lacks. */
  compareRepositories(instanceId: string, scope: ListScope, listed: ReadonlyMap<string, unknown>): Comparison {
    const repositories = this.#options.watchList.targetsOf(instanceId)?.repositories ?? [];
    const found = [...repositories].filter((watched) => {
      const { namespace, name } = watched.repository;
      const isOfScope = (scope.namespace ?? namespace) === namespace && (scope.name ?? name) === name;
      return isOfScope && !foundTags(watched).next().done;
    });
    return count(found, ({ repository }) => !listed.has(repository.id));
  }

  /**
   * A repository has these tags: of those that the rules want, new ones are polled at once, and all others are not watched any more.
   *
   * @param gathered gets the tags that there is no room for, and what each rule takes
   */
  found(settings: DiscoverySettings, { repository, tags }: Finding, { surplus, counts }: Gathered): Promise<void> {
    return this.#change(settings.instanceId, async (instanceTargets) => {
      const { now, tagLimit } = this.#options;
      const { next: breathe } = this.#options.breath;
      const chosen = await settings.rules.choose(repository, [...tags.values()], { nowMs: now(), breathe, counts });
      const watched = await this.#recognition.recognize(instanceTargets, settings, repository);
      if (watched === undefined) return;
      await this.#weed(watched, (poll, known) => {
        const listed = tags.get(poll.tag.target.tag);
        return listed !== undefined && chosen.has(listed) && isSameImage(known, listed);
      });
      for (const each of chosen) {
        if (!this.#update(watched, each)) {
          if (tagLimit.hasRoom) this.#options.watchList.updates.addFound(instanceTargets, watched, each);
          else surplus.push({ watched, repository: watched.repository, found: each });
        }
        await breathe();
      }
      await tagLimit.prune(surplus, breathe);
      instanceTargets.closeIfEmpty(watched);
    });
  }

  /** There is no such repository any more. */
  gone(instanceId: string, { id }: FoundRepository): Promise<void> {
    return this.#change(instanceId, (instanceTargets) =>
      this.#drop(instanceTargets, ({ repository }) => repository.id === id),
    );
  }

  /** All repositories of an instance that the rules want were listed: those that are not among them are gone. */
  listed(instanceId: string, listed: ReadonlyMap<string, unknown>, surplus: readonly Surplus[]): Promise<void> {
    return this.#change(instanceId, async (instanceTargets) => {
      await this.#drop(instanceTargets, ({ repository }) => !listed.has(repository.id));
      await this.#options.tagLimit.settle(instanceId, surplus, this.#options.breath.next);
      instanceTargets.findsNew = true;
    });
  }

  /** Other rules: what they do not take by its name is not watched any more, and the rest as they want it. */
  retain({ instanceId, rules }: DiscoverySettings): Promise<void> {
    return this.#change(instanceId, async (instanceTargets) => {
      for (const watched of [...instanceTargets.repositories]) {
        const { repository } = watched;
        await this.#weed(watched, (_, { tag }) => rules.takes(repository, tag));
        const vulnerabilities = rules.wantsVulnerabilities(repository);
        if (!isListed(watched))
          await this.#recognition.relabel(instanceTargets, watched, { ...repository, vulnerabilities });
        instanceTargets.closeIfEmpty(watched);
      }
    });
  }

  /** Nothing of an instance is wanted any more but what is listed. */
  clear(instanceId: string): Promise<void> {
    return this.#change(instanceId, async (instanceTargets) => {
      await this.#drop(instanceTargets, () => true);
      this.#options.tagLimit.forget(instanceId);
    });
  }

  /** Another number of tags is allowed: if there are more, the newest stay. */
  limit(maxTags: number): Promise<void> {
    const { tagLimit, mutex } = this.#options;
    return mutex.run(async () => {
      tagLimit.maxTags = maxTags;
      await tagLimit.settle(undefined, [], this.#options.breath.next);
    });
  }

  #change(instanceId: string, change: (instanceTargets: InstanceTargets) => Promise<void>): Promise<void> {
    const { mutex, watchList } = this.#options;
    return mutex.run(async () => {
      const instanceTargets = watchList.targetsOf(instanceId);
      if (instanceTargets !== undefined) await change(instanceTargets);
    });
  }

  /** Takes news of a tag that is watched; false when it is not. */
  #update({ polls }: WatchedRepository, found: FoundTag): boolean {
    const poll = polls.get(found.tag);
    if (poll === undefined) return false;
    poll.seen(found.updatedMs);
    if (poll.discovered === undefined) return true;
    const { digest, updatedMs } = poll.discovered;
    poll.discovered = { ...found, digest: found.digest || digest };
    // The same image was pushed again: where it was never scanned, a scan may be about to begin.
    if (found.updatedMs > updatedMs) poll.hasten();
    if (digest === '' && found.digest !== '') this.#options.watchList.updates.identify(poll, found.digest);
    return true;
  }

  /** Found tags of a repository that do not stay are not watched any more. */
  async #weed(watched: WatchedRepository, stays: (poll: TagPoll, found: FoundTag) => boolean): Promise<void> {
    await this.#options.breath.each(watched.polls.values(), (poll) => {
      if (poll.discovered && !stays(poll, poll.discovered)) this.#options.watchList.updates.removeTag(watched, poll);
    });
  }

  async #drop(instanceTargets: InstanceTargets, isConcerned: (watched: WatchedRepository) => boolean): Promise<void> {
    for (const watched of [...instanceTargets.repositories].filter(isConcerned)) {
      await this.#weed(watched, () => false);
      instanceTargets.closeIfEmpty(watched);
    }
  }
}

function count<Item>(items: Iterable<Item>, isLacking: (item: Item) => boolean): Comparison {
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

/** Whether two sights of a tag are of the same image: where a digest is not known, nothing says otherwise. */
function isSameImage(one: FoundTag, other: FoundTag): boolean {
  return one.digest === '' || other.digest === '' || isSameDigest(one.digest, other.digest);
}
