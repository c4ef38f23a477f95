// The watch room, wired up: what polls, looks up and discovers, and what they share.
import type { Config } from '../config/config.ts';
import { DiscoveryManager } from '../discovery/discovery.ts';
import { DiscoveredReconciler } from '../discovery/reconcile-discovered.ts';
import { TagLimit } from '../discovery/tag-limit.ts';
import type { SelfMetrics } from '../metrics/self-metrics.ts';
import type { Timing } from '../model/settings.ts';
import { Performer } from '../polling/performer.ts';
import { Poller } from '../polling/poller.ts';
import { RepositoryLookup } from '../polling/repository-lookup.ts';
import { Requests } from '../polling/requests.ts';
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
  readonly whole: (change: () => Promise<void>) => Promise<void>;
  readonly timing: Timing;
  readonly maxTags: number;
};

export type Watching = {
  readonly store: StateStore;
  readonly watchList: WatchList;
  readonly poller: Poller;
  readonly discoveryManager: DiscoveryManager;
  readonly tagLimit: TagLimit;
  readonly performer: Performer;
};

export function createWatching({ observer, meter, timing, maxTags, ...shared }: WatchingOptions): Watching {
  const { clock, logger, errors, whole, turn } = shared;
  const store = new StateStore(observer);
  const breath = new YieldEvery(turn);
  const mutex = new Mutex((error) => errors.report('scheduler', error));
  const requests = new Requests(meter, clock);
  const poller: Poller = new Poller({
    ...shared,
    store,
    requests,
    timing,
    scanEnded: (instanceId, seconds) => meter.scanEnded(instanceId, seconds),
    lost: (task) => watchList.doubt(task),
  });
  const watchList = new WatchList({ store, poller, clock, logger, mutex, breath, whole });
  const lookup = new RepositoryLookup({
    ...shared,
    requests,
    timing: () => poller.timing,
    lookedUp: (task, found) => watchList.lookedUp(task, found),
    gone: (task) => watchList.gone(task),
    lookupFailed: (task, error) => watchList.lookupFailed(task, error),
  });
  const tagLimit = new TagLimit({ watchList, store, logger, maxTags });
  const reconciler = new DiscoveredReconciler({ watchList, mutex, tagLimit, logger, now: () => clock.now(), breath });
  const discoveryManager = new DiscoveryManager({
    ...shared,
    reconciler,
    tagLimit,
    breath,
    requests,
    backoff: () => poller.timing.backoff,
    passEnded: (seconds) => meter.discoveryPassEnded(seconds),
  });
  return { store, watchList, poller, discoveryManager, tagLimit, performer: new Performer({ poller, lookup }) };
}

/** What the watch room goes by of a configuration. */
export function timingOf({ intervals, backoff }: Config): Timing {
  return { intervals, backoff };
}
