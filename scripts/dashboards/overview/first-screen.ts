// The first screen: numbers that show whether anything is wrong, and tables that show where.
import { dashboardLink, EXPORTER_UID, RUNBOOK_OF_STATE, runbook } from '../links.ts';
import type { Override, Section } from '../model.ts';
import {
  BAD,
  GOOD,
  NEUTRAL,
  SEVERITY_OVERRIDES,
  STATUS_OVERRIDES,
  STUCK_COLOR,
  thresholds,
  WARNING,
  words,
} from '../palette.ts';
import { type Column, stat, table, timeSeries } from '../panels.ts';
import { findings, REPOSITORY, STALE, STUCK, STUCK_COUNT, secondsInStatus, select, tags } from '../queries.ts';
import { INSTANCE_COLUMNS, repositoryColumn, withRepository } from '../repository-columns.ts';
import { apiErrors, EXPORTER_UP } from '../shared-panels.ts';

/** For panels about single tags. */
export const NEEDS_TAGS = 'Needs series of tags: with `metrics.per_tag: none` it is empty.';

const ONE_IS_RED = thresholds(GOOD, [1, BAD]);
const ONE_IS_ORANGE = thresholds(GOOD, [1, WARNING]);
const MAX_ROWS = 50;
/** High enough that an empty cell means no problem, and not that other repositories have more. */
const MAX_REPOSITORIES = 500;

const NUMBERS = [
  { ...EXPORTER_UP, w: 2 },
  apiErrors(dashboardLink(EXPORTER_UID, 'Errors by code')),
  stat({
    title: 'Failed',
    description: 'Tags whose last scan failed. Red from 1: AcrScanFailed alerts on each.',
    expr: `sum(${tags('failed')})`,
    unit: 'none',
    steps: ONE_IS_RED,
    links: [runbook('AcrScanFailed')],
  }),
  stat({
    title: 'Stuck',
    w: 2,
    description: `Scans that have been running for more than 30 minutes; most scans take minutes. A restart of the exporter and changes between scanning and retrying do not hide them. Red from 1: AcrScanStuck alerts on each. Without a value if scans are running and tags have no series (\`metrics.per_tag: none\`). With \`problems\`, a scan that completed and the next one look like one scan if both were within 30 minutes.`,
    expr: STUCK_COUNT,
    unit: 'none',
    steps: ONE_IS_RED,
    links: [runbook('AcrScanStuck')],
  }),
  stat({
    title: 'Unknown',
    description:
      'Tags without an answer so far, or with a status that this version of the exporter does not know. Orange from 1: normal for some minutes after a start, AcrScanUnknown alerts on it after 30 minutes.',
    expr: `sum(${tags('unknown')})`,
    unit: 'none',
    steps: ONE_IS_ORANGE,
    links: [runbook('AcrScanUnknown')],
  }),
  stat({
    title: 'Not scanned',
    description:
      'Images that were never scanned: no scan rule matches them, scanning is off, or their scan is about to start. Orange from 1: normal for some minutes after a push, AcrImageNotScanned fires after an hour.',
    expr: `sum(${tags('not_scanned')})`,
    unit: 'none',
    steps: ONE_IS_ORANGE,
    links: [runbook('AcrImageNotScanned')],
  }),
  stat({
    title: 'Stale',
    w: 2,
    description: `Tags whose last answer is more than an hour old: their status may be outdated. While events are healthy, only tags whose last poll failed count. Orange from 1, AcrScanResultsStale alerts on it. Tags that were never answered are unknown instead. ${NEEDS_TAGS} With \`problems\`, tags whose last poll succeeded are never counted.`,
    expr: `count(${STALE}) or 0 * count(${select('acr_scan_tag_last_success_timestamp_seconds')})`,
    unit: 'none',
    steps: ONE_IS_ORANGE,
    links: [runbook('AcrScanResultsStale')],
  }),
  stat({
    title: 'High findings',
    description:
      'Vulnerabilities of high severity that the last complete scans found, summed over the watched tags. Orange from 1, AcrHighSeverityVulnerabilities alerts on them. Without a value while no numbers are known, or with `vulnerabilities: false`.',
    expr: `sum(${findings('high')})`,
    unit: 'short',
    steps: ONE_IS_ORANGE,
    links: [runbook('AcrHighSeverityVulnerabilities')],
  }),
  stat({
    title: 'Under way',
    description: 'Running scans: scanning or retrying. Neither good nor bad.',
    expr: `sum(${tags('scanning|retrying')})`,
    unit: 'none',
    steps: thresholds(NEUTRAL),
  }),
];

const REPOSITORY_COLUMN = repositoryColumn(EXPORTER_UID, 'Polls of this repository');

