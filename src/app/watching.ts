// The watch room, wired up: what polls, looks up and discovers, and what they share.
import type { Config } from '../config/config.ts';
import type { OwnMetrics } from '../metrics/own.ts';
import { StateStore, type StoreObserver } from '../state/store.ts';
import { Breath } from '../util/breath.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import type { Logger } from '../util/logger.ts';
import { Changes } from '../watch/changes.ts';
import { Bounds } from '../watch/discovery/bounds.ts';
import { Discoverer } from '../watch/discovery/discoverer.ts';
import { Harvest } from '../watch/discovery/harvest.ts';
import { RepositoryLookup } from '../watch/lookup.ts';
import { Performer } from '../watch/performer.ts';
import { Poller } from '../watch/poller.ts';
import { Requests } from '../watch/requests.ts';
import { Roster } from '../watch/roster.ts';
import type { Timing } from '../watch/timing.ts';

export type WatchingOptions = {
  readonly observer: StoreObserver;
  readonly meter: Pick<
    OwnMetrics,
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
  readonly roster: Roster;
  readonly poller: Poller;
  readonly discoverer: Discoverer;
  readonly bounds: Bounds;
  readonly performer: Performer;
};

export function createWatching({ observer, meter, timing, maxTags, ...shared }: WatchingOptions): Watching {
  const { clock, logger, errors, whole, turn } = shared;
  const store = new StateStore(observer);
  const breath = new Breath(turn);
  const changes = new Changes((error) => errors.report('scheduler', error));
  const requests = new Requests(meter, clock);
  const poller: Poller = new Poller({
    ...shared,
    store,
    requests,
    timing,
    scanEnded: (instanceId, seconds) => meter.scanEnded(instanceId, seconds),
    lost: (task) => roster.doubt(task),
  });
  const roster = new Roster({ store, poller, clock, logger, changes, breath, whole });
  const lookup = new RepositoryLookup({
    ...shared,
    requests,
    timing: () => poller.timing,
    lookedUp: (task, found) => roster.lookedUp(task, found),
    gone: (task) => roster.gone(task),
    lookupFailed: (task, error) => roster.lookupFailed(task, error),
  });
  const bounds = new Bounds({ roster, store, logger, maxTags });
  const harvest = new Harvest({ roster, changes, bounds, logger, now: () => clock.now(), breath });
  const discoverer = new Discoverer({
    ...shared,
    harvest,
    bounds,
    breath,
    requests,
    backoff: () => poller.timing.backoff,
    passEnded: (seconds) => meter.discoveryPassEnded(seconds),
  });
  return { store, roster, poller, discoverer, bounds, performer: new Performer({ poller, lookup }) };
}

/** What the watch room goes by of a configuration. */
export function timingOf({ intervals, backoff }: Config): Timing {
  return { intervals, backoff };
}
