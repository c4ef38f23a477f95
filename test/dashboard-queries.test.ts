// The queries of the dashboards, as far as they can be judged without Prometheus; test/e2e/dashboards.test.ts asks a real one.
import test from 'ava';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { allFamilies, MISNAMED_DEFAULTS } from '../src/metrics/self-families.ts';
import { contentPanels, type Panel, queryOf, readDashboards, type Target } from './helpers/dashboards.ts';
import { type Expression, readExpression } from './helpers/promql.ts';

const VARIABLES = ['job', 'instance', 'instance_id', 'repo_namespace', 'repo_name'];
/** What Prometheus adds to every scrape. */
const OF_SCRAPES = ['up', 'scrape_duration_seconds', 'scrape_samples_scraped'];
const ALWAYS = ['job', 'instance'];

const dashboards = readDashboards();
const isMisnamed = (name: string) => MISNAMED_DEFAULTS.some((each) => each === name);
const known = knownSeries();

/** Labels of everything that may be asked for, by the name of the series. */
function knownSeries(): ReadonlyMap<string, readonly string[]> {
  const own = allFamilies().flatMap(({ name, type, labels }) =>
    type === 'histogram'
      ? [
          { name: `${name}_bucket`, labels: [...labels, 'le'] },
          { name: `${name}_count`, labels },
          { name: `${name}_sum`, labels },
        ]
      : [{ name, labels }],
  );
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const ofProcess = registry.getMetricsAsArray().map(({ name }) => name);
  const others = [...ofProcess.filter((name) => !isMisnamed(name)), ...OF_SCRAPES].map((name) => ({
    name,
    labels: [],
  }));
  return new Map([...own, ...others].map(({ name, labels }) => [name, [...labels, ...ALWAYS]]));
}

/** The queries of all panels, with what they are called in a message, and read. */
function queries(): readonly { where: string; panel: Panel; target: Target; read: Expression }[] {
  return dashboards.flatMap(({ name, dashboard }) =>
    contentPanels(dashboard).flatMap((panel) =>
      (panel.targets ?? []).map((target) => ({
        where: `${name}: ${panel.title}: ${target.refId}`,
        panel,
        target,
        // The grammar has no variables outside of strings; a duration stands for them.
        read: readExpression(target.expr.replaceAll('$__rate_interval', '1m').replaceAll('$__range', '1h')),
      })),
    ),
  );
}

test('variables ask for families that exist and labels that these have', (t) => {
  for (const variable of dashboards.flatMap(({ dashboard }) => dashboard.templating.list)) {
    if (variable.type !== 'query') continue;
    const [, series = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(queryOf(variable)) ?? [];
    const [selector] = readExpression(series).selectors;
    const labels = known.get(selector?.name ?? '');
    t.truthy(labels, series);
    for (const each of [label, ...(selector?.matchers.map((matcher) => matcher.label) ?? [])])
      t.true(labels?.includes(each), `${series}: ${each}`);
  }
});

test('queries parse, and ask for series that exist by labels that these have', (t) => {
  for (const { where, read } of queries()) {
    t.deepEqual(read.problems, [], where);
    t.true(read.selectors.length > 0, where);
    for (const { name, matchers } of read.selectors) {
      t.true(known.has(name), `${where}: ${name}`);
      for (const { label } of matchers) t.true(known.get(name)?.includes(label), `${where}: ${name} has no ${label}`);
    }
    const labels = [...read.selectors.flatMap(({ name }) => known.get(name) ?? []), ...read.made];
    for (const label of read.grouping) t.true(labels.includes(label), `${where}: no series has ${label}`);
  }
});

test('names of series in a legend are labels that the result has', (t) => {
  for (const { where, target, read } of queries()) {
    for (const [, label = ''] of (target.legendFormat ?? '').matchAll(/\{\{(\w+)\}\}/g))
      t.true(read.grouping.includes(label), `${where}: ${label}`);
  }
});

test('a query follows every variable for which its series have a label', (t) => {
  for (const { where, read } of queries()) {
    for (const { name, matchers } of read.selectors) {
      const wanted = VARIABLES.filter((variable) => known.get(name)?.includes(variable));
      for (const variable of wanted) {
        const matcher = matchers.find(({ label }) => label === variable);
        t.deepEqual(matcher, { label: variable, operator: '=~', value: `$${variable}` }, `${where}: ${name}`);
      }
    }
  }
});

test('counters are only seen as rates, over the interval that fits scrape and screen or the whole range', (t) => {
  const rates = queries().flatMap(({ where, target, read }) =>
    read.calls.filter(({ name }) => /^(rate|irate|increase)$/.test(name)).map(({ name }) => ({ where, target, name })),
  );
  t.true(rates.length > 20);
  for (const { where, target, name } of rates) {
    const windows = [...target.expr.matchAll(new RegExp(`\\b${name}\\([^[]*\\[([^\\]]*)\\]`, 'g'))].map(
      ([, each]) => each,
    );
    const allowed = name === 'increase' && target.instant ? '$__range' : '$__rate_interval';
    t.deepEqual([...new Set(windows)], [allowed], where);
  }
  for (const { where, read } of queries()) {
    for (const { name, within } of read.selectors.filter((each) => /_(total|bucket|count|sum)$/.test(each.name)))
      t.regex(within[0] ?? '', /^(rate|increase)$/, `${where}: ${name}`);
  }
});

test('tables show only columns that their queries can have', (t) => {
  const labels = new Set([...known.values()].flat());
  for (const panel of dashboards.flatMap(({ dashboard }) => contentPanels(dashboard))) {
    if (panel.type !== 'table') continue;
    const read = (panel.targets ?? []).map(({ expr }) => readExpression(expr.replaceAll('$__range', '1h')));
    const values = read.length === 1 ? ['Value'] : (panel.targets ?? []).map(({ refId }) => `Value #${refId}`);
    const columns = Object.keys(
      panel.transformations?.find(({ id }) => id === 'organize')?.options.includeByName ?? {},
    );
    const possible = new Set([...values, ...labels, ...read.flatMap(({ made }) => made)]);
    t.deepEqual(
      columns.filter((column) => !possible.has(column)),
      [],
      panel.title,
    );
  }
});
