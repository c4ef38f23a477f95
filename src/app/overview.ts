// The values of the status page.

import type { SchedulerStatus } from '../model/status.ts';
import type { Clock } from '../util/clock.ts';
import type { Overview } from '../web/overview.ts';
import type { Watching } from './watching.ts';

/** The part that a reload changes. While a reload is being applied, the page shows it as it was before. */
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

export function watchedOverview({
  store,
  discoveryManager,
  tagLimit,
}: Pick<Watching, 'store' | 'discoveryManager' | 'tagLimit'>): WatchedOverview {
  return {
    totals: store.totals(),
    vulnerabilities: store.vulnerabilityTotals(),
    discovery: discoveryManager.statuses(),
    maxTags: tagLimit.maxTags,
  };
}
