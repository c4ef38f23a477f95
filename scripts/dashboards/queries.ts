// Parts of PromQL that several panels share. Each of several replicas exports a part of the tags. While one takes over from another, both may export a
// tag for a moment: so gauges are first combined with `max` by the labels of the tag or repository, and then counted or summed. What each replica
// counts for itself is summed.
import { allFamilies } from '../../src/metrics/self-families.ts';

const FILTERS = ['instance_id', 'repo_namespace', 'repo_name'];
const LABELS = new Map(allFamilies().map(({ name, labels }) => [name, labels]));

/** Labels of a repository, and of a tag. */
export const REPOSITORY = 'instance_id, repo_namespace, repo_name';
export const TAG = `${REPOSITORY}, tag`;
/** A tag of one replica. */
const TAG_OF_REPLICA = `job, instance, ${TAG}`;

/** AcrScanStuck alerts on a scan that runs for this long. */
export const STUCK_AFTER_SECONDS = 1800;
/** AcrScanResultsStale alerts on a tag without an answer for this long. */
export const STALE_AFTER_SECONDS = 3600;

/**
 * A selector of a family of the exporter (`_bucket`, `_count` and `_sum` of a histogram included) that follows every variable for which the
 * family has a label, or of one that any process has (`up`, `process_…`), which follows job and instance.
 */
export function select(series: string, matchers = ''): string {
  const family = series.replace(/_(bucket|count|sum)$/, '');
  const labels = LABELS.get(family) ?? LABELS.get(series) ?? [];
  if (series.startsWith('acr_') && !LABELS.has(family) && !LABELS.has(series))
    throw new Error(`expected a family of the exporter, found ${series}`);
  const filters = ['job', 'instance', ...FILTERS.filter((label) => labels.includes(label))];
  return `${series}{${[...filters.map((label) => `${label}=~"$${label}"`), ...(matchers === '' ? [] : [matchers])].join(', ')}}`;
}

/** A matcher for one value, or for several that are separated by bars. */
function oneOf(label: string, values: string): string {
  return `${label}${values.includes('|') ? '=~' : '='}"${values}"`;
}

/** The rate of a counter for each series. */
export function rate(series: string, matchers = ''): string {
  return `rate(${select(series, matchers)}[$__rate_interval])`;
}

/** The number of watched tags with a status in each repository. */
export function tags(status: string): string {
  return `max by (${REPOSITORY}, status) (${select('acr_scan_tags', oneOf('status', status))})`;
}

/** The vulnerabilities of a severity in each repository. */
export function findings(severity: string): string {
  return `max by (${REPOSITORY}, severity) (${select('acr_scan_vulnerabilities', `severity="${severity}"`)})`;
}

const UNDER_WAY = select('acr_scan_tag_status', oneOf('status', 'scanning|retrying'));
const ENDED = select('acr_scan_tag_status', oneOf('status', 'complete|failed|not_scanned'));

/** For how many seconds each tag has been in `status`. */
export function secondsInStatus(status: string): string {
  const since = select('acr_scan_tag_status_since_timestamp_seconds');
  return `max by (${TAG}) (
  time() - ${since}
    and on (${TAG_OF_REPLICA}) ${select('acr_scan_tag_status', oneOf('status', status))}
)`;
}

/**
 * Scans that have been running for at least half an hour, with a lower bound of their duration in seconds: scans for which the exporter knows it,
 * and scans that ran half an hour ago and have not ended since. Restarts and changes between scanning and retrying do not hide the latter.
 */
export const STUCK = `(${secondsInStatus('scanning|retrying')} > ${STUCK_AFTER_SECONDS})
or clamp_min(${secondsInStatus('scanning|retrying')}, ${STUCK_AFTER_SECONDS})
  and on (${TAG}) last_over_time(${UNDER_WAY}[5m] offset 30m)
  unless on (${TAG}) last_over_time(${ENDED}[30m])`;

/** The number of stuck scans; absent if scans are running but tags have no series because of `metrics.per_tag`. */
export const STUCK_COUNT = `count(${STUCK})
or 0 * count(${UNDER_WAY})
or sum(${tags('scanning|retrying')}) == 0`;

/** The time of the last answer for each tag. */
export const LAST_SUCCESS = `max by (${TAG}) (${select('acr_scan_tag_last_success_timestamp_seconds')})`;

/**
 * The seconds since the last answer, for tags for which that is too long. While events are healthy, and for an hour after, only tags whose last poll
 * failed count.
 */
export const STALE = `time() - ${LAST_SUCCESS} > ${STALE_AFTER_SECONDS}
  unless on (${TAG}) (
    ${select('acr_scan_tag_poll_success')} == 1
      and on (job, instance, instance_id) max_over_time(${select('acr_events_healthy')}[1h]) == 1
  )`;

/** When discovery last succeeded for each instance, on the replica where that is longest ago; before the first success, when it started. */
export const LISTED = `min by (instance_id) (
  ${select('acr_discovery_last_success_timestamp_seconds')}
  or
  0 * ${select('acr_discovery_tags')} + on (job, instance) group_left () ${select('process_start_time_seconds')}
)`;

/** The share of requests that fail. There can be more errors than requests, because without credentials no request is sent. */
export const ERROR_SHARE = `clamp_max(sum(${rate('acr_api_request_errors_total')}) / sum(${rate('acr_api_requests_total')}), 1)`;

/** A quantile of a histogram over all its series, or for each value of the labels `by`. Absent, and not NaN, if nothing was observed. */
export function quantile(share: number, histogram: string, by = ''): string {
  const labels = by === '' ? 'le' : `le, ${by}`;
  return `histogram_quantile(${share}, sum by (${labels}) (${rate(`${histogram}_bucket`)})) >= 0`;
}

/** The same for an instant query over the whole time range of the dashboard. */
export function quantileOfRange(share: number, histogram: string): string {
  return `histogram_quantile(${share}, sum by (le) (increase(${select(`${histogram}_bucket`)}[$__range])))`;
}
