// Makes what is watched of an instance because it is listed what the list says, and leaves alone what discovery found.

import { isSameDigest } from '../model/digest.ts';
import type { ListedTag } from '../model/settings.ts';
import type { Repository } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import { type InstanceTargets, isSameRepository } from './instance-targets.ts';
import { type ListedInstance, namesKey, type WantedRepository, wantedRepositories } from './listed.ts';
import type { TargetUpdates } from './target-updates.ts';
import type { WatchedRepository } from './watched-repository.ts';

/** Each method is to be called in the course of a change. */
export class ListedReconciler {
  readonly #updates: TargetUpdates;
  readonly #breath: YieldEvery;

  constructor(updates: TargetUpdates, breath: YieldEvery) {
    this.#updates = updates;
    this.#breath = breath;
  }

  /**
   * Makes the listed tags of an instance those of the list.
   *
   * @param areNew whether tags that were not watched so far have appeared after the process started
   */
  async apply(instanceTargets: InstanceTargets, list: ListedInstance, areNew: boolean): Promise<void> {
    const breath = this.#breath;
    const warn = (repository: Repository, tag: string) => this.#updates.warnDuplicate(repository, tag);
    const wanted = await wantedRepositories(list, instanceTargets.known, warn, breath.next);
    const pairs = await instanceTargets.match(wanted, breath);
    const names = new Set<string>();
    await breath.each(wanted, ({ repository: { namespace, name } }) => names.add(namesKey(namespace, name)));
    for (const watched of [...instanceTargets.repositories]) {
      if (pairs.has(watched)) continue;
      const { namespace, name } = watched.repository;
      if (names.has(namesKey(namespace, name))) await this.remove(instanceTargets, watched);
      else await this.#unlist(instanceTargets, watched, list);
    }
    await breath.each(pairs.keys(), (watched) => instanceTargets.delete(watched));
    const found = [...instanceTargets.repositories];
    let order = 0;
    for (const [watched, each] of pairs) {
      watched.order = order;
      watched.hasListedId = each.hasListedId;
      order += 1;
      await this.#applyRepository(watched, each, list, areNew);
      instanceTargets.add(watched);
      await breath.next();
    }
    await breath.each(found, (watched) => moveToEnd(instanceTargets.repositories, watched));
  }

  async #applyRepository(
    watched: WatchedRepository,
    wanted: WantedRepository,
    list: ListedInstance,
    areNew: boolean,
  ): Promise<void> {
    await this.#breath.each(watched.polls, ([tag, poll]) => {
      const listed = wanted.tags.get(tag);
      if (listed === undefined) this.#unlistTag(watched, poll, list);
      else if (!meansTheSame(poll, listed)) this.#updates.removeTag(watched, poll);
      else if (poll.discovered !== undefined) this.#updates.list(poll, listed);
      else if (listed.digest !== poll.tag.target.digest) this.#updates.identify(poll, listed.digest);
    });
    if (!isSameRepository(watched.repository, wanted.repository)) {
      await this.#updates.relabel(watched, wanted.repository);
    }
    this.#updates.updateLookup(watched);
    await this.#breath.each(wanted.tags.values(), (tag) => {
      if (!watched.polls.has(tag.tag)) this.#updates.addTag(watched, tag, areNew);
    });
    await this.#putInOrder(watched, wanted);
  }

  /** Listed tags in the order of the list, then those that discovery found. */
  async #putInOrder({ polls }: WatchedRepository, { tags }: WantedRepository): Promise<void> {
    const found = [...polls].filter(([tag]) => !tags.has(tag));
    const move = ([tag, poll]: readonly [string, TagPoll]) => {
      if (polls.delete(tag)) polls.set(tag, poll);
    };
    await this.#breath.each(tags.keys(), (tag) => {
      const poll = polls.get(tag);
      if (poll !== undefined) move([tag, poll]);
    });
    await this.#breath.each(found, move);
  }

  /** A repository is not listed any more: what discovery found of it, or may find, stays. */
  async #unlist(instanceTargets: InstanceTargets, watched: WatchedRepository, list: ListedInstance): Promise<void> {
    this.#updates.endLookup(watched);
    watched.order = Number.POSITIVE_INFINITY;
    watched.hasListedId = false;
    await this.#breath.each(watched.polls.values(), (poll) => this.#unlistTag(watched, poll, list));
    const { domain } = list;
    if (watched.polls.size === 0) instanceTargets.delete(watched);
    else if (watched.repository.domain !== domain)
      await this.#updates.relabel(watched, { ...watched.repository, domain });
  }

  /** Where tags are found, the rules are to say whether one stays that is not listed any more. */
  #unlistTag(watched: WatchedRepository, poll: TagPoll, { discover }: ListedInstance): void {
    const { repository, scanTaskId } = poll.tag.target;
    if (poll.discovered !== undefined) return;
    if (discover.length > 0 && repository.id !== '' && repository.namespace !== '' && scanTaskId === '') {
      this.#updates.unlist(poll);
    } else this.#updates.removeTag(watched, poll);
  }

  /** Stops to watch a repository. */
  async remove(instanceTargets: InstanceTargets, watched: WatchedRepository): Promise<void> {
    this.#updates.endLookup(watched);
    instanceTargets.delete(watched);
    await this.#breath.each(watched.polls.values(), (poll) => this.#updates.removeTag(watched, poll));
  }
}

function moveToEnd<Item>(items: Set<Item>, item: Item): void {
  if (items.delete(item)) items.add(item);
}

/** Whether what is known of a tag holds for what the list now says of it. */
function meansTheSame({ tag: { target }, discovered }: TagPoll, listed: ListedTag): boolean {
  const isSame = isSameDigest(listed.digest, target.digest) || (discovered !== undefined && listed.digest === '');
  return isSame && listed.scanTaskId === target.scanTaskId;
}
