// The dashboards as files: what Grafana needs to import them, and what a reader finds on them.
import { readdirSync, readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { generateDashboards } from '../scripts/dashboards/generate.ts';
import { contentPanels, linksOf, type Panel, queryOf, readDashboards } from './helpers/dashboards.ts';

const VARIABLES = ['datasource', 'job', 'instance', 'instance_id', 'repo_namespace', 'repo_name'];
/** Grafana's own, and what a link knows of its row. */
const BUILT_IN = /^__(rate_interval|range|url_time_range|all_variables|data\.fields\.\w+)$/;

const dashboards = readDashboards();

test('the dashboards are what their source makes', (t) => {
  t.deepEqual(
    dashboards.map(({ name, text }) => ({ path: `grafana/${name}.json`, text })),
    [...generateDashboards()].sort((one, other) => (one.path < other.path ? -1 : 1)),
    'npm run dashboards',
  );
});

test('Grafana can import them: a uid, the schema of today, and every data source is the one that is chosen', (t) => {
  t.deepEqual(
    dashboards.map(({ name }) => name),
    ['acr-scan-exporter', 'acr-scan-overview'],
  );
  for (const { name, text, dashboard } of dashboards) {
    t.is(dashboard.uid, name);
    t.is(dashboard.schemaVersion, 42);
    const sources = [...text.matchAll(/"datasource": \{[^}]*"uid": "([^"]*)"/g)].map(([, uid]) => uid);
    t.true(sources.length > contentPanels(dashboard).length);
    t.deepEqual([...new Set(sources)], ['$datasource']);
    for (const panel of contentPanels(dashboard)) t.true('datasource' in panel, panel.title);
  }
});

test('every panel says what it shows, in which unit, and asks for something', (t) => {
  for (const { name, dashboard } of dashboards) {
    for (const { title, description = '', fieldConfig, targets = [] } of contentPanels(dashboard)) {
      const where = `${name}: ${title}`;
      t.regex(title, /^\S.*\S$/, where);
      t.regex(description, /^[A-Z0-9].{20,}\.$/s, where);
      t.truthy(fieldConfig?.defaults.unit, where);
      t.true(targets.length > 0, where);
      t.is(new Set(targets.map(({ refId }) => refId)).size, targets.length, where);
    }
  }
});

test('numbers in a table have a unit, and text has none that would take it for a number', (t) => {
  const tables = dashboards.flatMap(({ dashboard }) => contentPanels(dashboard).filter(({ type }) => type === 'table'));
  t.true(tables.length > 4);
  for (const { title, fieldConfig } of tables) {
    t.is(fieldConfig?.defaults.unit, 'string', title);
    const units = (fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
      properties.filter(({ id }) => id === 'unit'),
    );
    t.true(units.length > 0, title);
  }
});

test('panels have ids of their own and places of their own', (t) => {
  for (const { name, dashboard } of dashboards) {
    const all = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
    t.is(new Set(all.map(({ id }) => id)).size, all.length, name);
    const collapsed = dashboard.panels.flatMap(({ panels = [] }) => (panels.length === 0 ? [] : [panels]));
    for (const panels of [dashboard.panels, ...collapsed]) assertApart(t, panels);
  }
});

test('only the row about replicas is collapsed, because most have none', (t) => {
  const rows = dashboards.flatMap(({ dashboard }) => dashboard.panels.filter(({ type }) => type === 'row'));
  t.deepEqual(
    rows.filter(({ collapsed, panels = [] }) => collapsed || panels.length > 0).map(({ title }) => title),
    ['Replicas'],
  );
});

function assertApart(t: ExecutionContext, panels: readonly Panel[]): void {
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels) {
    t.true(gridPos.x >= 0 && gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        t.is(taken.get(`${x},${y}`), undefined, `${title} overlaps`);
        taken.set(`${x},${y}`, title);
      }
    }
  }
}

