// What is known, as the pages for people and the JSON API want it.
import type { SchedulerStatus } from '../metrics/statuses.ts';
import { shownVulnerabilities } from '../state/store.ts';
import type { Clock } from '../util/clock.ts';
import type { PollTask } from '../watch/task.ts';
import type { Overview, TargetRow } from '../web/overview.ts';

export type OverviewSources = {
  readonly clock: Clock;
  readonly totals: () => Overview['totals'];
  readonly schedulers: () => readonly SchedulerStatus[];
  readonly about: () => Pick<Overview, 'startedMs' | 'version' | 'revision' | 'sdk' | 'telemetryPath' | 'ready'>;
};

export function overviewOf({ clock, totals, schedulers, about }: OverviewSources): Overview {
  return { ...about(), nowMs: clock.now(), totals: totals(), quota: schedulers() };
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
    digest: target.digest,
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
