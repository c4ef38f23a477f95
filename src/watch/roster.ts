// Who is watched because the configuration lists it: turns a watch list into tags and tasks, keeps what is known over reloads, and
// applies what lookups find.
import type { Changes } from './changes.ts';
import type { Lane } from './lane.ts';
import { RepositoryKeeper, type RepositoryKeeperOptions } from './repository-keeper.ts';
import { isSameRepository, Section } from './section.ts';
import type { Repository } from './target.ts';
import { isListed, type LookupTask, type PollTask, type WatchedInstance, type WatchedRepository } from './task.ts';
import {
  type FoundRepository,
  namesKey,
  unite,
  type WantedRepository,
  type WatchListInstance,
  type WatchListTag,
  wantedRepositories,
} from './watch-list.ts';

/** Called after every few hundred tags: lets the event loop turn. */
export type Breather = () => Promise<void>;

const TAGS_BETWEEN_BREATHS = 500;

export type RosterOptions = RepositoryKeeperOptions & { readonly changes: Changes };

export class Roster {
  readonly keeper: RepositoryKeeper;
  readonly #changes: Changes;
  readonly #sections = new Map<string, Section>();
  #tagsSeen = 0;

  constructor(options: RosterOptions) {
    this.keeper = new RepositoryKeeper(options);
    this.#changes = options.changes;
  }

  /** Every watched tag with its place in the schedule. */
  *polls(): Generator<PollTask> {
    for (const { repositories } of this.#sections.values()) {
      for (const { polls } of repositories) yield* polls.values();
    }
  }

  /** What is watched of an instance; undefined when there is no such instance. */
  sectionOf(instanceId: string): Section | undefined {
    return this.#sections.get(instanceId);
  }

