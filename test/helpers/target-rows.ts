// Rows for the pages, as a test wants them.
import type { Overview, ProblemSummary, RepositoryProblem, RepositoryRow, TargetRow } from '../../src/web/overview.ts';

export const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** A listed tag without vulnerabilities that was answered a minute ago and is polled again in a minute, but for what is given. */
export function targetRow(given: Partial<TargetRow> = {}): TargetRow {
  return {
    instanceId: 'cri-1',
    repoNamespace: 'shop',
    repoName: 'api',
    repoId: 'crr-api',
    tag: 'v1',
    digest: '',
    status: 'complete',
    sinceMs: NOW_MS - 3_600_000,
    lastPollMs: NOW_MS - 60_000,
    lastSuccessMs: NOW_MS - 60_000,
    nextPollMs: NOW_MS + 60_000,
    lastError: undefined,
    source: 'listed',
    stuck: false,
    stale: false,
    wantsVulnerabilities: true,
    vulnerabilities: { high: 0, medium: 0, low: 0, unknown: 0 },
    vulnerabilitiesError: undefined,
    ...given,
  };
}

export function overview(given: Partial<Overview> = {}): Overview {
  return {
    nowMs: NOW_MS,
    startedMs: NOW_MS - 86_400_000,
    version: '1.2.3',
    revision: 'abc',
    sdk: '@alicloud/openapi-core@1.0.8',
    telemetryPath: '/metrics',
    ready: true,
    instances: 1,
    reloadFailure: undefined,
    totals: { scanning: 1, retrying: 0, complete: 1_234, failed: 2, not_scanned: 0, unknown: 0 },
    vulnerabilities: { wantedTags: 1_237, knownTags: 1_230, found: { high: 0, medium: 1_204, low: 7, unknown: 0 } },
    discovery: [],
    events: [],
    maxTags: 100_000,
    quota: [
      {
        credentials: 'default',
        running: true,
        rate: { configured: 5, current: 2.5 },
        inFlight: 1,
        due: { urgent: 3, background: 0 },
        oldestDueSeconds: { urgent: 61, background: 0 },
        refusal: undefined,
        paused: { refused: false, throttled: false },
        inUse: { provider: 'access_key', identity: 'LTAI…abcd', renewalFails: false },
      },
    ],
    ...given,
  };
}

/** Names that try to break out of where they are shown. */
export const NASTY_NAMES = [
  '<script>alert(1)</script>',
  '"onmouseover="alert(1)',
  "'; DROP TABLE tags; --",
  '</td></tr></table><img src=x onerror=alert(1)>',
  'line one\nline two\r\nline three',
  'back\\slash',
  '\u202egnp.exe',
  '👩‍👩‍👧‍👦 and 🏴‍☠️',
  '{{ 7 * 7 }} <%= 7 * 7 %>',
  '&amp;&lt;&#60;',
  'x'.repeat(255),
];

const NO_PROBLEMS = { failed: 0, stuck: 0, stale: 0, unknown: 0, errors: 0, high: 0, not_scanned: 0 };

/** A repository `shop/api` of `cri-1` with these problems. */
export function repositoryRow(
  problems: Partial<Record<RepositoryProblem, number>>,
  given: Partial<RepositoryRow> = {},
): RepositoryRow {
  return {
    instanceId: 'cri-1',
    repoNamespace: 'shop',
    repoName: 'api',
    problems: { ...NO_PROBLEMS, ...problems },
    ...given,
  };
}

/** What is wrong in these repositories. */
export function problemSummary(rows: readonly RepositoryRow[] = [], waiting = 0): ProblemSummary {
  const totalOf = (problem: RepositoryProblem) => {
    const [most, ...others] = rows
      .filter(({ problems }) => problems[problem] > 0)
      .sort((one, other) => other.problems[problem] - one.problems[problem]);
    const all = most === undefined ? [] : [most, ...others];
    const count = all.reduce((sum, { problems }) => sum + problems[problem], 0);
    return { count, repositories: all.length, most };
  };
  const totals = {
    failed: totalOf('failed'),
    stuck: totalOf('stuck'),
    stale: totalOf('stale'),
    unknown: totalOf('unknown'),
    errors: totalOf('errors'),
    high: totalOf('high'),
    not_scanned: totalOf('not_scanned'),
  };
  return { totals, waiting, repositories: rows.length, worst: rows };
}
