// Changes of one watched repository: tags are added and removed, its id or names become known, or it is another repository.

import { momentOf } from '../model/moment.ts';
import type { PollError } from '../model/scan.ts';
import type { ListedTag } from '../model/settings.ts';
import type { FoundTag, Repository } from '../model/target.ts';
import { type LookupContext, type LookupEvents, RepositoryLookup } from '../polling/repository-lookup.ts';
import { foundUnseen, type PollContext, TagPoll } from '../polling/tag-poll.ts';
import type { StateStore } from '../state/store.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import { type InstanceTargets, isRecreated } from './instance-targets.ts';
import type { WatchedRepository } from './watched-repository.ts';

export type TargetUpdatesOptions = {
  readonly store: StateStore;
  readonly polls: PollContext;
  readonly lookups: LookupContext;
  readonly lookupEvents: (watched: WatchedRepository) => LookupEvents;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly yieldEvery: YieldEvery;
  /** Makes a change that takes several turns of the event loop. Until it is complete, scrapes see the state before it. */
  readonly holdScrapes: (change: () => Promise<void>) => Promise<void>;
};

/**
 * The pause between two checks of an id that is already known: at first, and at most. The first one is shorter if the back-off of failed
 * polls is.
 */
const FIRST_ID_CHECK_PAUSE_MS = 60_000;
const MAX_ID_CHECK_PAUSE_MS = 3_600_000;
/** A change of up to this many tags is made without a turn of the event loop. */
const MAX_TAGS_AT_ONCE = 500;

export class TargetUpdates {
  readonly #store: StateStore;
  readonly #polls: PollContext;
  readonly #lookups: LookupContext;
  readonly #lookupEvents: TargetUpdatesOptions['lookupEvents'];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #startedMs: number;
  readonly #yieldEvery: YieldEvery;
  readonly #holdScrapes: TargetUpdatesOptions['holdScrapes'];

  constructor({ store, polls, lookups, lookupEvents, clock, logger, yieldEvery, holdScrapes }: TargetUpdatesOptions) {
    this.#store = store;
    this.#polls = polls;
    this.#lookups = lookups;
    this.#lookupEvents = lookupEvents;
    this.#clock = clock;
    this.#logger = logger;
    this.#startedMs = clock.now();
    this.#yieldEvery = yieldEvery;
    this.#holdScrapes = holdScrapes;
  }

  /**
   * Makes a change of these repositories during which two tags may have the same labels. With few tags it is complete before this returns.
   * With many it takes several turns of the event loop, and scrapes see it only when it is complete.
   */
  change(repositories: readonly WatchedRepository[], make: () => Promise<void>): Promise<void> {
    const tags = repositories.reduce((sum, { polls }) => sum + polls.size, 0);
    return tags <= MAX_TAGS_AT_ONCE ? make() : this.#holdScrapes(make);
  }

  /**
   * Adds a tag, and polls it at once if the repository's id is known.
   *
   * @param isNew whether it appeared or was pushed after the process started
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

  /** Adds a discovered tag. */
  addDiscovered(instanceTargets: InstanceTargets, watched: WatchedRepository, found: FoundTag): void {
    const isNew = instanceTargets.findsNew || found.updatedMs >= this.#startedMs;
    this.addTag(watched, { ...found, scanTaskId: '' }, isNew, found);
  }

  /** Makes a discovered tag a listed one. It keeps its state. */
  makeListed(poll: TagPoll, { digest, scanTaskId }: ListedTag): void {
    poll.instance.discoveredTags -= 1;
    poll.discovered = undefined;
    this.#store.retarget(poll.tag, { ...poll.tag.target, digest, scanTaskId });
  }

  /** Makes a listed tag a discovered one, which stays if a rule takes it. It keeps its state. */
  makeDiscovered(poll: TagPoll): void {
    poll.instance.discoveredTags += 1;
    poll.discovered = foundUnseen(poll.tag.target);
    this.#store.retarget(poll.tag, poll.tag.target);
  }

  /** Sets the digest of a tag that had none, or had the same one in another form. */
  setDigest(poll: TagPoll, digest: string): void {
    this.#store.retarget(poll.tag, { ...poll.tag.target, digest });
  }

  removeTag({ polls }: WatchedRepository, poll: TagPoll): void {
    poll.scheduler.withdraw(poll);
    polls.delete(poll.tag.target.tag);
    if (poll.discovered !== undefined) poll.instance.discoveredTags -= 1;
    this.#store.remove(poll.tag);
  }

