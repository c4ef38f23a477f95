// What can happen to one watched repository: tags come and go, its names or id become known, it turns out to be another one.

import type { PollError } from '../model/scan.ts';
import type { ListedTag } from '../model/settings.ts';
import type { FoundTag, Repository } from '../model/target.ts';
import { type LookupContext, type LookupEvents, RepositoryLookup } from '../polling/repository-lookup.ts';
import { foundUnseen, type PollContext, TagPoll } from '../polling/tag-poll.ts';
import type { StateStore } from '../state/store.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import { type InstanceTargets, isMadeAnew } from './instance-targets.ts';
import type { WatchedRepository } from './watched-repository.ts';

export type TargetUpdatesOptions = {
  readonly store: StateStore;
  readonly polls: PollContext;
  readonly lookups: LookupContext;
  readonly lookupEvents: (watched: WatchedRepository) => LookupEvents;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly breath: YieldEvery;
  /** Makes a change that takes several turns of the event loop, and is to be seen whole or not at all. */
  readonly whole: (change: () => Promise<void>) => Promise<void>;
};

/** From one lookup of an id that is known to the next, at first (unless every failed request is made anew sooner) and at the most. */
const FIRST_DOUBT_MS = 60_000;
const LONGEST_DOUBT_MS = 3_600_000;
/** A change of no more tags than that is made in one go. */
const MOST_AT_ONCE = 500;

export class TargetUpdates {
  readonly #store: StateStore;
  readonly #polls: PollContext;
  readonly #lookups: LookupContext;
  readonly #lookupEvents: TargetUpdatesOptions['lookupEvents'];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #startedMs: number;
  readonly #breath: YieldEvery;
  readonly #whole: TargetUpdatesOptions['whole'];

  constructor({ store, polls, lookups, lookupEvents, clock, logger, breath, whole }: TargetUpdatesOptions) {
    this.#store = store;
    this.#polls = polls;
    this.#lookups = lookups;
    this.#lookupEvents = lookupEvents;
    this.#clock = clock;
    this.#logger = logger;
    this.#startedMs = clock.now();
    this.#breath = breath;
    this.#whole = whole;
  }

  /**
   * Makes a change of these repositories that lets no two tags show under the same names, though it may on its way: where they have many
   * tags, it takes several turns of the event loop, and is seen when it is made. Else it is made before this returns.
   */
  change(repositories: readonly WatchedRepository[], make: () => Promise<void>): Promise<void> {
    const tags = repositories.reduce((sum, { polls }) => sum + polls.size, 0);
    return tags <= MOST_AT_ONCE ? make() : this.#whole(make);
  }

