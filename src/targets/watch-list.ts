// All watched targets, by instance. Applies listed tags and the results of lookups.

import type { PollError } from '../model/scan.ts';
import type { FoundRepository } from '../model/target.ts';
import type { RepositoryLookup } from '../polling/repository-lookup.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { WatchedInstance } from '../polling/watched-instance.ts';
import type { Task, TaskScheduler } from '../scheduler/task.ts';
import type { Mutex } from '../util/mutex.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import { InstanceTargets } from './instance-targets.ts';
import { type ListedInstance, ListedReconciler } from './reconcile-listed.ts';
import { mergeDescriptions } from './repository-ids.ts';
import { TargetUpdates, type TargetUpdatesOptions } from './target-updates.ts';
import { isListed, type WatchedRepository } from './watched-repository.ts';

export type WatchListOptions = Omit<TargetUpdatesOptions, 'lookupEvents'> & { readonly mutex: Mutex };

export class WatchList {
  readonly updates: TargetUpdates;
  readonly #mutex: Mutex;
  readonly #listed: ListedReconciler;
  readonly #yieldEvery: YieldEvery;
  readonly #instances = new Map<string, InstanceTargets>();
  /** Until the first list is applied. Its tags existed before the process started. */
  #isStarting = true;

  constructor(options: WatchListOptions) {
    this.updates = new TargetUpdates({
      ...options,
      lookupEvents: (watched) => ({
        found: (lookup, found) => this.#mutex.soon(() => this.applyLookup(watched, lookup, found)),
        gone: (lookup) => this.#mutex.soon(() => this.#gone(watched, lookup)),
        failed: (lookup, error) => this.#mutex.soon(() => this.#lookupFailed(watched, lookup, error)),
      }),
    });
    this.#mutex = options.mutex;
    this.#yieldEvery = options.yieldEvery;
    this.#listed = new ListedReconciler(this.updates, options.yieldEvery);
  }

  /** The polls of all watched tags. */
  *polls(): Generator<TagPoll> {
    for (const { repositories } of this.#instances.values()) {
      for (const { polls } of repositories) yield* polls.values();
    }
  }

