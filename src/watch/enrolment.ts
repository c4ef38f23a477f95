// Makes what is watched of an instance because it is listed what the list says, and leaves alone what discovery found.

import type { Breath } from '../util/breath.ts';
import { isSameDigest } from '../util/digest.ts';
import type { RepositoryKeeper } from './repository-keeper.ts';
import { isSameRepository, type Section } from './section.ts';
import type { Repository } from './target.ts';
import type { PollTask, WatchedRepository } from './task.ts';
import {
  namesKey,
  type WantedRepository,
  type WatchListInstance,
  type WatchListTag,
  wantedRepositories,
} from './watch-list.ts';

/** Each method is to be called in the course of a change. */
export class Enrolment {
  readonly #keeper: RepositoryKeeper;
  readonly #breath: Breath;

  constructor(keeper: RepositoryKeeper, breath: Breath) {
    this.#keeper = keeper;
    this.#breath = breath;
  }

  /**
   * Makes the listed tags of an instance those of the list.
   *
   * @param areNew whether tags that were not watched so far have appeared after the process started
   */
  async apply(section: Section, list: WatchListInstance, areNew: boolean): Promise<void> {
    const breath = this.#breath;
    const warn = (repository: Repository, tag: string) => this.#keeper.warnDuplicate(repository, tag);
    const wanted = await wantedRepositories(list, section.known, warn, breath.next);
    const pairs = await section.match(wanted, breath);
    const names = new Set<string>();
    await breath.each(wanted, ({ repository: { namespace, name } }) => names.add(namesKey(namespace, name)));
    for (const watched of [...section.repositories]) {
      if (pairs.has(watched)) continue;
      const { namespace, name } = watched.repository;
      if (names.has(namesKey(namespace, name))) await this.remove(section, watched);
      else await this.#unlist(section, watched, list);
    }
    await breath.each(pairs.keys(), (watched) => section.delete(watched));
    let order = 0;
    for (const [watched, each] of pairs) {
      watched.order = order;
      watched.hasListedId = each.hasListedId;
      order += 1;
      await this.#applyRepository(watched, each, list, areNew);
      section.add(watched);
      await breath.next();
    }
  }

  async #applyRepository(
    watched: WatchedRepository,
    wanted: WantedRepository,
    list: WatchListInstance,
    areNew: boolean,
  ): Promise<void> {
    await this.#breath.each(watched.polls, ([tag, poll]) => {
      const listed = wanted.tags.get(tag);
      if (listed === undefined) this.#unlistTag(poll, list);
      else if (!meansTheSame(poll, listed)) this.#keeper.removeTag(poll);
      else if (poll.discovered !== undefined) this.#keeper.list(poll, listed);
      else if (listed.digest !== poll.tag.target.digest) this.#keeper.identify(poll, listed.digest);
    });
    if (!isSameRepository(watched.repository, wanted.repository)) {
      await this.#keeper.relabel(watched, wanted.repository);
    }
    this.#keeper.updateLookup(watched);
    await this.#breath.each(wanted.tags.values(), (tag) => {
      if (!watched.polls.has(tag.tag)) this.#keeper.addTag(watched, tag, areNew);
    });
  }

  /** A repository is not listed any more: what discovery found of it, or may find, stays. */
  async #unlist(section: Section, watched: WatchedRepository, list: WatchListInstance): Promise<void> {
    this.#keeper.endLookup(watched);
    watched.order = Number.POSITIVE_INFINITY;
    watched.hasListedId = false;
    await this.#breath.each(watched.polls.values(), (poll) => this.#unlistTag(poll, list));
    const { domain } = list;
    if (watched.polls.size === 0) section.delete(watched);
    else if (watched.repository.domain !== domain)
      await this.#keeper.relabel(watched, { ...watched.repository, domain });
  }

  /** Where tags are found, the rules are to say whether one stays that is not listed any more. */
  #unlistTag(poll: PollTask, { discover }: WatchListInstance): void {
    const { repository, scanTaskId } = poll.tag.target;
    if (poll.discovered !== undefined) return;
    if (discover.length > 0 && repository.id !== '' && repository.namespace !== '' && scanTaskId === '') {
      this.#keeper.unlist(poll);
    } else this.#keeper.removeTag(poll);
  }

  /** Stops to watch a repository. */
  async remove(section: Section, watched: WatchedRepository): Promise<void> {
    this.#keeper.endLookup(watched);
    section.delete(watched);
    await this.#breath.each(watched.polls.values(), (poll) => this.#keeper.removeTag(poll));
  }
}

/** Whether what is known of a tag holds for what the list now says of it. */
function meansTheSame({ tag: { target }, discovered }: PollTask, listed: WatchListTag): boolean {
  const isSame = isSameDigest(listed.digest, target.digest) || (discovered !== undefined && listed.digest === '');
  return isSame && listed.scanTaskId === target.scanTaskId;
}