test('both dashboards have the same variables, each narrowed down by those before it, and use all of them', (t) => {
  for (const { name, dashboard } of dashboards) {
    const { list } = dashboard.templating;
    t.deepEqual(
      list.map((variable) => variable.name),
      VARIABLES,
    );
    for (const [index, variable] of list.entries()) {
      if (variable.type !== 'query') continue;
      const used = [...queryOf(variable).matchAll(/\$(\w+)/g)].map(([, each]) => each);
      t.deepEqual(used, VARIABLES.slice(1, index), `${name}: ${variable.name}`);
    }
    const inPanels = JSON.stringify(dashboard.panels);
    const named = [...inPanels.matchAll(/\$(\w+)|\$\{([\w.]+)(?::\w+)?\}/g)].map(
      ([, bare, braced]) => bare ?? braced ?? '',
    );
    t.deepEqual(
      named.filter((each) => !VARIABLES.includes(each) && !BUILT_IN.test(each)),
      [],
      name,
    );
    t.deepEqual(
      VARIABLES.filter((each) => !named.includes(each)),
      [],
      name,
    );
  }
});

test('links lead to the other dashboard with what is chosen, and fill in what the row has', (t) => {
  const uids = dashboards.map(({ dashboard }) => dashboard.uid);
  for (const { name, dashboard } of dashboards) {
    const [other] = uids.filter((uid) => uid !== dashboard.uid);
    const toOther = dashboard.links.find(({ url }) => url === `/d/${other}`);
    t.true(toOther?.includeVars, name);
    t.true(toOther?.keepTime, name);
    for (const panel of contentPanels(dashboard)) {
      for (const { url } of linksOf(panel)) {
        if (url.startsWith('/')) t.true(uids.includes(/^\/d\/([\w-]+)\?/.exec(url)?.[1] ?? ''), url);
        const columns = panel.transformations?.find(({ id }) => id === 'organize')?.options.includeByName ?? {};
        for (const [, field = ''] of url.matchAll(/__data\.fields\.(\w+)/g))
          t.true(field in columns, `${panel.title}: ${field}`);
        for (const [, variable = ''] of url.matchAll(/var-(\w+)=/g)) t.true(VARIABLES.includes(variable), url);
      }
    }
  }
});

test('links to the runbook lead to a chapter, also where the row says to which', (t) => {
  const page = readFileSync(new URL('../docs/runbook.md', import.meta.url), 'utf8');
  const chapters = [...page.matchAll(/^## (\w+)$/gm)].map(([, chapter = '']) => chapter.toLowerCase());
  const urls = dashboards.flatMap(({ dashboard }) =>
    contentPanels(dashboard).flatMap((panel) => linksOf(panel).map(({ url }) => url)),
  );
  const anchors = urls
    .filter((url) => url.includes('/docs/runbook.md#'))
    .flatMap((url) =>
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's, not JavaScript's
      ['failed', 'stuck'].map((state) => url.replace(/.*#/, '').replace('${__data.fields.state}', state)),
    );
  t.true(anchors.length > 20);
  t.deepEqual(
    [...new Set(anchors)].filter((anchor) => !chapters.includes(anchor)),
    [],
  );
});

test('`All` does not take in the processes of other programs', (t) => {
  for (const { dashboard } of dashboards) {
    const open = dashboard.templating.list.filter(({ allValue }) => allValue !== undefined).map(({ name }) => name);
    t.deepEqual(open, ['instance_id', 'repo_namespace', 'repo_name']);
  }
});

test('provisioning finds the dashboards where compose.yml puts them, and Prometheus where it runs', (t) => {
  const [datasource, ...otherSources] = provisioned('datasources', 'datasources');
  t.is(datasource?.type, 'prometheus');
  t.is(datasource?.url, 'http://prometheus:9090');
  t.true(datasource?.isDefault);
  t.deepEqual(datasource?.jsonData?.timeInterval, '15s');
  t.deepEqual(otherSources, []);
  const [provider, ...otherProviders] = provisioned('dashboards', 'providers');
  t.is(provider?.type, 'file');
  t.is(provider?.options?.path, '/var/lib/grafana/dashboards');
  t.deepEqual(otherProviders, []);
});

type Provisioned = {
  readonly type: string;
  readonly url?: string;
  readonly isDefault?: boolean;
  readonly jsonData?: { readonly timeInterval: string };
  readonly options?: { readonly path: string };
};

/** What the files of a kind provision, under a key of theirs. */
function provisioned(kind: string, key: string): readonly Provisioned[] {
  const folder = new URL(`../grafana/provisioning/${kind}/`, import.meta.url);
  return readdirSync(folder).flatMap((file) => {
    const content = parse(readFileSync(new URL(file, folder), 'utf8')) as Record<string, unknown>;
    if (content.apiVersion !== 1) throw new Error(`${file}: expected apiVersion 1`);
    return content[key] as Provisioned[];
  });
}
