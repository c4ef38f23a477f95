// Everything that is watched, by instance: takes watch lists and what lookups find, and knows every tag's place in the schedule.
import type { PollError } from '../state/tag-state.ts';
import type { Breath } from '../util/breath.ts';
import type { Changes } from './changes.ts';
import { Enrolment } from './enrolment.ts';
import type { Lane } from './lane.ts';
import { RepositoryKeeper, type RepositoryKeeperOptions } from './repository-keeper.ts';
import { Section } from './section.ts';
import {
  isListed,
  type LookupTask,
  type PollTask,
  type Task,
  type WatchedInstance,
  type WatchedRepository,
} from './task.ts';
import { type FoundRepository, unite, type WatchListInstance } from './watch-list.ts';

export type RosterOptions = RepositoryKeeperOptions & { readonly changes: Changes };

export class Roster {
  readonly keeper: RepositoryKeeper;
  readonly #changes: Changes;
  readonly #enrolment: Enrolment;
  readonly #breath: Breath;
  readonly #sections = new Map<string, Section>();
  /** Whether the first list is still to be applied: its tags were there before the process started. */
  #isStarting = true;

  constructor(options: RosterOptions) {
    this.keeper = new RepositoryKeeper(options);
    this.#changes = options.changes;
    this.#breath = options.breath;
    this.#enrolment = new Enrolment(this.keeper, options.breath);
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
  apply(list: readonly WatchListInstance[], instances: ReadonlyMap<string, WatchedInstance>): Promise<void> {
    return this.#changes.run(async () => {
      const listed = new Set(list.map(({ id }) => id));
      for (const [id, section] of this.#sections) {
        if (listed.has(id)) continue;
        for (const watched of section.repositories) await this.#enrolment.remove(section, watched);
        this.#sections.delete(id);
      }
      for (const each of list) {
        const instance = instances.get(each.id);
        if (instance !== undefined) await this.#enrolment.apply(this.#section(instance), each, !this.#isStarting);
      }
      this.#isStarting = false;
    });
  }

  /**
   * Gives every task of an instance to the lane that its credentials now belong to. From when this is called, none is started by another
   * lane; when it resolves, none lies in the queue of another.
   */
  async moveToLane(instance: WatchedInstance, lane: Lane): Promise<void> {
    const from = instance.lane;
    instance.lane = lane;
    const move = (task: Task | undefined) => {
      if (task === undefined || task.position < 0) return;
      const { line, dueAtMs } = task;
      from.withdraw(task);
      lane.schedule(task, line, dueAtMs);
    };
    move(instance.discovery);
    await this.#changes.run(async () => {
      for (const { polls, lookup } of this.#sections.get(instance.id)?.repositories ?? []) {
        move(lookup);
        await this.#breath.each(polls.values(), move);
      }
    });
  }

  /** A lookup found its repository: what was missing is filled in, and if another entry is the same one, they become one. */
  lookedUp(task: LookupTask, found: FoundRepository): void {
    this.#changes.soon(() => this.learn(task, found));
  }

  /** As {@link Roster.lookedUp}, in the course of a change. */
  async learn(task: LookupTask, found: FoundRepository): Promise<void> {
    const { watched } = task;
    const section = this.#sections.get(watched.instance.id);
    if (section === undefined || !section.repositories.has(watched) || watched.lookup !== task) return;
    const { namespace, name, id } = watched.repository;
    if (task.confirms) {
      this.keeper.endLookup(watched);
      if (found.id === id) return;
      section.known.forget(watched.repository);
      watched.doubts = 1;
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
    await this.keeper.change(second === undefined ? [first] : [first, second], async () => {
      const relabelled = section.reindex(first, () => this.keeper.relabel(first, united));
      this.keeper.updateLookup(first);
      await relabelled;
      if (second === undefined) return;
      first.hasListedId ||= second.hasListedId;
      this.keeper.endLookup(second);
      await this.keeper.merge(first, second);
    });
  }

  /** A lookup failed: tags that cannot be polled without it count as polled without success. */
  lookupFailed(task: LookupTask, error: PollError): void {
    this.#changes.soon(async () => {
      const { watched } = task;
      if (watched.lookup === task && watched.repository.id === '') await this.keeper.lookupFailed(watched, error);
    });
  }

  /**
   * The API says of a tag that its repository does not exist. An id that was looked up is looked up again: the names may be another's by
   * now. Meanwhile the tags are polled as before, since a code may say more than it means. An id from the configuration is what is meant.
   */
  doubt(task: PollTask): void {
    this.#changes.soon(async () => {
      const { watched } = task;
      const section = this.#sections.get(watched.instance.id);
      if (!section?.repositories.has(watched) || !isListed(watched)) return;
      if (watched.repository.id !== '' && !watched.hasListedId) this.keeper.confirm(task);
    });
  }

  /** There is no repository of these names any more: its tags wait until there is one again. */
  gone(task: LookupTask): void {
    this.#changes.soon(async () => {
      const { watched } = task;
      const { repository } = watched;
      const section = this.#sections.get(watched.instance.id);
      if (!section?.repositories.has(watched) || watched.lookup !== task) return;
      task.confirms = false;
      section.known.forget(repository);
      await section.reindex(watched, () => this.keeper.relabel(watched, { ...repository, id: '' }));
    });
  }

  /** Polls that are scheduled for later than the present timing would schedule them are brought forward. */
  hasten(): Promise<void> {
    return this.#breath.each(this.polls(), (poll) => this.keeper.hasten(poll));
  }

  #section(instance: WatchedInstance): Section {
    const known = this.#sections.get(instance.id);
    if (known !== undefined) return known;
    const section = new Section(instance, !this.#isStarting);
    this.#sections.set(instance.id, section);
    return section;
  }
}
