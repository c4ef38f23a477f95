// What is known, as the pages for people and the JSON API want it.
import type { SchedulerStatus } from '../metrics/statuses.ts';
import { type StateStore, shownVulnerabilities } from '../state/store.ts';
import type { Clock } from '../util/clock.ts';
import { shownDigest } from '../util/digest.ts';
import type { Bounds } from '../watch/discovery/bounds.ts';
import type { Discoverer } from '../watch/discovery/discoverer.ts';
import type { PollTask } from '../watch/task.ts';
import type { Overview, TargetRow } from '../web/overview.ts';

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

/** The rows of these polls. The schedule is kept by the monotonic clock, people read the wall clock. */
export function* targetRows(polls: readonly PollTask[], clock: Clock): Generator<TargetRow> {
  const wallOffsetMs = clock.now() - clock.monotonic();
  for (const poll of polls) yield targetRow(poll, wallOffsetMs);
}

function targetRow({ tag, position, statusDueAtMs, discovered }: PollTask, wallOffsetMs: number): TargetRow {
  const { target, state } = tag;
  const { instanceId, namespace, name, id, vulnerabilities: wantsVulnerabilities } = target.repository;
  return {
    instanceId,
    repoNamespace: namespace,
    repoName: name,
    repoId: id,
    tag: target.tag,
    digest: shownDigest(target.digest),
    status: state.status,
    sinceMs: state.sinceMs,
    lastPollMs: state.lastPollMs,
    lastSuccessMs: state.lastSuccessMs,
    nextPollMs: position < 0 ? undefined : statusDueAtMs + wallOffsetMs,
    lastError: state.lastError,
    source: discovered === undefined ? 'listed' : 'discovered',
    wantsVulnerabilities,
    vulnerabilities: shownVulnerabilities(tag),
    vulnerabilitiesError: wantsVulnerabilities ? state.summaryError : undefined,
  };
}
