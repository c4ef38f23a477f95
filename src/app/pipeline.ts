// Creates and connects what keeps the state of the watched tags up to date: polls, lookups of repositories, discovery, and events.

import type { Config } from '../config/config.ts';
import { DiscoveryManager } from '../discovery/discovery-manager.ts';
import { DiscoveredReconciler } from '../discovery/reconcile-discovered.ts';
import { TagLimit } from '../discovery/tag-limit.ts';
import type { EventIntakeOptions } from '../events/event-intake.ts';
import { EventManager } from '../events/event-manager.ts';
import type { SelfMetrics } from '../metrics/self-metrics.ts';
import type { Ownership } from '../model/replicas.ts';
import type { Timing } from '../model/settings.ts';
import { lookupFailures } from '../polling/repository-lookup.ts';
import { RequestSender } from '../polling/request-sender.ts';
import { PollContext } from '../polling/tag-poll.ts';
import { StateStore, type StoreObserver } from '../state/store.ts';
import { WatchList } from '../targets/watch-list.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import type { Logger } from '../util/logger.ts';
import { Mutex } from '../util/mutex.ts';
import { YieldEvery } from '../util/yield-every.ts';

export type PipelineOptions = {
  readonly observer: StoreObserver;
  readonly meter: Pick<
    SelfMetrics,
    | 'requestSent'
    | 'requestFailed'
    | 'requestEnded'
    | 'scanEnded'
    | 'discoveryRunEnded'
    | 'eventsReceived'
    | 'eventMissed'
    | 'eventAnswered'
  >;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly errors: InternalErrors;
  /** Aborted when the program stops. */
  readonly stopping: AbortSignal;
  /** Gives the event loop a turn during long work; replaced in tests. */
  readonly turn?: () => Promise<void>;
  /** Makes a change that takes several turns of the event loop. Scrapes see the state before it or after it, nothing between. */
  readonly holdScrapes: (change: () => Promise<void>) => Promise<void>;
  /** Which repositories this replica watches. Default: all. */
  readonly owns?: Ownership['owns'];
  /** Gives an event to the replica that watches its repository. Default: there is no other. */
  readonly forward?: EventIntakeOptions['forward'];
  readonly timing: Timing;
  readonly maxTags: number;
};

export type Pipeline = {
  readonly store: StateStore;
  readonly watchList: WatchList;
  readonly polls: PollContext;
  readonly reconciler: DiscoveredReconciler;
  readonly discoveryManager: DiscoveryManager;
  readonly eventManager: EventManager;
  readonly yieldEvery: YieldEvery;
  readonly tagLimit: TagLimit;
};

export function createPipeline({
  observer,
  meter,
  timing,
  maxTags,
  owns = () => true,
  forward = () => false,
  ...shared
}: PipelineOptions): Pipeline {
  const { clock, logger, errors, holdScrapes, turn } = shared;
  const store = new StateStore(observer);
  const yieldEvery = new YieldEvery(turn);
  const mutex = new Mutex((error) => errors.report('scheduler', error));
  const requests = new RequestSender(meter, clock);
  const polls: PollContext = new PollContext({
    ...shared,
    store,
    requests,
    timing,
    scanEnded: (instanceId, seconds) => meter.scanEnded(instanceId, seconds),
    scanEndFound: (poll, announcedBy) => eventManager.scanEndFound(poll, announcedBy),
    eventAnswered: (instanceId, channel, seconds) => meter.eventAnswered(instanceId, channel, seconds),
    repositoryMissing: (poll) => watchList.checkId(poll),
  });
  const lookups = { ...shared, requests, timing: () => polls.timing, failures: lookupFailures(shared) };
  const watchList = new WatchList({ store, polls, lookups, clock, logger, mutex, yieldEvery, holdScrapes });
  const tagLimit = new TagLimit({ watchList, store, logger, maxTags });
  const reconciler = new DiscoveredReconciler({
    watchList,
    mutex,
    tagLimit,
    logger,
    now: () => clock.now(),
    yieldEvery,
  });
  const discoveryManager = new DiscoveryManager({
    ...shared,
    owns,
    reconciler,
    tagLimit,
    yieldEvery,
    requests,
    backoff: () => polls.timing.backoff,
    runEnded: (seconds) => meter.discoveryRunEnded(seconds),
  });
  const eventManager: EventManager = new EventManager({
    ...shared,
    forward,
    watchList,
    requests,
    meter,
    backoff: () => polls.timing.backoff,
    pushed: ({ instanceId, repository, tag }) => discoveryManager.pushed(instanceId, repository, tag),
  });
  return { store, watchList, polls, reconciler, discoveryManager, eventManager, tagLimit, yieldEvery };
}

/** When to poll, from the configuration. */
export function timingOf({ intervals, backoff }: Config): Timing {
  return { intervals, backoff };
}
