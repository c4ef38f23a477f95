// Everything that is watched, by instance: takes watch lists and what lookups find, and knows every tag's place in the schedule.
import type { Changes } from './changes.ts';
import { Enrolment } from './enrolment.ts';
import type { Lane } from './lane.ts';
import { RepositoryKeeper, type RepositoryKeeperOptions } from './repository-keeper.ts';
import { Section } from './section.ts';
import { isListed, type LookupTask, type PollTask, type WatchedInstance, type WatchedRepository } from './task.ts';
import { type FoundRepository, unite, type WatchListInstance } from './watch-list.ts';

/** Called after every few hundred tags: lets the event loop turn. */
export type Breather = () => Promise<void>;

export type RosterOptions = RepositoryKeeperOptions & { readonly changes: Changes };

export class Roster {
  readonly keeper: RepositoryKeeper;
  readonly #changes: Changes;
  readonly #enrolment: Enrolment;
  readonly #sections = new Map<string, Section>();
  /** Whether the first list is still to be applied: its tags were there before the process started. */
  #isStarting = true;

  constructor(options: RosterOptions) {
    this.keeper = new RepositoryKeeper(options);
    this.#changes = options.changes;
    this.#enrolment = new Enrolment(this.keeper);
  }

  /** Every watched tag with its place in the schedule. */
  *polls(): Generator<PollTask> {
    for (const { repositories } of this.#sections.values()) {
      for (const { polls } of repositories) yield* polls.values();
    }
  }

  /** Every watched repository, also one of which nothing is known yet but its name. */
  *repositories(): Generator<WatchedRepository> {
    for (const { repositories } of this.#sections.values()) yield* repositories;
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
        for (const watched of section.repositories) await this.#enrolment.remove(section, watched, breathe);
        this.#sections.delete(id);
      }
      for (const each of list) {
        const instance = instances.get(each.id);
        if (instance === undefined) continue;
        await this.#enrolment.apply(this.#section(instance), each, !this.#isStarting, breathe);
      }
      this.#isStarting = false;
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
    const { namespace, name, id } = watched.repository;
    if (task.confirms) {
      this.keeper.endLookup(watched);
      if (found.id === id) return;
      section.known.forget(watched.repository);
      watched.doubts = 0;
    }
    section.known.learn(found);
    // The API may write the names that it was asked for in another way.
    if (namespace !== '') section.known.learn({ id: found.id, namespace, name });
    const known = { ...watched.repository, id: task.confirms ? '' : id };
    const repository = unite(known, { ...known, ...found });
    const same = section.findOther(watched, repository);
    const [first, second] = same !== undefined && same.order < watched.order ? [same, watched] : [watched, same];
    this.keeper.endLookup(watched);
    if (second !== undefined) section.delete(second);
    const united = { ...unite(first.repository, repository), id: repository.id };
    section.reindex(first, () => this.keeper.relabel(first, united));
    if (task.confirms) this.keeper.pollAnew(first);
    this.keeper.updateLookup(first);
    if (second === undefined) return;
    this.keeper.endLookup(second);
    this.keeper.merge(first, second);
  }

  /**
   * The API says of a tag that its repository does not exist. An id that was looked up is looked up again: the names may be another's by
   * now. Meanwhile the tags are polled as before, since a code may say more than it means.
   */
  doubt(watched: WatchedRepository): void {
    this.#changes.soon(() => {
      const { repository } = watched;
      const section = this.#sections.get(watched.instance.id);
      if (!section?.repositories.has(watched) || !isListed(watched)) return;
      if (repository.id !== '' && section.known.idOf(repository) === repository.id) this.keeper.confirm(watched);
    });
  }

  /** There is no repository of these names any more: its tags wait until there is one again. */
  gone(task: LookupTask): void {
    this.#changes.soon(() => {
      const { watched } = task;
      const { repository } = watched;
      const section = this.#sections.get(watched.instance.id);
      if (!section?.repositories.has(watched) || watched.lookup !== task) return;
      task.confirms = false;
      section.known.forget(repository);
      section.reindex(watched, () => this.keeper.relabel(watched, { ...repository, id: '' }));
    });
  }

  /** Polls that are scheduled for later than the present timing would schedule them are brought forward. */
  async hasten(breathe: Breather): Promise<void> {
    for (const poll of this.polls()) {
      this.keeper.hasten(poll);
      await this.#enrolment.breathe(breathe);
    }
  }

  #section(instance: WatchedInstance): Section {
    const known = this.#sections.get(instance.id);
    if (known !== undefined) return known;
    const section = new Section(instance, !this.#isStarting);
    this.#sections.set(instance.id, section);
    return section;
  }
}
