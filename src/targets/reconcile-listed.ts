// Adds, changes and removes the listed targets of an instance so that they are those of the configuration. Discovered ones stay.

import { isSameDigest } from '../model/digest.ts';
import type { ConfiguredRepository, ListedTag } from '../model/settings.ts';
import type { Repository } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { MaybeYield, YieldEvery } from '../util/yield-every.ts';
import { hasOtherId, type InstanceTargets, isSameRepository } from './instance-targets.ts';
import { mergeDescriptions, namesKey, RepositoryIds, RepositoryIndex } from './repository-ids.ts';
import type { TargetUpdates } from './target-updates.ts';
import type { WatchedRepository } from './watched-repository.ts';

export type ListedInstance = {
  readonly id: string;
  readonly domain: string;
  /** The rules of its discovery. */
  readonly discover: readonly unknown[];
  readonly repositories: readonly ConfiguredRepository[];
};

/** A repository with the tags of all entries for it, in their order. */
export type WantedRepository = {
  repository: Repository;
  /** Whether an entry gives its id, so that no lookup is needed. */
  hasListedId: boolean;
  readonly tags: Map<string, ListedTag>;
};

/** Call its methods while the mutex is held. */
export class ListedReconciler {
  readonly #updates: TargetUpdates;
  readonly #yieldEvery: YieldEvery;

  constructor(updates: TargetUpdates, yieldEvery: YieldEvery) {
    this.#updates = updates;
    this.#yieldEvery = yieldEvery;
  }

  /**
   * Applies the list of an instance.
   *
   * @param areNew whether tags that are added appeared after the process started
   */
  async apply(instanceTargets: InstanceTargets, list: ListedInstance, areNew: boolean): Promise<void> {
    const yieldEvery = this.#yieldEvery;
    const warn = (repository: Repository, tag: string) => this.#updates.warnDuplicate(repository, tag);
    const wanted = await wantedRepositories(list, instanceTargets.repositoryIds, warn, yieldEvery.next);
    const pairs = await this.#match(instanceTargets, wanted);
    const names = new Set<string>();
    await yieldEvery.each(wanted, ({ repository: { namespace, name } }) => names.add(namesKey(namespace, name)));
    for (const watched of [...instanceTargets.repositories]) {
      if (pairs.has(watched)) continue;
      const { namespace, name } = watched.repository;
      if (names.has(namesKey(namespace, name))) await this.remove(instanceTargets, watched);
      else await this.#unlist(instanceTargets, watched, list);
    }
    await yieldEvery.each(pairs.keys(), (watched) => instanceTargets.delete(watched));
    const found = [...instanceTargets.repositories];
    let order = 0;
    for (const [watched, each] of pairs) {
      watched.order = order;
      watched.hasListedId = each.hasListedId;
      order += 1;
      await this.#applyRepository(watched, each, list, areNew);
      instanceTargets.add(watched);
      await yieldEvery.next();
    }
    await yieldEvery.each(found, (watched) => moveToEnd(instanceTargets.repositories, watched));
  }

