// A real Prometheus answers what the dashboards ask, of the demo and of a registry in which nothing moves.
import test, { type ExecutionContext } from 'ava';
import { type Dashboard, panelsIn, queryOf, readDashboards } from '../helpers/dashboards.ts';
import { eventually } from '../helpers/eventually.ts';
import { configurationFor, instanceAt, startExporter, startSimulator } from '../helpers/exporter.ts';
import { startDemo } from './helpers/demo.ts';
import { type Choice, fillIn, type PanelQuery, panelQueries } from './helpers/grafana.ts';
import { Prometheus, type QueryResult } from './helpers/prometheus.ts';
import { RedisServer } from './helpers/redis.ts';
import { Replicas } from './helpers/replicas.ts';

const CHOICE: Choice = { job: ['acr'], instance: ['replica-1', 'replica-2'] };
/** Nothing is stuck or out of date within a test. */
const MAY_BE_EMPTY = ['Where: repositories with problems: B', 'Where: repositories with problems: D'];
/** Scrapes come once a second. */
const WINDOW = '15s';
const RANGE = '5m';

const dashboards = readDashboards();

/** Scrapes exporters under the names of replicas. */
function startPrometheus(t: ExecutionContext, ...metricsUrls: readonly [string, string]): Promise<Prometheus> {
  const replicas = CHOICE.instance.map((instance, index) => {
    return { targets: [new URL(metricsUrls[index] ?? '').host], labels: { instance } };
  });
  return Prometheus.start(t, metricsUrls[0], { static_configs: replicas });
}

const queriesOf = (dashboard: Pick<Dashboard, 'panels'>, choice = CHOICE) =>
  panelQueries(dashboard, choice, WINDOW, RANGE);

/** What the demo cannot fill: it has no replicas. */
const ofReplicas = dashboards.flatMap(({ dashboard }) => panelsIn('Replicas', dashboard));

test('Prometheus answers every query, and no panel is empty that should not be', async (t) => {
  t.timeout(240_000);
  const demo = await startDemo(t);
  const prometheus = await startPrometheus(t, demo.metricsUrl, demo.metricsUrl);
  const queries = dashboards.flatMap(({ dashboard }) => queriesOf(dashboard));
  const mayBeEmpty = [...MAY_BE_EMPTY, ...queriesOf({ panels: ofReplicas }).map(({ where }) => where)];
  t.true(queries.length > 60);
  let empty: readonly string[] = [];
  const results = await eventually(
    'data for every panel',
    async () => {
      const found = await Promise.all(
        queries.map(async (query) => ({ query, series: await prometheus.query(query.expression) })),
      );
      empty = found.filter(({ series }) => series.length === 0).map(({ query }) => query.where);
      return empty.every((where) => mayBeEmpty.includes(where)) ? found : undefined;
    },
    () => `empty: ${empty.join('; ')}`,
  );
  for (const { query, series } of results) assertBounded(t, query, series);
  await assertVariablesOffer(t, prometheus);
});

