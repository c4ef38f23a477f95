// Makes what is watched of an instance because it is listed what the list says, and leaves alone what discovery found.
import { isSameDigest } from '../util/digest.ts';
import type { RepositoryKeeper } from './repository-keeper.ts';
import type { Breather } from './roster.ts';
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

const TAGS_BETWEEN_BREATHS = 500;

/** Each method is to be called in the course of a change. */
export class Enrolment {
  readonly #keeper: RepositoryKeeper;
  #tagsSeen = 0;

  constructor(keeper: RepositoryKeeper) {
    this.#keeper = keeper;
  }

  /**
   * Makes the listed tags of an instance those of the list.
   *
   * @param areNew whether tags that were not watched so far have appeared after the process started
   */
  async apply(section: Section, list: WatchListInstance, areNew: boolean, breathe: Breather): Promise<void> {
    const warn = (repository: Repository, tag: string) => this.#keeper.warnDuplicate(repository, tag);
    const wanted = await wantedRepositories(list, section.known, warn, () => this.breathe(breathe));
    const pairs = section.match(wanted);
    const kept = new Set(pairs.map(({ watched }) => watched));
    const names = new Set(wanted.map(({ repository }) => namesKey(repository.namespace, repository.name)));
    for (const watched of [...section.repositories]) {
      if (kept.has(watched)) continue;
      const { namespace, name } = watched.repository;
      if (names.has(namesKey(namespace, name))) await this.remove(section, watched, breathe);
      else await this.#unlist(section, watched, list, breathe);
    }
    for (const watched of kept) section.delete(watched);
    for (const [order, { watched, wanted: each }] of pairs.entries()) {
      watched.order = order;
      await this.#applyRepository(watched, each, list, areNew, breathe);
      section.add(watched);
    }
  }

  async #applyRepository(
    watched: WatchedRepository,
    wanted: WantedRepository,
    list: WatchListInstance,
    areNew: boolean,
    breathe: Breather,
  ): Promise<void> {
    for (const [tag, poll] of watched.polls) {
      const listed = wanted.tags.get(tag);
      if (listed === undefined) this.#unlistTag(poll, list);
      else if (!meansTheSame(poll, listed)) this.#keeper.removeTag(poll);
      else if (poll.discovered !== undefined) this.#keeper.list(poll, listed);
      else if (listed.digest !== poll.tag.target.digest) this.#keeper.identify(poll, listed.digest);
      await this.breathe(breathe);
    }
    if (!isSameRepository(watched.repository, wanted.repository)) this.#keeper.relabel(watched, wanted.repository);
    this.#keeper.updateLookup(watched);
    for (const tag of wanted.tags.values()) {
      if (!watched.polls.has(tag.tag)) this.#keeper.addTag(watched, tag, areNew);
      await this.breathe(breathe);
    }
  }

  /** A repository is not listed any more: what discovery found of it, or may find, stays. */
  async #unlist(
    section: Section,
    watched: WatchedRepository,
    list: WatchListInstance,
    breathe: Breather,
  ): Promise<void> {
    this.#keeper.endLookup(watched);
    watched.order = Number.POSITIVE_INFINITY;
    for (const poll of watched.polls.values()) {
      this.#unlistTag(poll, list);
      await this.breathe(breathe);
    }
    const { domain } = list;
    if (watched.polls.size === 0) section.delete(watched);
    else if (watched.repository.domain !== domain) this.#keeper.relabel(watched, { ...watched.repository, domain });
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
  async remove(section: Section, watched: WatchedRepository, breathe: Breather): Promise<void> {
    this.#keeper.endLookup(watched);
    section.delete(watched);
    for (const poll of watched.polls.values()) {
      this.#keeper.removeTag(poll);
      await this.breathe(breathe);
    }
  }

  /** Called after every tag: now and then lets the event loop turn. */
  async breathe(breathe: Breather): Promise<void> {
    this.#tagsSeen += 1;
    if (this.#tagsSeen % TAGS_BETWEEN_BREATHS === 0) await breathe();
  }
}

/** Whether what is known of a tag holds for what the list now says of it. */
function meansTheSame({ tag: { target }, discovered }: PollTask, listed: WatchListTag): boolean {
  const isSame = isSameDigest(listed.digest, target.digest) || (discovered !== undefined && listed.digest === '');
  return isSame && listed.scanTaskId === target.scanTaskId;
}
