// Who is watched: turns a watch list into tags and tasks, keeps what is known over reloads, and applies what lookups find.
import type { Lane } from './lane.ts';
import type { LookupReceiver } from './poller.ts';
import { RepositoryKeeper, type RepositoryKeeperOptions } from './repository-keeper.ts';
import type { Repository } from './target.ts';
import type { LookupTask, PollTask, WatchedInstance, WatchedRepository } from './task.ts';
import {
  type FoundRepository,
  KnownRepositories,
  RepositoryIndex,
  unite,
  type WantedRepository,
  type WatchListInstance,
  wantedRepositories,
} from './watch-list.ts';

/** An instance and what is watched of it. */
type Section = {
  readonly instance: WatchedInstance;
  readonly known: KnownRepositories;
  repositories: Set<WatchedRepository>;
  index: RepositoryIndex<WatchedRepository>;
};

/** Called after every few hundred tags: lets the event loop turn. */
export type Breather = () => Promise<void>;

const TAGS_BETWEEN_BREATHS = 500;

export class Roster implements LookupReceiver {
  readonly #keeper: RepositoryKeeper;
  readonly #sections = new Map<string, Section>();
  /** While a list is being applied: what lookups have found meanwhile. */
  #found: { readonly task: LookupTask; readonly found: FoundRepository }[] | undefined;
  #tagsSeen = 0;

  constructor(options: RepositoryKeeperOptions) {
    this.#keeper = new RepositoryKeeper(options);
    options.poller.lookups = this;
  }

  /** Every watched tag with its place in the schedule. */
  *polls(): Generator<PollTask> {
    for (const { repositories } of this.#sections.values()) {
      for (const { polls } of repositories) yield* polls.values();
    }
  }

  /**
   * Makes the watched tags those of the list. Tags in both keep what is known of them, unless their digest or scan task
   * changed; the others are removed, or added and polled at once. Not to be called again before it has ended.
   *
   * @param instances the objects to schedule under, by id; one for every instance of the list
   */
  async apply(
    list: readonly WatchListInstance[],
    instances: ReadonlyMap<string, WatchedInstance>,
    breathe: Breather,
  ): Promise<void> {
    this.#found = [];
    const listed = new Set(list.map(({ id }) => id));
    for (const [id, section] of this.#sections) {
      if (listed.has(id)) continue;
      for (const watched of section.repositories) await this.#removeRepository(section, watched, breathe);
      this.#sections.delete(id);
    }
    for (const each of list) {
      const instance = instances.get(each.id);
      if (instance !== undefined) await this.#applyInstance(this.#section(instance), each, breathe);
    }
    const found = this.#found;
    this.#found = undefined;
    for (const each of found) this.lookedUp(each.task, each.found);
  }

  /** Gives every task of an instance to the lane that its credentials now belong to. */
  moveToLane(instance: WatchedInstance, lane: Lane): void {
    const from = instance.lane;
    instance.lane = lane;
    for (const { polls, lookup } of this.#sections.get(instance.id)?.repositories ?? []) {
      for (const task of [...polls.values(), ...(lookup === undefined ? [] : [lookup])]) {
        if (task.position < 0) continue;
        const { group, dueAtMs } = task;
        from.withdraw(task);
        lane.schedule(task, group, dueAtMs);
      }
    }
  }

  /** A lookup found its repository: what was missing is filled in, and if another entry is the same one, they become one. */
  lookedUp(task: LookupTask, found: FoundRepository): void {
    if (this.#found !== undefined) {
      this.#found.push({ task, found });
      return;
    }
    const { watched } = task;
    const section = this.#sections.get(watched.instance.id);
    if (section === undefined || !section.repositories.has(watched) || watched.lookup !== task) return;
    const { instanceId, domain, namespace, name } = watched.repository;
    section.known.learn(found);
    // The API may write the names that it was asked for in another way.
    if (namespace !== '') section.known.learn({ id: found.id, namespace, name });
    const repository = unite(watched.repository, { instanceId, domain, ...found });
    section.index.remove(watched.repository, watched);
    const same = section.index.find(repository);
    const [first, second] = same !== undefined && same.order < watched.order ? [same, watched] : [watched, same];
    this.#keeper.endLookup(watched);
    section.index.remove(first.repository, first);
    section.index.add(repository, first);
    this.#keeper.relabel(first, repository);
    this.#keeper.updateLookup(first);
    if (second !== undefined) this.#absorb(section, first, second);
  }

