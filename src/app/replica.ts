// This exporter as one of several replicas: which repositories it owns, its part of each rate, and what it tells the others.
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import { groupConfigDigest } from '../config/group-config-digest.ts';
import type { EventChannel, RegistryEvent } from '../model/events.ts';
import type { GroupView, Ownership, ReplicaStatus, ReplicasSettings } from '../model/replicas.ts';
import type { FoundRepository } from '../model/target.ts';
import type { GroupMessage } from '../replicas/group-client.ts';
import { Membership } from '../replicas/membership.ts';
import { ownerOf } from '../replicas/ownership.ts';
import { RedisGroup } from '../replicas/redis-group.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import { RedisError } from '../storage/redis-connection.ts';
import { RedisRecords } from '../storage/redis-records.ts';
import { namesKey } from '../targets/repository-ids.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import type { Logger } from '../util/logger.ts';
import { parseRedisUrl, REDIS_URL_EXPECTED } from '../util/redis-url.ts';
import type { SchedulerPoolGroup } from './scheduler-pool.ts';
import { SharedState } from './shared-state.ts';
import { readRecord } from './snapshot-records.ts';

export type ReplicaOptions = {
  readonly settings: ReplicasSettings;
  /** Reads the URL of Redis, which may be in a file. Rejects with a message for the log. */
  readonly redisUrl: () => Promise<string>;
  /** Unique among all processes. */
  readonly id: string;
  /** For people. */
  readonly host: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly errors: InternalErrors;
  readonly watchList: () => WatchList;
  /** How many tags are watched. */
  readonly tags: () => number;
  /** Takes an event that another replica has heard. */
  readonly receive: (event: RegistryEvent, channel: EventChannel) => void;
  readonly schedulers: () => readonly Scheduler[];
  /**
   * Applies the configuration again, because the replica owns other repositories from `change` on. That is called when no reload runs: a reload would
   * apply a part of the configuration with the former owners and a part with the new ones. Rejects as `change` does.
   */
  readonly apply: (change: () => Promise<OwnershipChange>) => Promise<void>;
};

/** What a replica does when it owns other repositories. */
export type OwnershipChange = {
  /** What is known of the repositories that it gets, as records of a snapshot. */
  readonly records: readonly object[];
  /** Whether it gets repositories: discovery looks for their tags. */
  readonly takesOver: boolean;
};

/** A replica wants a rate that is enough for what is due within so many seconds. */
const DUE_WITHIN_S = 5;
/** So that the urgent tags of one replica do not wait as long as what is not urgent elsewhere. */
const URGENT_WEIGHT = 10;
/** Repositories that are read at once. Each may have thousands of tags, and Redis answers an exchange only after them. */
const READS_AT_ONCE = 10;
/** How often the URL of Redis is read again: a password may change. */
const URL_CHECK_MS = 2_000;
/** So long repositories that go to others wait for Redis to take what is known of them. Others show what a dead replica had within 20 s. */
const MOVES_WAIT_MS = 8_000;
/** The process ends 5 s after it was asked to, whatever Redis does. */
const HAND_OVER_MS = 3_500;

const NOT_MOVED = 'repositories do not move to their new owners yet';
const NO_MESSAGES =
  'Redis refuses messages: this replica does not hear the others, and counts as dead when it is silent for 3 s';
const URL_UNUSABLE = 'the URL of Redis cannot be used: this replica keeps the former one';

/** Which instance's feed a replica asks is decided like the owner of a repository. */
const FEED = { id: '', namespace: '', name: '' };

/** The prefix of all keys of a group. Its braces keep them in one slot of a cluster. */
export function groupPrefix({ group }: Pick<ReplicasSettings, 'group'>): string {
  return `{acr-scan-exporter:${group}}`;
}

