// What the dashboards and docs/metrics.md call a stuck scan, decided by promtool over 40 minutes that take none.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { readDashboards } from '../helpers/dashboards.ts';
import { temporaryDirectory } from './helpers/exporter.ts';
import { panelQueries } from './helpers/grafana.ts';

const REPOSITORY = 'instance_id="cri-1", repo_namespace="shop", repo_name="api"';
/** When the exporter was started anew, and the pod got another address. */
const RESTART = 25;
const MINUTES = 40;

/** What a scan was at each minute; `-` is nothing that Prometheus knows. */
type Course = (minute: number) => string;
type Case = { readonly about: string; readonly course: Course; readonly isStuck: boolean };

const CASES: Readonly<Record<string, Case>> = {
  restarted: {
    about: 'a restart, and changes between scanning and retrying',
    course: (minute) => (minute === RESTART ? 'unknown' : minute % 7 < 4 ? 'scanning' : 'retrying'),
    isStuck: true,
  },
  unscraped: {
    about: 'scrapes that failed',
    course: (minute) => (minute > 5 && minute < 9 ? '-' : minute === RESTART ? 'unknown' : 'scanning'),
    isStuck: true,
  },
  again: {
    about: 'a scan that ended, and another one',
    course: (minute) => (minute >= 20 && minute < 24 ? 'complete' : minute === RESTART ? 'unknown' : 'scanning'),
    isStuck: false,
  },
  failed: {
    about: 'a scan that failed in the end',
    course: (minute) => (minute > 38 ? 'failed' : 'scanning'),
    isStuck: false,
  },
  late: {
    about: 'a scan that has been under way for 15 minutes',
    course: (minute) => (minute <= RESTART ? 'complete' : 'scanning'),
    isStuck: false,
  },
  new: {
    about: 'a tag that was pushed 14 minutes ago',
    course: (minute) => (minute <= RESTART ? '-' : 'scanning'),
    isStuck: false,
  },
  silent: { about: 'a tag that nobody answers for', course: () => 'unknown', isStuck: false },
};

type Series = { readonly series: string; readonly values: string };

/** The series of a tag: its status and since when the exporter knows it, which is not from before its start. */
function seriesOf(tag: string, { course }: Case): Series[] {
  const minutes = Array.from({ length: MINUTES + 1 }, (_, minute) => minute);
  return ['before', 'after'].flatMap((instance) => {
    const isThere = (minute: number) => minute < RESTART === (instance === 'before');
    const labels = `job="acr", instance="${instance}", ${REPOSITORY}, tag="${tag}"`;
    const values = (value: (minute: number) => string) =>
      minutes.map((minute) => (isThere(minute) && course(minute) !== '-' ? value(minute) : 'stale')).join(' ');
    const statuses = [...new Set(minutes.map(course))].filter((status) => status !== '-');
    return [
      {
        series: `acr_scan_tag_status_since_timestamp_seconds{${labels}}`,
        values: values((minute) => String(60 * sinceOf(course, minute))),
      },
      ...statuses.map((status) => ({
        series: `acr_scan_tag_status{${labels}, status="${status}"}`,
        values: values((minute) => (course(minute) === status ? '1' : 'stale')),
      })),
    ];
  });
}

function sinceOf(course: Course, minute: number): number {
  const start = minute < RESTART ? 0 : RESTART;
  let since = minute;
  while (since > start && course(since - 1) === course(minute)) since -= 1;
  return since;
}

/**
 * Compares the rows of a query at the end of the courses with the cases that are stuck, and returns what promtool finds different.
 *
 * @param wanted picks rows out of `rows`, which the query is recorded as
 * @param labels of a row beside those of the tag
 */
function differences(directory: string, query: string, wanted: string, labels = ''): string {
  const stuck = Object.entries(CASES).filter(([, { isStuck }]) => isStuck);
  const test = {
    interval: '1m',
    input_series: Object.entries(CASES).flatMap(([tag, each]) => seriesOf(tag, each)),
    promql_expr_test: [
      {
        expr: `sgn(${wanted})`,
        eval_time: `${MINUTES}m`,
        exp_samples: stuck.map(([tag]) => ({ labels: `{${REPOSITORY}, tag="${tag}"${labels}}`, value: 1 })),
      },
    ],
  };
  const rules = { groups: [{ name: 'stuck', rules: [{ record: 'rows', expr: query }] }] };
  // JSON is YAML.
  const write = (file: string, content: unknown) => writeFileSync(join(directory, file), JSON.stringify(content));
  write('rules.yml', rules);
  write('test.yml', { rule_files: ['rules.yml'], evaluation_interval: '1m', tests: [test] });
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'test.yml'], {
    cwd: directory,
    encoding: 'utf8',
  });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

test('the dashboard finds scans that are stuck, and no others, across a restart and failed scrapes', (t) => {
  const overview = readDashboards().find(({ name }) => name === 'acr-scan-overview')?.dashboard;
  const choice = { job: ['acr'], instance: ['before', 'after'] };
  const queries = overview === undefined ? [] : panelQueries(overview, choice, '1m', '1h');
  const table = queries.find(({ where }) => where === 'Failed and stuck scans: A')?.expression ?? '';
  const labels = ', repository="shop/api", state="stuck"';
  t.is(differences(temporaryDirectory(t), table, 'rows{state="stuck"} >= 1800', labels), '');
});

test('so does the query of docs/metrics.md', (t) => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const [, query = ''] = /```promql\n(# Not affected by a restart[\s\S]*?)```/.exec(page) ?? [];
  t.is(differences(temporaryDirectory(t), query, 'rows'), '');
});
