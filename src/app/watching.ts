// The watch room, wired up: what polls, looks up and discovers, and what they share.

import type { Config } from '../config/config.ts';
import { DiscoveryManager } from '../discovery/discovery-manager.ts';
import { DiscoveredReconciler } from '../discovery/reconcile-discovered.ts';
import { TagLimit } from '../discovery/tag-limit.ts';
import type { SelfMetrics } from '../metrics/self-metrics.ts';
import type { Timing } from '../model/settings.ts';
import { lookupFailures } from '../polling/repository-lookup.ts';
import { Requests } from '../polling/requests.ts';
import { PollContext } from '../polling/tag-poll.ts';
import { StateStore, type StoreObserver } from '../state/store.ts';
import { WatchList } from '../targets/watch-list.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import type { Logger } from '../util/logger.ts';
import { Mutex } from '../util/mutex.ts';
import { YieldEvery } from '../util/yield-every.ts';

export type WatchingOptions = {
  readonly observer: StoreObserver;
  readonly meter: Pick<
    SelfMetrics,
    'requestSent' | 'requestFailed' | 'requestEnded' | 'scanEnded' | 'discoveryPassEnded'
  >;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly errors: InternalErrors;
  /** Aborted when the program stops. */
  readonly stopping: AbortSignal;
  /** Lets the event loop turn, in the midst of long work. */
  readonly turn: () => Promise<void>;
  /** Makes a change that takes several turns of the event loop, and is to be seen whole or not at all. */
  readonly holdScrapes: (change: () => Promise<void>) => Promise<void>;
  readonly timing: Timing;
  readonly maxTags: number;
};

export type Watching = {
  readonly store: StateStore;
  readonly watchList: WatchList;
  readonly polls: PollContext;
  readonly discoveryManager: DiscoveryManager;
  readonly tagLimit: TagLimit;
};

export function createWatching({ observer, meter, timing, maxTags, ...shared }: WatchingOptions): Watching {
  const { clock, logger, errors, holdScrapes, turn } = shared;
  const store = new StateStore(observer);
  const yieldEvery = new YieldEvery(turn);
  const mutex = new Mutex((error) => errors.report('scheduler', error));
  const requests = new Requests(meter, clock);
  const polls: PollContext = new PollContext({
    ...shared,
    store,
    requests,
    timing,
    scanEnded: (instanceId, seconds) => meter.scanEnded(instanceId, seconds),
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
    reconciler,
    tagLimit,
    yieldEvery,
    requests,
    backoff: () => polls.timing.backoff,
    runEnded: (seconds) => meter.discoveryPassEnded(seconds),
  });
  return { store, watchList, polls, discoveryManager, tagLimit };
}

/** What the watch room goes by of a configuration. */
export function timingOf({ intervals, backoff }: Config): Timing {
  return { intervals, backoff };
}