  /** The watched repository for each wanted one, or a new one; in the order of the wanted ones. */
  async #match(
    instanceTargets: InstanceTargets,
    wanted: readonly WantedRepository[],
  ): Promise<Map<WatchedRepository, WantedRepository>> {
    const pairs = new Map<WatchedRepository, WantedRepository>();
    await this.#yieldEvery.each(wanted, (each) => {
      const found = instanceTargets.find(each.repository);
      const goesOn = found !== undefined && !pairs.has(found) && !hasOtherId(found.repository, each.repository);
      pairs.set(goesOn ? found : instanceTargets.create(each.repository, 0), each);
    });
    return pairs;
  }

  async #applyRepository(
    watched: WatchedRepository,
    wanted: WantedRepository,
    list: ListedInstance,
    areNew: boolean,
  ): Promise<void> {
    await this.#yieldEvery.each(watched.polls, ([tag, poll]) => {
      const listed = wanted.tags.get(tag);
      if (listed === undefined) this.#unlistTag(watched, poll, list);
      else if (!keepsState(poll.tag.target, poll.discovered !== undefined, listed))
        this.#updates.removeTag(watched, poll);
      else if (poll.discovered !== undefined) this.#updates.makeListed(poll, listed);
      else if (listed.digest !== poll.tag.target.digest) this.#updates.setDigest(poll, listed.digest);
    });
    if (!isSameRepository(watched.repository, wanted.repository)) {
      await this.#updates.relabel(watched, wanted.repository);
    }
    this.#updates.updateLookup(watched);
    await this.#yieldEvery.each(wanted.tags.values(), (tag) => {
      if (!watched.polls.has(tag.tag)) this.#updates.addTag(watched, tag, areNew);
    });
    await this.#putInOrder(watched, wanted);
  }

  /** Orders the tags: listed ones as in the list, then the discovered ones. */
  async #putInOrder({ polls }: WatchedRepository, { tags }: WantedRepository): Promise<void> {
    const found = [...polls].filter(([tag]) => !tags.has(tag));
    const move = ([tag, poll]: readonly [string, TagPoll]) => {
      if (polls.delete(tag)) polls.set(tag, poll);
    };
    await this.#yieldEvery.each(tags.keys(), (tag) => {
      const poll = polls.get(tag);
      if (poll !== undefined) move([tag, poll]);
    });
    await this.#yieldEvery.each(found, move);
  }

  /** A repository is not listed any more. Its discovered tags stay, and those that discovery may find. */
  async #unlist(instanceTargets: InstanceTargets, watched: WatchedRepository, list: ListedInstance): Promise<void> {
    this.#updates.endLookup(watched);
    watched.order = Number.POSITIVE_INFINITY;
    watched.hasListedId = false;
    await this.#yieldEvery.each(watched.polls.values(), (poll) => this.#unlistTag(watched, poll, list));
    const { domain } = list;
    if (watched.polls.size === 0) instanceTargets.delete(watched);
    else if (watched.repository.domain !== domain)
      await this.#updates.relabel(watched, { ...watched.repository, domain });
  }

  /** With discovery, a tag that is not listed any more goes on as a discovered one: the rules decide whether it stays. */
  #unlistTag(watched: WatchedRepository, poll: TagPoll, { discover }: ListedInstance): void {
    const { repository, scanTaskId } = poll.tag.target;
    if (poll.discovered !== undefined) return;
    if (discover.length > 0 && repository.id !== '' && repository.namespace !== '' && scanTaskId === '') {
      this.#updates.makeDiscovered(poll);
    } else this.#updates.removeTag(watched, poll);
  }

  /** Removes a repository with all of its tags. */
  async remove(instanceTargets: InstanceTargets, watched: WatchedRepository): Promise<void> {
    this.#updates.endLookup(watched);
    instanceTargets.delete(watched);
    await this.#yieldEvery.each(watched.polls.values(), (poll) => this.#updates.removeTag(watched, poll));
  }
}

/** Called when two entries of the same repository list the same tag. The tag of the first entry stays. */
type OnDuplicate = (repository: Repository, tag: string) => void;

/** The listed repositories of an instance, each once. `maybeYield` is called for every entry and every tag. */
async function wantedRepositories(
  { id: instanceId, domain, repositories }: ListedInstance,
  repositoryIds: RepositoryIds,
  onDuplicate: OnDuplicate,
  maybeYield: MaybeYield,
): Promise<WantedRepository[]> {
  const given = new RepositoryIds();
  for (const entry of repositories) if (entry.id !== '' && entry.name !== '') given.add(entry);
  const index = new RepositoryIndex<WantedRepository>();
  const wanted = new Set<WantedRepository>();
  for (const entry of repositories) {
    const listed = given.complete(entry);
    const { id, namespace, name } = repositoryIds.complete(listed);
    const { vulnerabilities } = entry;
    const repository = { instanceId, domain, id, namespace, name: name || id, vulnerabilities };
    const same = index.find(repository);
    const target = same ?? { repository, hasListedId: false, tags: new Map<string, ListedTag>() };
    wanted.add(target);
    target.hasListedId ||= listed.id !== '';
    target.repository = mergeDescriptions(target.repository, repository);
    index.add(target.repository, target);
    await maybeYield();
    for (const tag of entry.tags) {
      if (target.tags.has(tag.tag)) onDuplicate(target.repository, tag.tag);
      else target.tags.set(tag.tag, tag);
      await maybeYield();
    }
  }
  return [...wanted];
}

function moveToEnd<Item>(items: Set<Item>, item: Item): void {
  if (items.delete(item)) items.add(item);
}

/**
 * Whether the state of a tag stays valid with its present entry in the list: the scan task is the same, and so is the digest. A discovered tag may
 * be listed without its digest.
 */
export function keepsState(
  before: Pick<ListedTag, 'digest' | 'scanTaskId'>,
  wasDiscovered: boolean,
  listed: Pick<ListedTag, 'digest' | 'scanTaskId'>,
): boolean {
  const isSame = isSameDigest(listed.digest, before.digest) || (wasDiscovered && listed.digest === '');
  return isSame && listed.scanTaskId === before.scanTaskId;
}
