// What the pages are given to show, beside what a target draws.
import type { Overview, ProblemSummary, TargetRow } from '../src/web/overview.ts';

const NOW_MS = Date.UTC(2026, 0, 2);

export function targetRow(given: Partial<TargetRow>): TargetRow {
  return {
    instanceId: 'cri-1',
    repoNamespace: 'shop',
    repoName: 'api',
    repoId: 'crr-1',
    tag: 'v1',
    digest: '',
    status: 'complete',
    sinceMs: NOW_MS,
    lastPollMs: NOW_MS,
    lastSuccessMs: NOW_MS,
    nextPollMs: undefined,
    lastError: undefined,
    source: 'listed',
    stuck: false,
    stale: false,
    wantsVulnerabilities: true,
    vulnerabilities: undefined,
    vulnerabilitiesError: undefined,
    ...given,
  };
}

export function overviewOf(): Overview {
  return {
    nowMs: NOW_MS,
    startedMs: NOW_MS,
    version: '1.2.3',
    revision: '',
    sdk: '',
    telemetryPath: '/metrics',
    ready: true,
    instances: 1,
    reloadFailure: undefined,
    totals: { scanning: 0, retrying: 0, complete: 1, failed: 0, not_scanned: 0, unknown: 0 },
    vulnerabilities: { wantedTags: 1, knownTags: 0, found: { high: 0, medium: 0, low: 0, unknown: 0 } },
    events: [],
    discovery: [],
    maxTags: 100_000,
    quota: [],
  };
}

export function problemsOf(): ProblemSummary {
  const none = { count: 0, repositories: 0, most: undefined };
  const totals = { failed: none, stuck: none, stale: none, unknown: none, errors: none, high: none, not_scanned: none };
  return { totals, waiting: 0, repositories: 0, worst: [] };
}
