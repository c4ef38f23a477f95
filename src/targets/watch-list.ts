// Everything that is watched, by instance: takes watch lists and what lookups find, and knows every tag's place in the schedule.

import type { PollError } from '../model/scan.ts';
import type { FoundRepository } from '../model/target.ts';
import type { WatchedInstance } from '../polling/instance.ts';
import type { RepositoryLookup } from '../polling/repository-lookup.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { Task, TaskScheduler } from '../scheduler/task.ts';
import type { Mutex } from '../util/mutex.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import { InstanceTargets } from './instance-targets.ts';
import { type ListedInstance, unite } from './listed.ts';
import { ListedReconciler } from './reconcile-listed.ts';
import { TargetUpdates, type TargetUpdatesOptions } from './target-updates.ts';
import { isListed, type WatchedRepository } from './watched-repository.ts';

export type WatchListOptions = Omit<TargetUpdatesOptions, 'lookupEvents'> & { readonly mutex: Mutex };

export class WatchList {
  readonly updates: TargetUpdates;
  readonly #mutex: Mutex;
  readonly #listed: ListedReconciler;
  readonly #breath: YieldEvery;
  readonly #instances = new Map<string, InstanceTargets>();
  /** Whether the first list is still to be applied: its tags were there before the process started. */
  #isStarting = true;

  constructor(options: WatchListOptions) {
    this.updates = new TargetUpdates({
      ...options,
      lookupEvents: (watched) => ({
        found: (lookup, found) => this.#mutex.soon(() => this.learn(watched, lookup, found)),
        gone: (lookup) => this.#mutex.soon(() => this.#gone(watched, lookup)),
        failed: (lookup, error) => this.#mutex.soon(() => this.#lookupFailed(watched, lookup, error)),
      }),
    });
    this.#mutex = options.mutex;
    this.#breath = options.breath;
    this.#listed = new ListedReconciler(this.updates, options.breath);
  }

  /** Every watched tag with its place in the schedule. */
  *polls(): Generator<TagPoll> {
    for (const { repositories } of this.#instances.values()) {
      for (const { polls } of repositories) yield* polls.values();
    }
  }

