// A real Prometheus answers what the dashboards ask, of the demo and of a registry in which nothing moves.
import test, { type ExecutionContext } from 'ava';
import { type Dashboard, queryOf, readDashboards } from '../helpers/dashboards.ts';
import { eventually } from '../helpers/eventually.ts';
import { configurationFor, instanceAt, startExporter, startSimulator } from '../helpers/exporter.ts';
import { startDemo } from './helpers/demo.ts';
import { type Choice, fillIn, type PanelQuery, panelQueries } from './helpers/grafana.ts';
import { Prometheus, type QueryResult } from './helpers/prometheus.ts';

const CHOICE: Choice = { job: ['acr'], instance: ['replica-1', 'replica-2'] };
/** Nothing is stuck or out of date within a test. */
const MAY_BE_EMPTY = ['Where: repositories with problems: B', 'Where: repositories with problems: D'];
/** Scrapes come once a second. */
const WINDOW = '15s';
const RANGE = '5m';

const dashboards = readDashboards();

/** Scrapes an exporter under two names, as if it were two replicas. */
function startPrometheus(t: ExecutionContext, metricsUrl: string): Promise<Prometheus> {
  const { host } = new URL(metricsUrl);
  const replicas = CHOICE.instance.map((instance) => ({ targets: [host], labels: { instance } }));
  return Prometheus.start(t, metricsUrl, { static_configs: replicas });
}

const queriesOf = (dashboard: Dashboard) => panelQueries(dashboard, CHOICE, WINDOW, RANGE);

test('Prometheus answers every query, and no panel is empty that should not be', async (t) => {
  t.timeout(240_000);
  const demo = await startDemo(t);
  const prometheus = await startPrometheus(t, demo.metricsUrl);
  const queries = dashboards.flatMap(({ dashboard }) => queriesOf(dashboard));
  t.true(queries.length > 60);
  let empty: readonly string[] = [];
  const results = await eventually(
    'data for every panel',
    async () => {
      const found = await Promise.all(
        queries.map(async (query) => ({ query, series: await prometheus.query(query.expression) })),
      );
      empty = found.filter(({ series }) => series.length === 0).map(({ query }) => query.where);
      return empty.every((where) => MAY_BE_EMPTY.includes(where)) ? found : undefined;
    },
    () => `empty: ${empty.join('; ')}`,
  );
  for (const { query, series } of results) assertBounded(t, query, series);
  await assertVariablesOffer(t, prometheus);
});

/** Nothing draws a line for each tag, and what lists tags lists so many at most. */
function assertBounded(t: ExecutionContext, { where, target, expression }: PanelQuery, series: readonly QueryResult[]) {
  const isOfTags = series.some(({ metric }) => metric.tag !== undefined);
  if (isOfTags) t.true(target.instant && expression.includes('topk('), where);
  t.is(new Set(series.map(({ metric }) => JSON.stringify(metric))).size, series.length, where);
}

async function assertVariablesOffer(t: ExecutionContext, prometheus: Prometheus): Promise<void> {
  const [first] = dashboards;
  const offered = new Map<string, readonly string[]>();
  for (const variable of first?.dashboard.templating.list ?? []) {
    if (variable.type !== 'query') continue;
    const [, series = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(queryOf(variable)) ?? [];
    const values = await prometheus.query(`group by (${label}) (${fillIn(series, CHOICE)})`);
    offered.set(variable.name, values.map(({ metric }) => metric[label] ?? '').sort());
  }
  t.deepEqual(offered.get('job'), CHOICE.job);
  t.deepEqual(offered.get('instance'), CHOICE.instance);
  t.deepEqual(offered.get('instance_id'), ['cri-demo1234567890ab']);
  t.deepEqual(offered.get('repo_namespace'), ['platform', 'shop']);
  t.true(offered.get('repo_name')?.includes('web-frontend'));
}

/** A registry in which nothing moves: what the numbers on the first screen must be can be counted here. */
const TAGS = [
  { tag: 'clean', status: 'COMPLETE', vulnerabilities: { high: 0, medium: 0, low: 0, unknown: 0 } },
  { tag: 'bad', status: 'COMPLETE', vulnerabilities: { high: 3, medium: 2, low: 1, unknown: 0 } },
  { tag: '1.10', status: 'FAILED' },
  { tag: '1.20', status: 'FAILED' },
  { tag: 'running', status: 'SCANNING' },
  { tag: 'ancient', status: 'NOT_SCANNED' },
  { tag: 'strange', status: 'QUARANTINED' },
] as const;
const NUMBERS = {
  Exporter: 1,
  Failed: 2,
  Stuck: 0,
  Unknown: 1,
  'Not scanned': 1,
  Stale: 0,
  'High findings': 3,
  'Under way': 1,
};
/** What both replicas show once every tag was polled. */
const SETTLED = [
  'acr_scan_tags{status="complete"} == 2',
  'acr_scan_tags{status="failed"} == 2',
  'acr_scan_tags{status="scanning"} == 1',
  'acr_scan_tags{status="not_scanned"} == 1',
  'acr_scan_vulnerabilities{severity="high"} == 3',
];

for (const perTag of ['full', 'problems', 'none'] as const) {
  test(`numbers count each tag once, however many replicas tell of it: metrics.per_tag: ${perTag}`, async (t) => {
    const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: [...TAGS] }];
    const simulator = await startSimulator(t, { instances: [{ id: 'cri-1', repositories }] });
    const watched = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: TAGS.map(({ tag }) => tag) }];
    const { url } = await startExporter(
      t,
      configurationFor(simulator.address, {
        vulnerabilities: true,
        metrics: { per_tag: perTag },
        instances: [instanceAt(simulator.address, { repositories: watched })],
      }),
    );
    const prometheus = await startPrometheus(t, `${url}/metrics`);
    const overview = dashboards.find(({ name }) => name === 'acr-scan-overview');
    const queries = overview === undefined ? [] : queriesOf(overview.dashboard);
    const number = async (title: string) => {
      const query = queries.find(({ where }) => where === `${title}: A`);
      return (await prometheus.query(query?.expression ?? ''))[0]?.value;
    };
    await eventually('both replicas with all that is to be known', async () => {
      const settled = await Promise.all(SETTLED.map((expression) => prometheus.query(expression)));
      return settled.every((series) => series.length === CHOICE.instance.length) || undefined;
    });
    const unknowable = perTag === 'none' ? { Stuck: undefined, Stale: undefined } : {};
    const expected = { ...NUMBERS, ...unknowable };
    const found = await Promise.all(Object.keys(expected).map(async (title) => [title, await number(title)] as const));
    t.deepEqual(Object.fromEntries(found), expected);
  });
}