test('Prometheus answers every query about replicas, which show whether it scrapes all of them', async (t) => {
  t.timeout(120_000);
  const [repositories, tagsEach] = [6, 2];
  const redis = await RedisServer.start(t);
  const replicas = await Replicas.start(t, { redis, repositories, tagsEach, requestsPerSecond: 50, max: 2 });
  const [first, second] = await replicas.join(2);
  const prometheus = await startPrometheus(t, `${first?.url}/metrics`, `${second?.url}/metrics`);
  const ask = (choice = CHOICE) => {
    const queries = queriesOf({ panels: ofReplicas }, choice);
    return Promise.all(queries.map(async (each) => ({ ...each, series: await prometheus.query(each.expression) })));
  };
  const valuesOf = (answers: Awaited<ReturnType<typeof ask>>, panel: string) =>
    answers.find(({ where }) => where === panel)?.series.map(({ value }) => value) ?? [];
  const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

  const answers = await eventually('both replicas with all tags, and the whole rate', async () => {
    const found = await ask();
    const tags = sumOf(valuesOf(found, 'Tags by replica: A'));
    // Prometheus scrapes one after the other, so it may see a share that the first has given to the second as that of both.
    const shares = ['Shares in all: A', 'Shares by replica: A'].map((panel) => sumOf(valuesOf(found, panel)));
    const areWhole = shares.every((share) => share > 0.9 && share <= 1.0001);
    return tags === repositories * tagsEach && areWhole ? found : undefined;
  });
  t.true(answers.length > 12);
  t.deepEqual(
    answers.filter(({ series }) => series.length === 0).map(({ where }) => where),
    [],
  );
  for (const each of answers) assertBounded(t, each, each.series);
  for (const [panel, value] of Object.entries({
    'Not shown here: A': 0,
    'Redis: A': 1,
    'Members: A': 2,
    'Members: B': 2,
    'Members: C': 2,
  }))
    t.deepEqual(valuesOf(answers, panel), [value], panel);
  t.is(valuesOf(answers, 'Replicas: D').length, 2);
  t.is(sumOf(valuesOf(answers, 'Replicas: D')), repositories);
  t.true(Math.max(...valuesOf(answers, 'Time since last exchange: A')) < 15);

  // As if Prometheus scraped only one of them.
  const ofOne = await ask({ ...CHOICE, instance: ['replica-1'] });
  t.deepEqual(valuesOf(ofOne, 'Not shown here: A'), [1]);
  t.deepEqual(valuesOf(ofOne, 'Members: A'), [2]);

  await redis.crash();
  await eventually('no replica that knows the group', async () => {
    const found = await ask();
    const missing = valuesOf(found, 'Not shown here: A');
    t.deepEqual(
      missing.filter((value) => value !== 0),
      [],
    );
    return (missing.length === 0 && valuesOf(found, 'Redis: A')[0] === 0) || undefined;
  });
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

/** The tags of each of two repositories, in which nothing moves: what the numbers on the first screen must be can be counted here. */
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
  Failed: 4,
  Stuck: 0,
  Unknown: 2,
  'Not scanned': 2,
  Stale: 0,
  'High findings': 6,
  'Under way': 2,
};
/** What the replicas show of a repository once every tag was polled. */
const SETTLED = [
  '{status="complete"} == 2',
  '{status="failed"} == 2',
  '{status="scanning"} == 1',
  '{status="not_scanned"} == 1',
];

for (const perTag of ['full', 'problems', 'none'] as const) {
  test(`numbers add up the parts of replicas, and count once what two show while one takes over: metrics.per_tag: ${perTag}`, async (t) => {
    const repositories = ['api', 'web'].map((name) => ({
      namespace: 'shop',
      name,
      id: `crr-${name}`,
      tags: [...TAGS],
    }));
    const simulator = await startSimulator(t, { instances: [{ id: 'cri-1', repositories }] });
    const replicaOf = async (...names: readonly string[]) => {
      const tags = TAGS.map(({ tag }) => tag);
      const watched = names.map((name) => ({ namespace: 'shop', name, id: `crr-${name}`, tags }));
      const { url } = await startExporter(
        t,
        configurationFor(simulator.address, {
          vulnerabilities: true,
          metrics: { per_tag: perTag },
          instances: [instanceAt(simulator.address, { repositories: watched })],
        }),
      );
      return `${url}/metrics`;
    };
    // The second takes web over from the first.
    const prometheus = await startPrometheus(t, await replicaOf('api', 'web'), await replicaOf('web'));
    const overview = dashboards.find(({ name }) => name === 'acr-scan-overview');
    const queries = overview === undefined ? [] : queriesOf(overview.dashboard);
    const number = async (title: string) => {
      const query = queries.find(({ where }) => where === `${title}: A`);
      return (await prometheus.query(query?.expression ?? ''))[0]?.value;
    };
    const known = [...SETTLED.map((each) => `acr_scan_tags${each}`), 'acr_scan_vulnerabilities{severity="high"} == 3'];
    await eventually('both replicas with all that is to be known', async () => {
      const settled = await Promise.all(known.map((expression) => prometheus.query(expression)));
      return settled.every((series) => series.length === 3) || undefined;
    });
    const unknowable = perTag === 'none' ? { Stuck: undefined, Stale: undefined } : {};
    const expected = { ...NUMBERS, ...unknowable };
    const found = await Promise.all(Object.keys(expected).map(async (title) => [title, await number(title)] as const));
    t.deepEqual(Object.fromEntries(found), expected);
  });
}