  /**
   * Sets the id, names and domain of a repository. Its tags are polled while its id is known, and lose their state with another id.
   * `watched.repository` is set when this returns, and its tags are relabelled when it resolves.
   */
  relabel(watched: WatchedRepository, repository: Repository): Promise<void> {
    const wasPolled = watched.repository.id !== '';
    const isOther = isRecreated(watched, repository);
    if (isOther) this.#logRecreated(repository, watched.knownId);
    watched.repository = repository;
    watched.knownId = repository.id || watched.knownId;
    return this.change([watched], () =>
      this.#each(watched, watched.polls.values(), (poll) => {
        if (isOther) return this.#startAnew(poll, repository);
        this.#store.retarget(poll.tag, { ...poll.tag.target, repository });
        if (!wasPolled) poll.begin();
        else if (repository.id === '') poll.scheduler.withdraw(poll);
      }),
    );
  }

  /** Removes the state of a tag, and its discovered digest: they belong to a former repository. */
  #startAnew(poll: TagPoll, repository: Repository): void {
    const { target } = poll.tag;
    const digest = poll.discovered === undefined ? target.digest : '';
    this.#store.renew(poll.tag, { ...target, digest, repository }, this.#clock.now());
    poll.startAnew();
  }

  /** Merges `second` into `first`, which is the same repository: `first` keeps its tags and gets those that only `second` has. */
  async merge(first: WatchedRepository, second: WatchedRepository): Promise<void> {
    const wasPolled = second.repository.id !== '';
    const isOther = isRecreated(second, first.repository);
    await this.#each(second, second.polls, ([tag, poll]) => {
      const known = first.polls.get(tag);
      if (known !== undefined && (known.discovered === undefined || poll.discovered !== undefined)) {
        if (poll.discovered === undefined) this.warnDuplicate(first.repository, tag);
        this.removeTag(second, poll);
        return;
      }
      if (known !== undefined) this.removeTag(first, known);
      first.polls.set(tag, poll);
      if (isOther) return this.#startAnew(poll, first.repository);
      this.#store.retarget(poll.tag, { ...poll.tag.target, repository: first.repository });
      if (!wasPolled) poll.begin();
    });
    second.polls.clear();
  }

  /** Counts a failed poll for each tag of a repository, because a lookup that they need failed. */
  async lookupFailed(watched: WatchedRepository, error: PollError): Promise<void> {
    const moment = momentOf(this.#clock);
    await this.#each(watched, watched.polls.values(), ({ tag }) => {
      this.#store.apply(tag, { type: 'lookup-failed', error }, moment);
    });
  }

  /** Calls `action` for items of a repository. The event loop gets turns if it has many tags; else all is done when this returns. */
  async #each<Item>({ polls }: WatchedRepository, items: Iterable<Item>, action: (item: Item) => void): Promise<void> {
    if (polls.size > MAX_TAGS_AT_ONCE) return this.#yieldEvery.each(items, action);
    for (const item of items) action(item);
    this.#yieldEvery.count(polls.size);
  }

  /** Starts a lookup if the id or the names are missing, and ends one that is no longer needed. */
  updateLookup(watched: WatchedRepository): void {
    const { id, namespace } = watched.repository;
    if (id !== '' && namespace !== '') this.endLookup(watched);
    else if (watched.lookup === undefined) {
      this.#startLookup(watched, false);
    }
  }

  /**
   * Looks up the id of a repository again, by its names, because the answer to a poll said that the repository does not exist. The pause
   * between two checks doubles while they find the same id and the tag gets no other answer.
   */
  confirmId(watched: WatchedRepository, { answeredAtMs }: TagPoll): void {
    if (watched.lookup !== undefined) return;
    const nowMs = this.#clock.monotonic();
    // A poll succeeded with this id since the last check: the pause starts over.
    if (answeredAtMs > watched.idCheckedAtMs) watched.idChecks = Math.min(watched.idChecks, 1);
    const firstMs = Math.min(FIRST_ID_CHECK_PAUSE_MS, this.#polls.timing.backoff.maxMs);
    const pauseMs = watched.idChecks === 0 ? 0 : Math.min(MAX_ID_CHECK_PAUSE_MS, firstMs * 2 ** (watched.idChecks - 1));
    const sinceMs = nowMs - watched.idCheckedAtMs - pauseMs;
    if (sinceMs < 0) return;
    if (sinceMs > MAX_ID_CHECK_PAUSE_MS) watched.idChecks = 0;
    watched.idCheckedAtMs = nowMs;
    watched.idChecks += 1;
    this.#startLookup(watched, true);
  }

  #startLookup(watched: WatchedRepository, confirms: boolean): void {
    watched.lookup = new RepositoryLookup(watched, confirms, this.#lookups, this.#lookupEvents(watched));
    watched.lookup.begin();
  }

  endLookup(watched: WatchedRepository): void {
    watched.lookup?.end();
    watched.lookup = undefined;
  }

  #logRecreated({ instanceId, namespace, name, id }: Repository, formerId: string): void {
    const fields = { instance_id: instanceId, repo_namespace: namespace, repo_name: name, repo_id: id };
    this.#logger.info('a repository was created again: its tags start over', { ...fields, former_id: formerId });
  }

  warnDuplicate({ instanceId, namespace, name, id }: Repository, tag: string): void {
    const fields = { instance_id: instanceId, repo_namespace: namespace, repo_name: name, repo_id: id, tag };
    this.#logger.warn('two entries list the same tag of the same repository: the first one is kept', fields);
  }
}