  /** Every watched repository, also one of which nothing is known yet but its name. */
  *repositories(): Generator<WatchedRepository> {
    for (const { repositories } of this.#instances.values()) yield* repositories;
  }

  /** What is watched of an instance; undefined when there is no such instance. */
  targetsOf(instanceId: string): InstanceTargets | undefined {
    return this.#instances.get(instanceId);
  }

  /**
   * Makes the listed tags those of the list. Tags in both keep what is known of them, unless their digest or scan task
   * changed; the others are removed, or added and polled at once. What discovery found of the instances stays.
   *
   * @param instances the objects to schedule under, by id; one for every instance of the list
   */
  apply(list: readonly ListedInstance[], instances: ReadonlyMap<string, WatchedInstance>): Promise<void> {
    return this.#mutex.run(async () => {
      const listed = new Set(list.map(({ id }) => id));
      for (const [id, instanceTargets] of this.#instances) {
        if (listed.has(id)) continue;
        for (const watched of instanceTargets.repositories) await this.#listed.remove(instanceTargets, watched);
        this.#instances.delete(id);
      }
      for (const each of list) {
        const instance = instances.get(each.id);
        if (instance === undefined) continue;
        const instanceTargets = this.#instanceTargets(instance);
        // In the order of the list.
        this.#instances.delete(each.id);
        this.#instances.set(each.id, instanceTargets);
        await this.#listed.apply(instanceTargets, each, !this.#isStarting);
      }
      this.#isStarting = false;
    });
  }

  /**
   * Gives every task of an instance to the scheduler that its credentials now belong to. From when this is called, none is started by another
   * scheduler; when it resolves, none lies in the queue of another.
   */
  async moveToScheduler(instance: WatchedInstance, scheduler: TaskScheduler): Promise<void> {
    const from = instance.scheduler;
    instance.scheduler = scheduler;
    const move = (task: Task | undefined) => {
      if (task === undefined || task.position < 0) return;
      const { line, dueAtMs } = task;
      from.withdraw(task);
      scheduler.schedule(task, line, dueAtMs);
    };
    move(instance.discovery);
    await this.#mutex.run(async () => {
      for (const { polls, lookup } of this.#instances.get(instance.id)?.repositories ?? []) {
        move(lookup);
        await this.#breath.each(polls.values(), move);
      }
    });
  }

  /**
   * A lookup found its repository: what was missing is filled in, and if another entry is the same repository, they become one. Call it
   * while the mutex is held.
   */
  async learn(watched: WatchedRepository, lookup: RepositoryLookup, found: FoundRepository): Promise<void> {
    const instanceTargets = this.#instances.get(watched.instance.id);
    if (instanceTargets === undefined || !instanceTargets.repositories.has(watched) || watched.lookup !== lookup)
      return;
    const { namespace, name, id } = watched.repository;
    if (lookup.confirms) {
      this.updates.endLookup(watched);
      if (found.id === id) return;
      instanceTargets.known.forget(watched.repository);
      watched.doubts = 1;
    }
    instanceTargets.known.learn(found);
    // The API may write the names that it was asked for in another way.
    if (namespace !== '') instanceTargets.known.learn({ id: found.id, namespace, name });
    const known = { ...watched.repository, id: lookup.confirms ? '' : id };
    const repository = unite(known, { ...known, ...found });
    const same = instanceTargets.findOther(watched, repository);
    const [first, second] = same !== undefined && same.order < watched.order ? [same, watched] : [watched, same];
    this.updates.endLookup(watched);
    if (second !== undefined) instanceTargets.delete(second);
    const united = { ...unite(first.repository, repository), id: repository.id };
    await this.updates.change(second === undefined ? [first] : [first, second], async () => {
      const relabelled = instanceTargets.reindex(first, () => this.updates.relabel(first, united));
      this.updates.updateLookup(first);
      await relabelled;
      if (second === undefined) return;
      first.hasListedId ||= second.hasListedId;
      this.updates.endLookup(second);
      await this.updates.merge(first, second);
    });
  }

  /** A lookup failed: tags that cannot be polled without it count as polled without success. */
  async #lookupFailed(watched: WatchedRepository, lookup: RepositoryLookup, error: PollError): Promise<void> {
    if (watched.lookup === lookup && watched.repository.id === '') await this.updates.lookupFailed(watched, error);
  }

  /**
   * The API says of a tag that its repository does not exist. An id that was looked up is looked up again: the names may be another's by
   * now. Meanwhile the tags are polled as before, since a code may say more than it means. An id from the configuration is what is meant.
   */
  checkId(poll: TagPoll): void {
    this.#mutex.soon(async () => {
      const watched = this.#instances.get(poll.instance.id)?.find(poll.tag.target.repository);
      if (watched === undefined || watched.polls.get(poll.tag.target.tag) !== poll || !isListed(watched)) return;
      if (watched.repository.id !== '' && !watched.hasListedId) this.updates.confirm(watched, poll);
    });
  }

  /** There is no repository of these names any more: its tags wait until there is one again. */
  async #gone(watched: WatchedRepository, lookup: RepositoryLookup): Promise<void> {
    const { repository } = watched;
    const instanceTargets = this.#instances.get(watched.instance.id);
    if (!instanceTargets?.repositories.has(watched) || watched.lookup !== lookup) return;
    lookup.confirms = false;
    instanceTargets.known.forget(repository);
    await instanceTargets.reindex(watched, () => this.updates.relabel(watched, { ...repository, id: '' }));
  }

  /** Polls that are scheduled for later than the present timing would schedule them are brought forward. */
  hasten(): Promise<void> {
    return this.#breath.each(this.polls(), (poll) => poll.hasten());
  }

  #instanceTargets(instance: WatchedInstance): InstanceTargets {
    const known = this.#instances.get(instance.id);
    if (known !== undefined) return known;
    const instanceTargets = new InstanceTargets(instance, !this.#isStarting);
    this.#instances.set(instance.id, instanceTargets);
    return instanceTargets;
  }
}
