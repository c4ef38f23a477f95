// This exporter as one of several replicas: which repositories it owns, its part of each rate, and what it tells the others.

import type { EventChannel, RegistryEvent } from '../model/events.ts';
import type { GroupView, Ownership, ReplicaStatus, ReplicasSettings, RepositoryNames } from '../model/replicas.ts';
import type { GroupMessage } from '../replicas/group-client.ts';
import { Membership } from '../replicas/membership.ts';
import { ownerOf } from '../replicas/ownership.ts';
import { RedisGroup } from '../replicas/redis-group.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import { connectRedis, parseRedisUrl, type RedisConnection } from '../storage/redis-connection.ts';
import { RedisRecords } from '../storage/redis-records.ts';
import { namesKey } from '../targets/repository-ids.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import type { Logger } from '../util/logger.ts';
import type { SchedulerPoolGroup } from './scheduler-pool.ts';
import { repositoryKey, SharedState } from './shared-state.ts';

export type ReplicaOptions = {
  readonly settings: Pick<ReplicasSettings, 'group' | 'max'>;
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
  /** Takes an event that another replica has heard. */
  readonly receive: (event: RegistryEvent, channel: EventChannel) => void;
  readonly schedulers: () => readonly Scheduler[];
  /** Applies the configuration again, because the replica owns other repositories now. Restores the records of those that it gets. */
  readonly apply: (records: readonly object[]) => Promise<void>;
};

/** A replica wants a rate that is enough for what is due within so many seconds. */
const DUE_WITHIN_S = 5;
/** Repositories that are read at once. */
const READS_AT_ONCE = 50;
const CONNECT_AGAIN_MS = 2_000;

/** Which instance's feed a replica asks is decided like the owner of a repository. */
const FEED = { id: '', namespace: '', name: '' };

type Connections = {
  readonly commands: RedisConnection;
  readonly messages: RedisConnection;
  readonly membership: Membership;
  readonly records: RedisRecords;
};

export class Replica implements SchedulerPoolGroup, Ownership {
  /** Reports what changes to the other replicas. */
  readonly sharedState: SharedState;
  readonly #options: ReplicaOptions;
  readonly #stopping = new AbortController();
  #connections: Connections | undefined;
  /** It owns what it owns in all of these: the view that it took, and later ones for which others have not released their part. */
  #views: readonly GroupView[] = [];
  /** The names of repositories that are configured by their ids, by instance and id. */
  readonly #names = new Map<string, { readonly namespace: string; readonly name: string }>();
  #ended: Promise<unknown> = Promise.resolve();

  constructor(options: ReplicaOptions) {
    const { clock, logger, watchList } = options;
    this.#options = options;
    this.sharedState = new SharedState({ clock, logger, watchList, owns: (...names) => this.owns(...names) });
  }

  /** Joins the group, now or when Redis can be reached. */
  start(): void {
    this.#ended = this.#run();
  }

  /** Hands over to the other replicas. Send no request after this call. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
    const connections = this.#connections;
    if (connections === undefined) return;
    await this.sharedState.flush(connections.records);
    await connections.membership.leave();
    connections.commands.disconnect();
    connections.messages.disconnect();
  }

  owns(instanceId: string, repository: RepositoryNames): boolean {
    return this.#isMine(this.#views, instanceId, repository);
  }

  ownsFeed(instanceId: string): boolean {
    return this.owns(instanceId, FEED);
  }

  share(credentials: string, total: number): number {
    return this.#connections?.membership.share(credentials, total) ?? 0;
  }

  throttled(credentials: string, retryAfterMs: number | undefined): void {
    this.#tell({ type: 'throttled', credentials, retryAfterMs });
  }

  refused(credentials: string): void {
    this.#tell({ type: 'refused', credentials });
  }

  /** Gives an event to the others if one of them watches its repository; false if this one does. */
  forward(event: RegistryEvent, channel: EventChannel): boolean {
    if (this.owns(event.instanceId, event.repository)) return false;
    this.#tell({ type: 'event', event, channel });
    return true;
  }