  /** All watched repositories, also those whose id or names are not known yet. */
  *repositories(): Generator<WatchedRepository> {
    for (const { repositories } of this.#instances.values()) yield* repositories;
  }

  /** The ids of all watched instances. */
  instanceIds(): IterableIterator<string> {
    return this.#instances.keys();
  }

  /** The targets of an instance; undefined when the instance is not watched. */
  targetsOf(instanceId: string): InstanceTargets | undefined {
    return this.#instances.get(instanceId);
  }

  /**
   * Applies the tags that a configuration lists. A tag that was listed before keeps its state, unless its digest or scan task changed. New
   * tags are polled at once, others are removed. Discovered tags stay.
   *
   * @param instances by id, one for every instance of the list
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
   * Moves every task of an instance to the scheduler of its present credentials. From this call on no other scheduler starts one of them.
   * When it resolves, none of them is in another scheduler's queue.
   */
  async moveToScheduler(instance: WatchedInstance, scheduler: TaskScheduler): Promise<void> {
    const from = instance.scheduler;
    instance.scheduler = scheduler;
    const move = (task: Task | undefined) => {
      if (task === undefined || task.position < 0) return;
      const { group, dueAtMs } = task;
      from.withdraw(task);
      scheduler.schedule(task, group, dueAtMs);
    };
    for (const task of instance.tasks) move(task);
    await this.#mutex.run(async () => {
      for (const { polls, lookup } of this.#instances.get(instance.id)?.repositories ?? []) {
        move(lookup);
        await this.#yieldEvery.each(polls.values(), move);
      }
    });
  }

  /** Applies what a former process knew of a repository: then it need not be looked up. */
  resumeLookup(instanceId: string, found: FoundRepository): Promise<void> {
    return this.#mutex.run(async () => {
      const watched = this.#instances.get(instanceId)?.find(found);
      if (watched?.lookup !== undefined) await this.applyLookup(watched, watched.lookup, found);
    });
  }

  /**
   * Applies the result of a lookup: sets the missing id or names. If another watched repository is the same, the two become one. Call it
   * while the mutex is held.
   */
  async applyLookup(watched: WatchedRepository, lookup: RepositoryLookup, found: FoundRepository): Promise<void> {
    const instanceTargets = this.#instances.get(watched.instance.id);
    if (instanceTargets === undefined || !instanceTargets.repositories.has(watched) || watched.lookup !== lookup)
      return;
    const { namespace, name, id } = watched.repository;
    if (lookup.confirms) {
      this.updates.endLookup(watched);
      if (found.id === id) return;
      instanceTargets.repositoryIds.delete(watched.repository);
      watched.idChecks = 1;
    }
    instanceTargets.repositoryIds.add(found);
    // The API may return other names than the requested ones.
    if (namespace !== '') instanceTargets.repositoryIds.add({ id: found.id, namespace, name });
    const known = { ...watched.repository, id: lookup.confirms ? '' : id };
    const repository = mergeDescriptions(known, { ...known, ...found });
    const same = instanceTargets.findOther(watched, repository);
    const [first, second] = same !== undefined && same.order < watched.order ? [same, watched] : [watched, same];
    this.updates.endLookup(watched);
    if (second !== undefined) instanceTargets.delete(second);
    const merged = { ...mergeDescriptions(first.repository, repository), id: repository.id };
    await this.updates.change(second === undefined ? [first] : [first, second], async () => {
      const relabelled = instanceTargets.reindex(first, () => this.updates.relabel(first, merged));
      this.updates.updateLookup(first);
      await relabelled;
      if (second === undefined) return;
      first.hasListedId ||= second.hasListedId;
      this.updates.endLookup(second);
      await this.updates.merge(first, second);
    });
  }

  /** A lookup failed: the polls of the repository's tags count as failed if they need it. */
  async #lookupFailed(watched: WatchedRepository, lookup: RepositoryLookup, error: PollError): Promise<void> {
    if (watched.lookup === lookup && watched.repository.id === '') await this.updates.lookupFailed(watched, error);
  }

  /**
   * Call it when the API says that the repository of a tag does not exist. An id that was looked up is looked up again, because the names may
   * belong to another repository by now. Meanwhile the tags are polled as before, because the error code may be wrong. An id from the
   * configuration is not checked.
   */
  checkId(poll: TagPoll): void {
    this.#mutex.soon(async () => {
      const watched = this.#instances.get(poll.instance.id)?.find(poll.tag.target.repository);
      if (watched === undefined || watched.polls.get(poll.tag.target.tag) !== poll || !isListed(watched)) return;
      if (watched.repository.id !== '' && !watched.hasListedId) this.updates.confirmId(watched, poll);
    });
  }

  /** No repository has these names any more: its tags are not polled until one has them again. */
  async #gone(watched: WatchedRepository, lookup: RepositoryLookup): Promise<void> {
    const { repository } = watched;
    const instanceTargets = this.#instances.get(watched.instance.id);
    if (!instanceTargets?.repositories.has(watched) || watched.lookup !== lookup) return;
    lookup.confirms = false;
    instanceTargets.repositoryIds.delete(repository);
    await instanceTargets.reindex(watched, () => this.updates.relabel(watched, { ...repository, id: '' }));
  }

  /** Schedules polls earlier where the present timing says so. Call it when the intervals have changed. */
  hasten(): Promise<void> {
    return this.#yieldEvery.each(this.polls(), (poll) => poll.hasten());
  }

  /** The same for the polls of one instance. */
  async hastenInstance(instanceId: string): Promise<void> {
    for (const { polls } of this.#instances.get(instanceId)?.repositories ?? []) {
      await this.#yieldEvery.each(polls.values(), (poll) => poll.hasten());
    }
  }

  /** Calls `action` when no change of the watch list is under way: at once if none is, else after those. */
  whenSettled(action: () => void): void {
    this.#mutex.soon(async () => action());
  }

  /** Whether a change of the watch list is under way: then a target may not be found although it is watched. */
  get isChanging(): boolean {
    return this.#mutex.isBusy;
  }

  #instanceTargets(instance: WatchedInstance): InstanceTargets {
    const known = this.#instances.get(instance.id);
    if (known !== undefined) return known;
    const instanceTargets = new InstanceTargets(instance, !this.#isStarting);
    this.#instances.set(instance.id, instanceTargets);
    return instanceTargets;
  }
}
