// Finds the watched repository that a discovered one is. It may be new, waiting for its lookup, renamed, or deleted and created again with
// another id.

import type { FoundRepository, Repository } from '../model/target.ts';
import { hasOtherId, type InstanceTargets, isSameRepository } from '../targets/instance-targets.ts';
import type { WatchList } from '../targets/watch-list.ts';
import { isListed, type WatchedRepository } from '../targets/watched-repository.ts';
import type { Logger } from '../util/logger.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import type { DiscoverySettings } from './rules.ts';

/** Two watched repositories never show under the same names. Call its methods while the mutex is held. */
export class RepositoryMatcher {
  readonly #watchList: WatchList;
  readonly #logger: Logger;
  readonly #yieldEvery: YieldEvery;
  /** For listed repositories: the id of the new repository under their names that was logged as left out. */
  readonly #leftOutIds = new WeakMap<WatchedRepository, string>();

  constructor(watchList: WatchList, logger: Logger, yieldEvery: YieldEvery) {
    this.#watchList = watchList;
    this.#logger = logger;
    this.#yieldEvery = yieldEvery;
  }

  /** The watched repository that was discovered, or a new one; undefined when a listed repository has the same names and another id. */
  async match(
    instanceTargets: InstanceTargets,
    settings: DiscoverySettings,
    found: FoundRepository,
  ): Promise<WatchedRepository | undefined> {
    const { instanceId, domain, rules } = settings;
    const repository = { instanceId, domain, ...found, vulnerabilities: rules.wantsVulnerabilities(found) };
    const waiting = instanceTargets.find(repository);
    if (waiting?.lookup !== undefined) await this.#watchList.applyLookup(waiting, waiting.lookup, found);
    const known = instanceTargets.find(repository);
    if (known === undefined) return this.#create(instanceTargets, repository);
    if (hasOtherId(known.repository, repository)) return this.#matchRecreated(instanceTargets, known, repository);
    if (isListed(known)) return known;
    return (await this.relabel(instanceTargets, known, repository)) ? known : undefined;
  }

  /**
   * Shows a repository under its present id and names. Another discovered repository that shows under these names is removed, and is
   * discovered again under its own names. A listed repository keeps its names.
   *
   * @returns false when the names are those of a listed repository: then this one is removed
   */
  async relabel(
    instanceTargets: InstanceTargets,
    watched: WatchedRepository,
    repository: Repository,
  ): Promise<boolean> {
    if (isSameRepository(watched.repository, repository)) return true;
    const other = instanceTargets.findOther(watched, repository);
    if (other !== undefined && isListed(other)) {
      await this.#removeDiscoveredTags(instanceTargets, watched);
      return false;
    }
    if (other !== undefined) await this.#removeDiscoveredTags(instanceTargets, other);
    await instanceTargets.reindex(watched, () => this.#watchList.updates.relabel(watched, repository));
    return true;
  }

  /** A repository was created again with another id. An id that was looked up is replaced. An id from the configuration stays. */
  async #matchRecreated(
    instanceTargets: InstanceTargets,
    old: WatchedRepository,
    repository: Repository,
  ): Promise<WatchedRepository | undefined> {
    if (!isListed(old)) {
      await this.#removeDiscoveredTags(instanceTargets, old);
      return this.#create(instanceTargets, repository);
    }
    if (!old.hasListedId) {
      instanceTargets.repositoryIds.delete(old.repository);
      instanceTargets.repositoryIds.add(repository);
      await instanceTargets.reindex(old, () =>
        this.#watchList.updates.relabel(old, { ...old.repository, id: repository.id }),
      );
      return old;
    }
    if (this.#leftOutIds.get(old) === repository.id) return undefined;
    this.#leftOutIds.set(old, repository.id);
    this.#logger.warn(
      'a new repository has the names of a listed one, for which the configuration gives another id: it is left out',
      {
        instance_id: repository.instanceId,
        repo_namespace: repository.namespace,
        repo_name: repository.name,
        repo_id: repository.id,
        listed_id: old.repository.id,
      },
    );
    return undefined;
  }

  #create(instanceTargets: InstanceTargets, repository: Repository): WatchedRepository {
    instanceTargets.repositoryIds.add(repository);
    return instanceTargets.create(repository, Number.POSITIVE_INFINITY);
  }

  async #removeDiscoveredTags(instanceTargets: InstanceTargets, watched: WatchedRepository): Promise<void> {
    await this.#yieldEvery.each(watched.polls.values(), (poll) => this.#watchList.updates.removeTag(watched, poll));
    instanceTargets.deleteIfEmpty(watched);
  }
}