  /** The API says that there is no such repository: an id that was looked up is looked up again, the names may be another's by now. */
  lost({ watched }: PollTask): void {
    const { repository } = watched;
    const section = this.#sections.get(watched.instance.id);
    if (this.#found !== undefined || section?.known.idOf(repository) !== repository.id) return;
    section.known.forget(repository);
    section.index.remove(repository, watched);
    this.#keeper.relabel(watched, { ...repository, id: '' });
    section.index.add(watched.repository, watched);
    this.#keeper.updateLookup(watched);
  }

  /** Polls that are scheduled for later than the present timing would schedule them are brought forward. */
  async hasten(breathe: Breather): Promise<void> {
    for (const poll of this.polls()) {
      this.#keeper.hasten(poll);
      await this.#breathe(breathe);
    }
  }

  #absorb(section: Section, first: WatchedRepository, second: WatchedRepository): void {
    this.#keeper.endLookup(second);
    section.repositories.delete(second);
    section.index.remove(second.repository, second);
    section.index.add(first.repository, first);
    this.#keeper.merge(first, second);
  }

  #section(instance: WatchedInstance): Section {
    const known = this.#sections.get(instance.id);
    if (known !== undefined) return known;
    const section: Section = {
      instance,
      known: new KnownRepositories(),
      repositories: new Set(),
      index: new RepositoryIndex(),
    };
    this.#sections.set(instance.id, section);
    return section;
  }

  async #applyInstance(section: Section, list: WatchListInstance, breathe: Breather): Promise<void> {
    const warn = (repository: Repository, tag: string) => this.#keeper.warnDuplicate(repository, tag);
    const pairs = matched(section, await wantedRepositories(list, section.known, warn, () => this.#breathe(breathe)));
    const kept = new Set(pairs.map(({ watched }) => watched));
    for (const watched of section.repositories) {
      if (!kept.has(watched)) await this.#removeRepository(section, watched, breathe);
    }
    section.repositories = new Set(kept);
    section.index = new RepositoryIndex();
    for (const [order, { watched, wanted }] of pairs.entries()) {
      watched.order = order;
      section.index.add(wanted.repository, watched);
      await this.#applyRepository(watched, wanted, breathe);
    }
  }

  async #applyRepository(watched: WatchedRepository, wanted: WantedRepository, breathe: Breather): Promise<void> {
    for (const [tag, poll] of watched.polls) {
      const { digest, scanTaskId } = poll.tag.target;
      const same = wanted.tags.get(tag);
      if (same?.digest !== digest || same.scanTaskId !== scanTaskId) this.#keeper.removeTag(poll);
      await this.#breathe(breathe);
    }
    if (!sameRepository(watched.repository, wanted.repository)) this.#keeper.relabel(watched, wanted.repository);
    this.#keeper.updateLookup(watched);
    for (const tag of wanted.tags.values()) {
      if (!watched.polls.has(tag.tag)) this.#keeper.addTag(watched, tag);
      await this.#breathe(breathe);
    }
  }

  async #removeRepository(section: Section, watched: WatchedRepository, breathe: Breather): Promise<void> {
    this.#keeper.endLookup(watched);
    section.repositories.delete(watched);
    section.index.remove(watched.repository, watched);
    for (const poll of watched.polls.values()) {
      this.#keeper.removeTag(poll);
      await this.#breathe(breathe);
    }
  }

  async #breathe(breathe: Breather): Promise<void> {
    this.#tagsSeen += 1;
    if (this.#tagsSeen % TAGS_BETWEEN_BREATHS === 0) await breathe();
  }
}

/** Each wanted repository with the watched one that it goes on as, or with a new one. */
function matched(section: Section, wanted: readonly WantedRepository[]) {
  const taken = new Set<WatchedRepository>();
  return wanted.map((each) => {
    const found = section.index.find(each.repository);
    const goesOn = found !== undefined && !taken.has(found) && !contradicts(found.repository, each.repository);
    const watched = goesOn ? found : newRepository(section.instance, each.repository);
    taken.add(watched);
    return { wanted: each, watched };
  });
}

function newRepository(instance: WatchedInstance, repository: Repository): WatchedRepository {
  return { instance, repository, order: 0, polls: new Map(), lookup: undefined };
}

/** Same names, but another id: a different repository. */
function contradicts(one: Repository, other: Repository): boolean {
  return one.id !== '' && other.id !== '' && one.id !== other.id;
}

function sameRepository(one: Repository, other: Repository): boolean {
  const keys = ['id', 'namespace', 'name', 'domain'] as const;
  return keys.every((key) => one[key] === other[key]);
}
