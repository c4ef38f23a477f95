// What is known, as the pages for people and the JSON API want it.

import type { DiscoveryManager } from '../discovery/discovery-manager.ts';
import type { TagLimit } from '../discovery/tag-limit.ts';
import type { SchedulerStatus } from '../model/status.ts';
import type { StateStore } from '../state/store.ts';
import type { Clock } from '../util/clock.ts';
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

type Watching = {
  readonly store: StateStore;
  readonly discoveryManager: DiscoveryManager;
  readonly tagLimit: TagLimit;
};

export function watchedOverview({ store, discoveryManager, tagLimit }: Watching): WatchedOverview {
  return {
    totals: store.totals(),
    vulnerabilities: store.vulnerabilityTotals(),
    discovery: discoveryManager.statuses(),
    maxTags: tagLimit.maxTags,
  };
}