  /**
   * Starts to watch a tag, and polls it at once if the repository's id is known.
   *
   * @param isNew whether it appeared, or was pushed, after the process started
   */
  addTag(
    watched: WatchedRepository,
    { tag, digest, scanTaskId }: ListedTag,
    isNew: boolean,
    discovered?: FoundTag,
  ): void {
    const { instance, repository } = watched;
    const watchedTag = this.#store.add({ repository, tag, digest, scanTaskId }, this.#clock.now(), isNew);
    const poll = new TagPoll(this.#polls, watchedTag, instance, discovered);
    watched.polls.set(tag, poll);
    if (discovered !== undefined) instance.discoveredTags += 1;
    poll.begin();
  }

  /** Starts to watch a tag that discovery found. */
  addFound(instanceTargets: InstanceTargets, watched: WatchedRepository, found: FoundTag): void {
    const isNew = instanceTargets.findsNew || found.updatedMs >= this.#startedMs;
    this.addTag(watched, { ...found, scanTaskId: '' }, isNew, found);
  }

  /** A tag that discovery found is listed now, with the same meaning: it goes on as a listed one. */
  list(poll: TagPoll, { digest, scanTaskId }: ListedTag): void {
    poll.instance.discoveredTags -= 1;
    poll.discovered = undefined;
    this.#store.retarget(poll.tag, { ...poll.tag.target, digest, scanTaskId });
  }

  /** A tag is not listed any more, but something may want it that finds tags: it goes on as a found one. */
  unlist(poll: TagPoll): void {
    poll.instance.discoveredTags += 1;
    poll.discovered = foundUnseen(poll.tag.target);
  }

  /** The digest of the image that a tag is known to be of, which it lacked or had in the other form. */
  identify(poll: TagPoll, digest: string): void {
    this.#store.retarget(poll.tag, { ...poll.tag.target, digest });
  }

  removeTag({ polls }: WatchedRepository, poll: TagPoll): void {
    poll.scheduler.withdraw(poll);
    polls.delete(poll.tag.target.tag);
    if (poll.discovered !== undefined) poll.instance.discoveredTags -= 1;
    this.#store.remove(poll.tag);
  }

  /**
   * Shows a repository under what is now known of it. Its tags are polled exactly while its id is known, and start anew with another id.
   * `watched.repository` is another one when this returns, its tags are relabelled when it resolves.
   */
  relabel(watched: WatchedRepository, repository: Repository): Promise<void> {
    const wasPolled = watched.repository.id !== '';
    const isAnew = isMadeAnew(watched, repository);
    if (isAnew) this.#tellAnew(repository, watched.knownId);
    watched.repository = repository;
    watched.knownId = repository.id || watched.knownId;
    return this.change([watched], () =>
      this.#each(watched, watched.polls.values(), (poll) => {
        if (isAnew) return this.#renew(poll, repository);
        this.#store.retarget(poll.tag, { ...poll.tag.target, repository });
        if (!wasPolled) poll.begin();
        else if (repository.id === '') poll.scheduler.withdraw(poll);
      }),
    );
  }

  /** A tag is of another repository now. What is known of it, the digest that was found included, is of the former one. */
  #renew(poll: TagPoll, repository: Repository): void {
    const { target } = poll.tag;
    const digest = poll.discovered === undefined ? target.digest : '';
    this.#store.renew(poll.tag, { ...target, digest, repository }, this.#clock.now());
    poll.startAnew();
  }

  /** `second` is the same repository as `first`, which keeps its tags and takes over those that only the second has. */
  async merge(first: WatchedRepository, second: WatchedRepository): Promise<void> {
    const wasPolled = second.repository.id !== '';
    const isAnew = isMadeAnew(second, first.repository);
    await this.#each(second, second.polls, ([tag, poll]) => {
      const known = first.polls.get(tag);
      if (known !== undefined && (known.discovered === undefined || poll.discovered !== undefined)) {
        if (poll.discovered === undefined) this.warnDuplicate(first.repository, tag);
        this.removeTag(second, poll);
        return;
      }
      if (known !== undefined) this.removeTag(first, known);
      first.polls.set(tag, poll);
      if (isAnew) return this.#renew(poll, first.repository);
      this.#store.retarget(poll.tag, { ...poll.tag.target, repository: first.repository });
      if (!wasPolled) poll.begin();
    });
    second.polls.clear();
  }

  /** A lookup without which the tags of a repository cannot be polled failed: they count as polled without success. */
  async lookupFailed(watched: WatchedRepository, error: PollError): Promise<void> {
    const moment = this.#moment();
    await this.#each(watched, watched.polls.values(), ({ tag }) => {
      this.#store.apply(tag, { type: 'lookup-failed', error }, moment);
    });
  }

  /** Does something for many of a repository's tags, with breaks where it has many: else before this returns. */
  async #each<Item>({ polls }: WatchedRepository, items: Iterable<Item>, action: (item: Item) => void): Promise<void> {
    if (polls.size > MOST_AT_ONCE) return this.#breath.each(items, action);
    for (const item of items) action(item);
    this.#breath.count(polls.size);
  }

  /** Starts a lookup when the id or the names are missing and none is on its way, and ends one that is no longer needed. */
  updateLookup(watched: WatchedRepository): void {
    const { id, namespace } = watched.repository;
    if (id !== '' && namespace !== '') this.endLookup(watched);
    else if (watched.lookup === undefined) {
      this.#look(watched, false);
    }
  }

  /**
   * Looks up the id of a repository again, by its names, because a poll was answered as if there were none; ever less often while that finds
   * the same one and the tag has no other answer under it.
   */
  confirm(watched: WatchedRepository, { answeredAtMs }: TagPoll): void {
    if (watched.lookup !== undefined) return;
    const nowMs = this.#clock.monotonic();
    // The id was good since: that it is not any more is news.
    if (answeredAtMs > watched.doubtedAtMs) watched.doubts = Math.min(watched.doubts, 1);
    const firstMs = Math.min(FIRST_DOUBT_MS, this.#polls.timing.backoff.maxMs);
    const pauseMs = watched.doubts === 0 ? 0 : Math.min(LONGEST_DOUBT_MS, firstMs * 2 ** (watched.doubts - 1));
    const sinceMs = nowMs - watched.doubtedAtMs - pauseMs;
    if (sinceMs < 0) return;
    if (sinceMs > LONGEST_DOUBT_MS) watched.doubts = 0;
    watched.doubtedAtMs = nowMs;
    watched.doubts += 1;
    this.#look(watched, true);
  }

  #look(watched: WatchedRepository, confirms: boolean): void {
    watched.lookup = new RepositoryLookup(watched, confirms, this.#lookups, this.#lookupEvents(watched));
    watched.lookup.begin();
  }

  endLookup(watched: WatchedRepository): void {
    watched.lookup?.end();
    watched.lookup = undefined;
  }

  #moment() {
    return { nowMs: this.#clock.now(), monotonicMs: this.#clock.monotonic() };
  }

  #tellAnew({ instanceId, namespace, name, id }: Repository, formerId: string): void {
    const fields = { instance_id: instanceId, repo_namespace: namespace, repo_name: name, repo_id: id };
    this.#logger.info('a repository was made anew: its tags start anew', { ...fields, former_id: formerId });
  }

  warnDuplicate({ instanceId, namespace, name, id }: Repository, tag: string): void {
    const fields = { instance_id: instanceId, repo_namespace: namespace, repo_name: name, repo_id: id, tag };
    this.#logger.warn('two entries list the same tag of the same repository: the first one is kept', fields);
  }
}