  get status(): ReplicaStatus {
    const { id, settings } = this.#options;
    const none = { id, isConnected: false, isMember: false, members: [], max: settings.max, shares: [] };
    return {
      ...(this.#connections?.membership.status ?? none),
      unwrittenTags: this.sharedState.unwrittenTags,
    };
  }

  /** Resolves when it is known whether another replica has taken over what this one shows: after the process stood still. */
  async settled(): Promise<void> {
    await this.#connections?.membership.confirmed();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const connections = await this.#connect(signal);
    if (connections === undefined) return;
    this.#connections = connections;
    await Promise.all([connections.membership.run(signal), this.sharedState.run(connections.records, signal)]);
  }

  async #connect(signal: AbortSignal): Promise<Connections | undefined> {
    const { clock, logger, redisUrl, settings, id, host } = this.#options;
    let lastProblem = '';
    while (!signal.aborted) {
      try {
        const address = parseRedisUrl(await redisUrl());
        const [commands, messages] = [connectRedis(address), connectRedis(address, true)];
        const prefix = `{acr-scan-exporter:${settings.group}}`;
        const client = new RedisGroup({
          commands,
          messages,
          prefix,
          id,
          received: (message) => this.#receive(message),
        });
        const membership = new Membership({
          client,
          clock,
          logger,
          id,
          host,
          channel: client.channel,
          max: settings.max,
          wishes: () => this.#wishes(),
          release: (view) => this.#release(view),
          take: (view) => this.#take(view),
          sharesChanged: () => {
            for (const scheduler of this.#options.schedulers()) scheduler.shareChanged();
          },
          dataLost: () => this.sharedState.writeAll(),
          failed: (error) => this.#options.errors.report('replicas', error),
        });
        return { commands, messages, membership, records: new RedisRecords(commands, prefix) };
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        if (problem !== lastProblem) logger.error('no URL of Redis: this replica waits for it', { problem });
        lastProblem = problem;
        await clock.sleep(CONNECT_AGAIN_MS, signal);
      }
    }
    return undefined;
  }

  /** What each set of credentials could use within the next seconds. */
  #wishes() {
    const { schedulers, clock } = this.#options;
    return new Map(
      schedulers().map((scheduler) => {
        const { urgent, background } = scheduler.backlog(clock.monotonic());
        const total = scheduler.quota.adaptiveRate.configured;
        return [scheduler.name, { total, wanted: Math.min(total, (urgent.due + background.due) / DUE_WITHIN_S) }];
      }),
    );
  }

  async #release(view: GroupView | undefined): Promise<void> {
    if (this.#views.length === 0) return;
    const records = this.#connections?.records;
    if (records !== undefined) await this.sharedState.flush(records);
    this.#views = view === undefined ? [] : [...this.#views, view];
    await this.#options.apply([]);
  }

  async #take(view: GroupView): Promise<void> {
    const { apply, logger } = this.#options;
    await this.#readNames();
    const records = await this.#read(view);
    this.#views = [view];
    await this.sharedState.duringRestore(() => apply(records));
    logger.info('repositories are shared by replicas', { replicas: view.members.length, restored: records.length });
  }

  /** What is written of the repositories that this replica gets. */
  async #read(view: GroupView): Promise<object[]> {
    const records = this.#connections?.records;
    if (records === undefined) return [];
    const gained: { readonly instanceId: string; readonly key: string }[] = [];
    for (const instanceId of this.#options.watchList().instanceIds()) {
      for (const key of await records.repositories(instanceId)) {
        const isMine = (views: readonly GroupView[]) => this.#isMineByKey(views, instanceId, key);
        if (isMine([view]) && !isMine(this.#views)) gained.push({ instanceId, key });
      }
    }
    const found: object[] = [];
    for (let at = 0; at < gained.length; at += READS_AT_ONCE) {
      const some = gained.slice(at, at + READS_AT_ONCE);
      const stored = await Promise.all(some.map(({ instanceId, key }) => records.read(instanceId, key)));
      for (const [index, each] of stored.entries()) {
        if (each === undefined) continue;
        const number = at + index;
        found.push({ ...each.repository, kind: 'repository', number });
        for (const tag of each.tags) found.push({ ...tag, kind: 'tag', repository: number });
      }
    }
    return found;
  }

  #isMine(views: readonly GroupView[], instanceId: string, repository: RepositoryNames): boolean {
    const names = repository.namespace === '' ? this.#names.get(namesKey(instanceId, repository.id)) : undefined;
    return this.#isMineByKey(views, instanceId, repositoryKey({ ...repository, ...names }));
  }

  #isMineByKey(views: readonly GroupView[], instanceId: string, key: string): boolean {
    const { id } = this.#options;
    return views.length > 0 && views.every(({ members }) => ownerOf(members, namesKey(instanceId, key)) === id);
  }

  async #readNames(): Promise<void> {
    for (const [field, names] of Object.entries((await this.#connections?.records.names()) ?? {})) {
      const [namespace, name]: unknown[] = JSON.parse(names);
      if (typeof namespace === 'string' && typeof name === 'string') this.#names.set(field, { namespace, name });
    }
  }

  #tell(message: GroupMessage): void {
    this.#connections?.membership.tell(message);
  }

  #receive(message: GroupMessage): void {
    const schedulers = this.#options.schedulers();
    if (message.type === 'beat') this.#connections?.membership.beatNow();
    if (message.type === 'names') this.#names.set(namesKey(message.instanceId, message.id), message);
    if (message.type === 'event') this.#receiveEvent(message.event, message.channel);
    if (message.type !== 'throttled' && message.type !== 'refused') return;
    const scheduler = schedulers.find(({ name }) => name === message.credentials);
    if (message.type === 'throttled') scheduler?.throttledElsewhere(message.retryAfterMs);
    else scheduler?.refusedElsewhere();
  }

  #receiveEvent(event: RegistryEvent, channel: EventChannel): void {
    if (this.owns(event.instanceId, event.repository)) this.#options.receive(event, channel);
  }
}
