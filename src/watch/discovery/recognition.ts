// Which watched repository a found one is: it may be new, waiting for its lookup, renamed, or made anew under names that are known.
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

  constructor(roster: Roster, logger: Logger) {
    this.#roster = roster;
    this.#logger = logger;
  }

  /** The watched repository that was found, or a new one; undefined where its names are those of a listed one with another id. */
  recognize(section: Section, settings: DiscoverySettings, found: FoundRepository): WatchedRepository | undefined {
    const { instanceId, domain, rules } = settings;
    const repository = { instanceId, domain, ...found, vulnerabilities: rules.wantsVulnerabilities(found) };
    const waiting = section.find(repository)?.lookup;
    if (waiting !== undefined) this.#roster.learn(waiting, found);
    const known = section.find(repository);
    if (known === undefined) return this.#create(section, repository);
    if (contradicts(known.repository, repository)) return this.#successor(section, known, repository);
    if (isListed(known)) return known;
    return this.relabel(section, known, repository) ? known : undefined;
  }

  /**
   * Shows a repository under what is now known of it. Another one that was found under these names gives way, and is found again
   * under its own; a listed one has them for good.
   *
   * @returns false when the repository had to give way itself, and is not watched any more
   */
  relabel(section: Section, watched: WatchedRepository, repository: Repository): boolean {
    if (isSameRepository(watched.repository, repository)) return true;
    const other = section.findOther(watched, repository);
    if (other !== undefined && isListed(other)) {
      this.#evict(section, watched);
      return false;
    }
    if (other !== undefined) this.#evict(section, other);
    section.reindex(watched, () => this.#roster.keeper.relabel(watched, repository));
    return true;
  }

  /** A repository was made anew under the names of a watched one. An id that was looked up is another one now, one from the file is not. */
  #successor(section: Section, old: WatchedRepository, repository: Repository): WatchedRepository | undefined {
    if (!isListed(old)) {
      this.#evict(section, old);
      return this.#create(section, repository);
    }
    if (section.known.idOf(repository) === old.repository.id) {
      section.known.forget(old.repository);
      section.known.learn(repository);
      section.reindex(old, () => this.#roster.keeper.relabel(old, { ...old.repository, id: repository.id }));
      return old;
    }
    this.#logger.debug('a listed repository with another id has the names of a found one: that is left out', {
      instance_id: repository.instanceId,
      repo_namespace: repository.namespace,
      repo_name: repository.name,
      repo_id: repository.id,
    });
    return undefined;
  }

  #create(section: Section, repository: Repository): WatchedRepository {
    section.known.learn(repository);
    return section.create(repository, Number.POSITIVE_INFINITY);
  }

  #evict(section: Section, watched: WatchedRepository): void {
    for (const poll of watched.polls.values()) this.#roster.keeper.removeTag(poll);
    section.closeIfEmpty(watched);
  }
}
