// What is known, as the pages for people and the JSON API want it.
import type { SchedulerStatus } from '../metrics/statuses.ts';
import type { StateStore } from '../state/store.ts';
import type { Clock } from '../util/clock.ts';
import type { Bounds } from '../watch/discovery/bounds.ts';
import type { Discoverer } from '../watch/discovery/discoverer.ts';
import type { Overview } from '../web/overview.ts';

/** What a reload changes: pages for people go on to show it as it was while one is being applied. */
export type WatchedOverview = Pick<Overview, 'totals' | 'vulnerabilities' | 'discovery' | 'maxTags'>;

export type OverviewSources = {
  readonly clock: Clock;
  readonly watched: () => WatchedOverview;
  readonly schedulers: () => readonly SchedulerStatus[];
  readonly about: () => Pick<Overview, 'startedMs' | 'version' | 'revision' | 'sdk' | 'telemetryPath' | 'ready'>;
};

export function overviewOf({ clock, watched, schedulers, about }: OverviewSources): Overview {
  return { ...about(), ...watched(), nowMs: clock.now(), quota: schedulers() };
}

type Watching = { readonly store: StateStore; readonly discoverer: Discoverer; readonly bounds: Bounds };

export function watchedOverview({ store, discoverer, bounds }: Watching): WatchedOverview {
  return {
    totals: store.totals(),
    vulnerabilities: store.vulnerabilityTotals(),
    discovery: discoverer.statuses(),
    maxTags: bounds.maxTags,
  };
}
