// Which watched repository a found one is: it may be new, waiting for its lookup, renamed, or made anew under names that are known.

import type { FoundRepository, Repository } from '../model/target.ts';
import { contradicts, type InstanceTargets, isSameRepository } from '../targets/instance-targets.ts';
import type { WatchList } from '../targets/watch-list.ts';
import { isListed, type WatchedRepository } from '../targets/watched-repository.ts';
import type { Logger } from '../util/logger.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import type { DiscoverySettings } from './rules.ts';

/** No two watched repositories ever show under the same names. To be used in the course of a change. */
export class Recognition {
  readonly #watchList: WatchList;
  readonly #logger: Logger;
  readonly #breath: YieldEvery;
  /** Of listed repositories, the id of the one that was made anew under their names, which the log has told. */
  readonly #leftOut = new WeakMap<WatchedRepository, string>();

  constructor(watchList: WatchList, logger: Logger, breath: YieldEvery) {
    this.#watchList = watchList;
    this.#logger = logger;
    this.#breath = breath;
  }

  /** The watched repository that was found, or a new one; undefined where its names are those of a listed one with another id. */
  async recognize(
    instanceTargets: InstanceTargets,
    settings: DiscoverySettings,
    found: FoundRepository,
  ): Promise<WatchedRepository | undefined> {
    const { instanceId, domain, rules } = settings;
    const repository = { instanceId, domain, ...found, vulnerabilities: rules.wantsVulnerabilities(found) };
    const waiting = instanceTargets.find(repository);
    if (waiting?.lookup !== undefined) await this.#watchList.learn(waiting, waiting.lookup, found);
    const known = instanceTargets.find(repository);
    if (known === undefined) return this.#create(instanceTargets, repository);
    if (contradicts(known.repository, repository)) return this.#successor(instanceTargets, known, repository);
    if (isListed(known)) return known;
    return (await this.relabel(instanceTargets, known, repository)) ? known : undefined;
  }

  /**
   * Shows a repository under what is now known of it. Another one that was found under these names gives way, and is found again
   * under its own; a listed one has them for good.
   *
   * @returns false when the repository had to give way itself, and is not watched any more
   */
  async relabel(
    instanceTargets: InstanceTargets,
    watched: WatchedRepository,
    repository: Repository,
  ): Promise<boolean> {
    if (isSameRepository(watched.repository, repository)) return true;
    const other = instanceTargets.findOther(watched, repository);
    if (other !== undefined && isListed(other)) {
      await this.#evict(instanceTargets, watched);
      return false;
    }
    if (other !== undefined) await this.#evict(instanceTargets, other);
    await instanceTargets.reindex(watched, () => this.#watchList.updates.relabel(watched, repository));
    return true;
  }

  /** A repository was made anew under the names of a watched one. An id that was looked up is another one now, one from the file is not. */
  async #successor(
    instanceTargets: InstanceTargets,
    old: WatchedRepository,
    repository: Repository,
  ): Promise<WatchedRepository | undefined> {
    if (!isListed(old)) {
      await this.#evict(instanceTargets, old);
      return this.#create(instanceTargets, repository);
    }
    if (!old.hasListedId) {
      instanceTargets.known.forget(old.repository);
      instanceTargets.known.learn(repository);
      await instanceTargets.reindex(old, () =>
        this.#watchList.updates.relabel(old, { ...old.repository, id: repository.id }),
      );
      return old;
    }
    if (this.#leftOut.get(old) === repository.id) return undefined;
    this.#leftOut.set(old, repository.id);
    this.#logger.warn(
      'a repository was made anew under the names of a listed one, whose id the configuration gives: it is left out',
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
    instanceTargets.known.learn(repository);
    return instanceTargets.create(repository, Number.POSITIVE_INFINITY);
  }

  async #evict(instanceTargets: InstanceTargets, watched: WatchedRepository): Promise<void> {
    await this.#breath.each(watched.polls.values(), (poll) => this.#watchList.updates.removeTag(watched, poll));
    instanceTargets.closeIfEmpty(watched);
  }
}