  /**
   * Makes the listed tags those of the list. Tags in both keep what is known of them, unless their digest or scan task
   * changed; the others are removed, or added and polled at once. What discovery found of the instances stays.
   *
   * @param instances the objects to schedule under, by id; one for every instance of the list
   */
  apply(
    list: readonly WatchListInstance[],
    instances: ReadonlyMap<string, WatchedInstance>,
    breathe: Breather,
  ): Promise<void> {
    return this.#changes.run(async () => {
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
    });
  }

  /** Gives every task of an instance to the lane that its credentials now belong to. */
  moveToLane(instance: WatchedInstance, lane: Lane): void {
    const from = instance.lane;
    instance.lane = lane;
    const tasks = [...(this.#sections.get(instance.id)?.repositories ?? [])].flatMap(({ polls, lookup }) => [
      ...polls.values(),
      lookup,
    ]);
    for (const task of [...tasks, instance.discovery]) {
      if (task === undefined || task.position < 0) continue;
      const { line, dueAtMs } = task;
      from.withdraw(task);
      lane.schedule(task, line, dueAtMs);
    }
  }

  /** A lookup found its repository: what was missing is filled in, and if another entry is the same one, they become one. */
  lookedUp(task: LookupTask, found: FoundRepository): void {
    this.#changes.soon(() => this.learn(task, found));
  }

  /** As {@link Roster.lookedUp}, in the course of a change. */
  learn(task: LookupTask, found: FoundRepository): void {
    const { watched } = task;
    const section = this.#sections.get(watched.instance.id);
    if (section === undefined || !section.repositories.has(watched) || watched.lookup !== task) return;
    const { namespace, name } = watched.repository;
    section.known.learn(found);
    // The API may write the names that it was asked for in another way.
    if (namespace !== '') section.known.learn({ id: found.id, namespace, name });
    const repository = unite(watched.repository, { ...watched.repository, ...found });
    const same = section.findOther(watched, repository);
    const [first, second] = same !== undefined && same.order < watched.order ? [same, watched] : [watched, same];
    this.keeper.endLookup(watched);
    if (second !== undefined) section.delete(second);
    const united = { ...unite(first.repository, repository), id: repository.id };
    section.reindex(first, () => this.keeper.relabel(first, united));
    this.keeper.updateLookup(first);
    if (second === undefined) return;
    this.keeper.endLookup(second);
    this.keeper.merge(first, second);
  }

  /** The API says that there is no such repository: an id that was looked up is looked up again, the names may be another's by now. */
  lost({ watched }: PollTask): void {
    this.#changes.soon(() => {
      const { repository } = watched;
      const section = this.#sections.get(watched.instance.id);
      if (!section?.repositories.has(watched) || !isListed(watched)) return;
      if (section.known.idOf(repository) !== repository.id) return;
      section.known.forget(repository);
      section.reindex(watched, () => this.keeper.relabel(watched, { ...repository, id: '' }));
      this.keeper.updateLookup(watched);
    });
  }

  /** Polls that are scheduled for later than the present timing would schedule them are brought forward. */
  async hasten(breathe: Breather): Promise<void> {
    for (const poll of this.polls()) {
      this.keeper.hasten(poll);
      await this.#breathe(breathe);
    }
  }

  #section(instance: WatchedInstance): Section {
    const known = this.#sections.get(instance.id);
    if (known !== undefined) return known;
    const section = new Section(instance);
    this.#sections.set(instance.id, section);
    return section;
  }

  async #applyInstance(section: Section, list: WatchListInstance, breathe: Breather): Promise<void> {
    const warn = (repository: Repository, tag: string) => this.keeper.warnDuplicate(repository, tag);
    const wanted = await wantedRepositories(list, section.known, warn, () => this.#breathe(breathe));
    const pairs = section.match(wanted);
    const kept = new Set(pairs.map(({ watched }) => watched));
    const names = new Set(wanted.map(({ repository }) => namesKey(repository.namespace, repository.name)));
    for (const watched of [...section.repositories]) {
      if (kept.has(watched)) continue;
      const { namespace, name } = watched.repository;
      if (names.has(namesKey(namespace, name))) await this.#removeRepository(section, watched, breathe);
      else await this.#unlist(section, watched, list, breathe);
    }
    for (const watched of kept) section.delete(watched);
    for (const [order, { watched, wanted: each }] of pairs.entries()) {
      watched.order = order;
      await this.#applyRepository(watched, each, list, breathe);
      section.add(watched);
    }
  }

  async #applyRepository(
    watched: WatchedRepository,
    wanted: WantedRepository,
    list: WatchListInstance,
    breathe: Breather,
  ): Promise<void> {
    for (const [tag, poll] of watched.polls) {
      const listed = wanted.tags.get(tag);
      if (listed === undefined) this.#unlistTag(poll, list);
      else if (!meansTheSame(poll, listed)) this.keeper.removeTag(poll);
      else if (poll.discovered !== undefined) this.keeper.list(poll, listed);
      await this.#breathe(breathe);
    }
    if (!isSameRepository(watched.repository, wanted.repository)) this.keeper.relabel(watched, wanted.repository);
    this.keeper.updateLookup(watched);
    for (const tag of wanted.tags.values()) {
      if (!watched.polls.has(tag.tag)) this.keeper.addTag(watched, tag);
      await this.#breathe(breathe);
    }
  }

  /** A repository is not listed any more: what discovery found of it, or may find, stays. */
  async #unlist(
    section: Section,
    watched: WatchedRepository,
    list: WatchListInstance,
    breathe: Breather,
  ): Promise<void> {
    this.keeper.endLookup(watched);
    watched.order = Number.POSITIVE_INFINITY;
    for (const poll of watched.polls.values()) {
      this.#unlistTag(poll, list);
      await this.#breathe(breathe);
    }
    const { domain } = list;
    if (watched.polls.size === 0) section.delete(watched);
    else if (watched.repository.domain !== domain) this.keeper.relabel(watched, { ...watched.repository, domain });
  }

  /** Where tags are found, the rules are to say whether one stays that is not listed any more. */
  #unlistTag(poll: PollTask, { discover }: WatchListInstance): void {
    const { repository, scanTaskId } = poll.tag.target;
    if (poll.discovered !== undefined) return;
    if (discover.length > 0 && repository.id !== '' && repository.namespace !== '' && scanTaskId === '') {
      this.keeper.unlist(poll);
    } else this.keeper.removeTag(poll);
  }

  async #removeRepository(section: Section, watched: WatchedRepository, breathe: Breather): Promise<void> {
    this.keeper.endLookup(watched);
    section.delete(watched);
    for (const poll of watched.polls.values()) {
      this.keeper.removeTag(poll);
      await this.#breathe(breathe);
    }
  }

  async #breathe(breathe: Breather): Promise<void> {
    this.#tagsSeen += 1;
    if (this.#tagsSeen % TAGS_BETWEEN_BREATHS === 0) await breathe();
  }
}

/** Whether what is known of a tag holds for what the list now says of it. */
function meansTheSame({ tag: { target }, discovered }: PollTask, listed: WatchListTag): boolean {
  const isSameDigest = listed.digest === target.digest || (discovered !== undefined && listed.digest === '');
  return isSameDigest && listed.scanTaskId === target.scanTaskId;
}