/** A number of problems, coloured if it is not 0. */
function problems(field: string, heading: string, color: string, width = 72): Column {
  return {
    field,
    heading,
    width,
    unit: 'none',
    properties: [
      { id: 'thresholds', value: thresholds('transparent', [1, color]) },
      { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
      { id: 'custom.align', value: 'center' },
    ],
  };
}

const STATE: Override['properties'] = [
  { id: 'mappings', value: [words({ failed: ['failed', BAD], stuck: ['stuck', STUCK_COLOR] })] },
  { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
  { id: 'links', value: [RUNBOOK_OF_STATE] },
];

const inState = (state: string, expr: string) => `label_replace(${expr}, "state", "${state}", "", "")`;

const TABLES = [
  table({
    title: 'Where: repositories with problems',
    description: `Repositories in which a scan failed, is stuck or unknown, with images that were never scanned, outdated results, or vulnerabilities of high severity; for each column the ${MAX_REPOSITORIES} worst. The thresholds are the same as above. A click on a repository shows its polls. The columns Stuck and Stale need series of tags.`,
    w: 12,
    h: 9,
    noValue: 'No problem is known',
    exprs: [
      `topk(${MAX_REPOSITORIES}, sum by (${REPOSITORY}) (${tags('failed')}) > 0)`,
      `topk(${MAX_REPOSITORIES}, count by (${REPOSITORY}) (${STUCK}))`,
      `topk(${MAX_REPOSITORIES}, sum by (${REPOSITORY}) (${tags('unknown')}) > 0)`,
      `topk(${MAX_REPOSITORIES}, count by (${REPOSITORY}) (${STALE}))`,
      `topk(${MAX_REPOSITORIES}, sum by (${REPOSITORY}) (${findings('high')}) > 0)`,
      `topk(${MAX_REPOSITORIES}, sum by (${REPOSITORY}) (${tags('not_scanned')}) > 0)`,
    ].map(withRepository),
    columns: [
      REPOSITORY_COLUMN,
      problems('Value #A', 'Failed', BAD),
      problems('Value #B', 'Stuck', STUCK_COLOR),
      problems('Value #C', 'Unknown', WARNING),
      problems('Value #F', 'Not scanned', WARNING, 100),
      problems('Value #D', 'Stale', WARNING),
      problems('Value #E', 'High', WARNING),
      ...INSTANCE_COLUMNS,
    ],
    sortBy: 'Failed',
  }),
  table({
    title: 'Failed and stuck scans',
    description: `The ${MAX_ROWS} scans that failed the longest time ago, and the ${MAX_ROWS} scans that have been running the longest beyond 30 minutes. The time is a lower bound: a restart of the exporter without storage resets it for a failed scan. A click on the state opens the runbook, and on the repository its polls. The error of the API is on the page of the exporter, at /?q= and the tag. ${NEEDS_TAGS}`,
    w: 12,
    h: 9,
    noValue: 'No failed or stuck scan is known of tags that have series',
    exprs: [
      withRepository(`
  ${inState('failed', `topk(${MAX_ROWS}, ${secondsInStatus('failed')})`)}
  or
  ${inState('stuck', `topk(${MAX_ROWS}, ${STUCK})`)}
`),
    ],
    columns: [
      { field: 'state', heading: 'State', width: 85, properties: STATE },
      REPOSITORY_COLUMN,
      { field: 'tag', heading: 'Tag' },
      { field: 'Value', heading: 'For at least', width: 105, unit: 's' },
      ...INSTANCE_COLUMNS,
    ],
    sortBy: 'For at least',
  }),
];

/** The most important status is at the bottom, where changes are easiest to see. */
const SCAN_STATUSES = ['failed', 'unknown', 'not_scanned', 'retrying', 'scanning', 'complete'];
const SEVERITIES = ['high', 'medium', 'low', 'unknown'];

const ofEach = (names: readonly string[], expr: (name: string) => string) =>
  Object.fromEntries(names.map((name) => [name, expr(name)]));

const COURSES = [
  timeSeries({
    title: 'Watched tags by scan status',
    description:
      'All watched tags. Unknown: no answer so far, or a status that this version of the exporter does not know. Not_scanned: the image was never scanned.',
    w: 12,
    h: 9,
    unit: 'none',
    look: 'stacked',
    legend: 'right',
    series: ofEach(SCAN_STATUSES, (status) => `sum(${tags(status)})`),
    overrides: STATUS_OVERRIDES,
  }),
  timeSeries({
    title: 'Vulnerabilities by severity',
    description:
      'Vulnerabilities that the last complete scans of all watched tags found. A vulnerability in several tags counts for each of them.',
    w: 12,
    h: 9,
    unit: 'none',
    look: 'stacked',
    legend: 'right',
    series: ofEach(SEVERITIES, (severity) => `sum(${findings(severity)})`),
    overrides: SEVERITY_OVERRIDES,
  }),
];

export const FIRST_SCREEN: Section = { rows: [NUMBERS, TABLES, COURSES] };