export class Replica implements SchedulerPoolGroup, Ownership {
  /** Reports what changes to the other replicas. */
  readonly sharedState: SharedState;
  readonly #options: ReplicaOptions;
  readonly #stopping = new AbortController();
  readonly #group: RedisGroup;
  readonly #records: RedisRecords;
  readonly #membership: Membership;
  /** It owns what it owns in all of these: the view that it took, and later ones for which others have not released their part. */
  #views: readonly GroupView[] = [];
  /** The ids of repositories that the configuration lists by their ids alone, by instance. */
  #listedByIds: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  #configured: Config | undefined;
  /** Of what all replicas must configure alike. */
  #configDigest = '';
  #usedUrl: string | undefined;
  /** Since when Redis refuses what is known of repositories that go to others, on the monotonic clock. */
  #unwrittenSinceMs: number | undefined;
  /** What goes on and was logged, by message. */
  readonly #problems = new Map<string, string>();
  #ended: Promise<unknown> = Promise.resolve();

  constructor(options: ReplicaOptions) {
    const { settings, id, clock, errors, schedulers } = options;
    const prefix = groupPrefix(settings);
    this.#options = options;
    this.#group = new RedisGroup({ prefix, id, clock, received: (message) => this.#receive(message) });
    this.#records = new RedisRecords(this.#group.connection, prefix, clock);
    this.#membership = new Membership({
      ...options,
      client: this.#group,
      max: settings.max,
      config: () => this.#configDigest,
      wishes: () => this.#wishes(),
      release: (view) => this.#release(view),
      take: (view) => this.#take(view),
      sharesChanged: () => {
        for (const scheduler of schedulers()) scheduler.shareChanged();
      },
      dataLost: () => this.sharedState.writeAgain(),
      failed: (error) => {
        if (error instanceof RedisError) this.#warnOnce(NOT_MOVED, error.message);
        else errors.report('replicas', error);
      },
    });
    this.sharedState = new SharedState({
      ...options,
      records: this.#records,
      owns: (instanceId, repository) => this.owns(instanceId, repository),
      ownsKey: (instanceId, key) => this.#isMine(this.#views, instanceId, key),
      keyOf: (instanceId, repository) => this.#keyOf(instanceId, repository),
      mayWrite: () => this.#membership.holdsLease,
    });
  }

  /** Joins the group, now or when Redis can be reached. */
  start(): void {
    const { signal } = this.#stopping;
    // An exchange without an address would be told as an outage of Redis.
    this.#ended = this.#readUrl().then(() =>
      Promise.all([this.#followUrl(), this.#membership.run(signal), this.sharedState.run(signal)]),
    );
  }

  /** Hands over to the other replicas. Send no request after this call. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const { clock } = this.#options;
    const handOver = this.#ended.then(async () => {
      if (this.#membership.holdsLease) await this.sharedState.flush();
      await this.#membership.leave();
    });
    await Promise.race([handOver, clock.sleep(HAND_OVER_MS)]);
    this.#group.connection.close();
  }

  /** Call it before the configuration is applied. */
  configure(config: Config): void {
    // It is applied again whenever this replica owns other repositories.
    if (config === this.#configured) return;
    this.#configured = config;
    this.#configDigest = groupConfigDigest(config, this.#options.settings.max);
    const idsOf = ({ repositories }: Config['instances'][number]) =>
      new Set(repositories.flatMap(({ id, namespace }) => (namespace === '' ? [id] : [])));
    const before = this.#listedByIds;
    this.#listedByIds = new Map(config.instances.map((instance) => [instance.id, idsOf(instance)]));
    // A repository that is listed by its names now has another key, and what is written is under the former one.
    if (!isDeepStrictEqual(this.#listedByIds, before))
      this.sharedState.writeAgain((repository) => {
        const { instanceId } = repository;
        return this.#keyOf(instanceId, repository) !== this.#keyOf(instanceId, repository, before);
      });
  }

  owns(instanceId: string, repository: FoundRepository): boolean {
    return this.#isMine(this.#views, instanceId, this.#keyOf(instanceId, repository));
  }

  ownsFeed(instanceId: string): boolean {
    return this.owns(instanceId, FEED);
  }

  share(credentials: string, total: number): number {
    return this.#membership.share(credentials, total);
  }

  throttled(credentials: string, retryAfterMs: number | undefined): void {
    this.#group.tell({ type: 'throttled', credentials, retryAfterMs });
  }

  refused(credentials: string): void {
    this.#group.tell({ type: 'refused', credentials });
  }

  /** Gives an event to the others, unless this replica watches its repository. False if it is for this one to decide about. */
  forward(event: RegistryEvent, channel: EventChannel): boolean {
    if (this.#watches(event)) return false;
    this.#group.tell({ type: 'event', event, channel });
    return !this.owns(event.instanceId, event.repository);
  }

  get status(): ReplicaStatus {
    const { watchList, tags } = this.#options;
    const repositories = Array.from(watchList().repositories()).length;
    return { ...this.#membership.status, repositories, tags: tags(), unwrittenTags: this.sharedState.unwrittenTags };
  }

  /** Resolves when it is known whether another replica has taken over what this one shows: after the process stood still. */
  async settled(): Promise<void> {
    await this.#membership.confirmed();
  }

  /** Uses the URL of Redis, and another one when it changes. */
  async #followUrl(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#options.clock.sleep(URL_CHECK_MS, signal);
      await this.#readUrl();
      this.#reportMessages();
    }
  }

  /** Connects to the present address, if it is another one. Never rejects. */
  async #readUrl(): Promise<void> {
    const { connection } = this.#group;
    try {
      const url = await this.#options.redisUrl();
      const address = parseRedisUrl(url);
      if (address === undefined) throw new Error(`redis_url: expected ${REDIS_URL_EXPECTED}`);
      this.#problems.delete(URL_UNUSABLE);
      if (url === this.#usedUrl) return;
      this.#usedUrl = url;
      connection.use(address);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (this.#usedUrl === undefined) connection.problem = problem;
      else this.#warnOnce(URL_UNUSABLE, problem);
    }
  }

  #reportMessages(): void {
    const { subscriptionProblem } = this.#group.connection;
    // Before the first exchange the membership reports it.
    if (subscriptionProblem === undefined || !this.#membership.status.isMember) this.#problems.delete(NO_MESSAGES);
    else this.#warnOnce(NO_MESSAGES, subscriptionProblem);
  }

  /** Logs what is tried again and again, unless the same was logged before. */
  #warnOnce(message: string, problem: string): void {
    if (this.#problems.get(message) === problem) return;
    this.#problems.set(message, problem);
    this.#options.logger.warn(message, { problem });
  }

  /** What each set of credentials could use within the next seconds. */
  #wishes() {
    const { schedulers, clock } = this.#options;
    return new Map(
      schedulers().map((scheduler) => {
        const { urgent, background } = scheduler.backlog(clock.monotonic());
        const total = scheduler.quota.adaptiveRate.configured;
        const ofTags = (URGENT_WEIGHT * urgent.due + background.due) / DUE_WITHIN_S;
        // The next request of discovery is known only after the answer to this one.
        const wanted = ofTags + (scheduler.hasOtherWork(clock.monotonic()) ? total : 0);
        // Refused credentials only probe.
        if (scheduler.breaker.isRefused) return [scheduler.name, { total, wanted: 0 }];
        return [scheduler.name, { total, wanted }];
      }),
    );
  }

  async #release(view: GroupView | undefined): Promise<void> {
    if (this.#views.length === 0) return;
    if (view === undefined) {
      // Others own it already, also while a reload runs.
      this.sharedState.dropAll();
      this.#views = [];
    }
    await this.#options.apply(async () => {
      if (view !== undefined) {
        await this.#writeBefore(view);
        this.#views = [...this.#views, view];
      }
      return { records: [], takesOver: false };
    });
  }

  /**
   * Writes what is known of the repositories that others own in this view. Rejects if it cannot: then it is tried again, for some seconds. Others
   * wait for this replica meanwhile, also to take over what nobody shows.
   */
  async #writeBefore(view: GroupView): Promise<void> {
    const nowMs = this.#options.clock.monotonic();
    const isWritten = await this.sharedState.flush((instanceId, key) => !this.#isMine([view], instanceId, key));
    this.#unwrittenSinceMs = isWritten ? undefined : (this.#unwrittenSinceMs ?? nowMs);
    if (this.#unwrittenSinceMs === undefined) return;
    if (nowMs < this.#unwrittenSinceMs + MOVES_WAIT_MS) throw new RedisError('what is known of them cannot be written');
    this.#unwrittenSinceMs = undefined;
  }

  async #take(view: GroupView): Promise<void> {
    const { apply, logger } = this.#options;
    let restored = 0;
    let goOn = () => {};
    const before = this.#views;
    try {
      await apply(async () => {
        const records = await this.#read(view);
        restored = records.length;
        goOn = this.sharedState.hold();
        const takesOver = this.#mayGain(view);
        this.#views = [view];
        return { records, takesOver };
      });
    } catch (error) {
      // It is tried again, as if it had not begun.
      this.#views = before;
      throw error;
    } finally {
      goOn();
    }
    this.#problems.delete(NOT_MOVED);
    logger.info('repositories are shared by replicas', { replicas: view.members.length, restored });
  }

  /** What is written of the repositories that this replica gets. */
  async #read(view: GroupView): Promise<object[]> {
    const gained: { readonly instanceId: string; readonly key: string }[] = [];
    for (const instanceId of this.#options.watchList().instanceIds()) {
      for (const key of await this.#records.repositories(instanceId))
        if (this.#isMine([view], instanceId, key) && !this.#isMine(this.#views, instanceId, key))
          gained.push({ instanceId, key });
    }
    const found: object[] = [];
    for (let at = 0; at < gained.length; at += READS_AT_ONCE) {
      const some = gained.slice(at, at + READS_AT_ONCE);
      const stored = await Promise.all(some.map(({ instanceId, key }) => this.#records.read(instanceId, key)));
      for (const [index, each] of stored.entries()) {
        const number = at + index;
        const repository = each && readRecord({ ...each.repository, kind: 'repository', number });
        // Where the configuration lists it in another way than before, what was written under its former key is out of date.
        if (repository?.kind !== 'repository' || this.#keyOf(repository.instance, repository) !== some[index]?.key)
          continue;
        found.push(repository);
        for (const tag of each?.tags ?? []) found.push({ ...tag, kind: 'tag', repository: number });
      }
    }
    return found;
  }

  /** Whether this replica may own more in this view than before: it does only if it is new, or another has left. */
  #mayGain({ members }: GroupView): boolean {
    const before = this.#views.flatMap((view) => view.members);
    return before.length === 0 || before.some((id) => !members.includes(id));
  }

  #isMine(views: readonly GroupView[], instanceId: string, key: string): boolean {
    const { id } = this.#options;
    return views.length > 0 && views.every(({ members }) => ownerOf(members, namesKey(instanceId, key)) === id);
  }

  /**
   * A text for a repository that all replicas form alike, whatever they know of it: its names, or its id if it is listed by that alone, also where
   * discovery finds it.
   */
  #keyOf(instanceId: string, { id, namespace, name }: FoundRepository, listedByIds = this.#listedByIds): string {
    return id !== '' && listedByIds.get(instanceId)?.has(id) ? id : namesKey(namespace, name);
  }

  #watches({ instanceId, repository }: RegistryEvent): boolean {
    return this.#options.watchList().targetsOf(instanceId)?.find(repository) !== undefined;
  }

  #receive(message: GroupMessage): void {
    if (message.type === 'beat') this.#membership.beatNow();
    else if (message.type === 'event') this.#receiveEvent(message.event, message.channel);
    else {
      const scheduler = this.#options.schedulers().find(({ name }) => name === message.credentials);
      if (message.type === 'throttled') scheduler?.throttledElsewhere(message.retryAfterMs);
      else scheduler?.refusedElsewhere();
    }
  }

  #receiveEvent(event: RegistryEvent, channel: EventChannel): void {
    if (this.#watches(event) || this.owns(event.instanceId, event.repository)) this.#options.receive(event, channel);
  }
}
