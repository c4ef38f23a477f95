// Which watched repository a found one is: it may be new, waiting for its lookup, renamed, or made anew under names that are known.
import type { Breath } from '../../util/breath.ts';
import type { Logger } from '../../util/logger.ts';
import type { Roster } from '../roster.ts';
import { contradicts, isSameRepository, type Section } from '../section.ts';
import type { Repository } from '../target.ts';
import { isListed, type WatchedRepository } from '../task.ts';
import type { FoundRepository } from '../watch-list.ts';
import type { DiscoverySettings } from './harvest.ts';

/** No two watched repositories ever show under the same names. To be used in the course of a change. */
export class Recognition {
  readonly #roster: Roster;
  readonly #logger: Logger;
  readonly #breath: Breath;
  /** Of listed repositories, the id of the one that was made anew under their names, which the log has told. */
  readonly #leftOut = new WeakMap<WatchedRepository, string>();

  constructor(roster: Roster, logger: Logger, breath: Breath) {
    this.#roster = roster;
    this.#logger = logger;
    this.#breath = breath;
  }

  /** The watched repository that was found, or a new one; undefined where its names are those of a listed one with another id. */
  async recognize(
    section: Section,
    settings: DiscoverySettings,
    found: FoundRepository,
  ): Promise<WatchedRepository | undefined> {
    const { instanceId, domain, rules } = settings;
    const repository = { instanceId, domain, ...found, vulnerabilities: rules.wantsVulnerabilities(found) };
    const waiting = section.find(repository)?.lookup;
    if (waiting !== undefined) await this.#roster.learn(waiting, found);
    const known = section.find(repository);
    if (known === undefined) return this.#create(section, repository);
    if (contradicts(known.repository, repository)) return this.#successor(section, known, repository);
    if (isListed(known)) return known;
    return (await this.relabel(section, known, repository)) ? known : undefined;
  }

  /**
   * Shows a repository under what is now known of it. Another one that was found under these names gives way, and is found again
   * under its own; a listed one has them for good.
   *
   * @returns false when the repository had to give way itself, and is not watched any more
   */
  async relabel(section: Section, watched: WatchedRepository, repository: Repository): Promise<boolean> {
    if (isSameRepository(watched.repository, repository)) return true;
    const other = section.findOther(watched, repository);
    if (other !== undefined && isListed(other)) {
      await this.#evict(section, watched);
      return false;
    }
    if (other !== undefined) await this.#evict(section, other);
    await section.reindex(watched, () => this.#roster.keeper.relabel(watched, repository));
    return true;
  }

  /** A repository was made anew under the names of a watched one. An id that was looked up is another one now, one from the file is not. */
  async #successor(
    section: Section,
    old: WatchedRepository,
    repository: Repository,
  ): Promise<WatchedRepository | undefined> {
    if (!isListed(old)) {
      await this.#evict(section, old);
      return this.#create(section, repository);
    }
    if (!old.hasListedId) {
      section.known.forget(old.repository);
      section.known.learn(repository);
      await section.reindex(old, () => this.#roster.keeper.relabel(old, { ...old.repository, id: repository.id }));
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

  #create(section: Section, repository: Repository): WatchedRepository {
    section.known.learn(repository);
    return section.create(repository, Number.POSITIVE_INFINITY);
  }

  async #evict(section: Section, watched: WatchedRepository): Promise<void> {
    await this.#breath.each(watched.polls.values(), (poll) => this.#roster.keeper.removeTag(poll));
    section.closeIfEmpty(watched);
  }
}
