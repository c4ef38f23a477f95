// What deploy/ takes from the rest of the project.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parse } from 'yaml';
import { composeFiles, prometheusRule } from '../scripts/manifests/generate.ts';
import { trackedFiles } from '../scripts/release/git.ts';
import { loadConfig } from '../src/config/load.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHART = 'deploy/helm/acr-scan-exporter';

/** Last-applied-configuration, an annotation that `kubectl apply` makes of the whole resource, may not be longer. */
const MAX_ANNOTATION_BYTES = 262_144;

function read(path: string): string {
  return readFileSync(`${ROOT}/${path}`, 'utf8');
}

const dashboards = readdirSync(`${ROOT}/grafana`).filter((file) => file.endsWith('.json'));

test('`npm run manifests` has been run since what it reads was changed', (t) => {
  const stale = [prometheusRule(ROOT), ...composeFiles(ROOT)].filter(
    ({ path, text }) => !existsSync(`${ROOT}/${path}`) || read(path) !== text,
  );
  t.deepEqual(
    stale.map(({ path }) => path),
    [],
  );
});

test('the PrometheusRule has the rules of config/prometheus/rules.yml, with their comments, and is not in git', (t) => {
  const { path, text } = prometheusRule(ROOT);
  const { apiVersion, kind, spec } = parse(text);
  t.deepEqual([apiVersion, kind], ['monitoring.coreos.com/v1', 'PrometheusRule']);
  t.true(spec.groups.length > 0);
  t.deepEqual(spec, parse(read('config/prometheus/rules.yml')));
  t.true(text.includes('# A failed scan does not recover by itself'));
  t.false(trackedFiles().includes(path));
});

test('kustomize makes a ConfigMap of each dashboard, which is small enough for kubectl apply', (t) => {
  const { configMapGenerator } = parse(read('grafana/kustomization.yaml'));
  t.true(dashboards.length > 1);
  t.deepEqual(configMapGenerator.flatMap(({ files }: { files: readonly string[] }) => files).sort(), dashboards);
  for (const file of dashboards) t.true(JSON.stringify(read(`grafana/${file}`)).length < MAX_ANNOTATION_BYTES - 1_000);
});

test('the chart refers to the rules and to each dashboard: nothing of them is in git twice', (t) => {
  const targets = readdirSync(`${ROOT}/${CHART}/files`).map((file) => realpathSync(`${ROOT}/${CHART}/files/${file}`));
  const sources = ['config/prometheus/rules.yml', ...dashboards.map((file) => `grafana/${file}`)];
  t.deepEqual(targets.sort(), sources.map((path) => realpathSync(`${ROOT}/${path}`)).sort());
  const twice = trackedFiles().filter(
    (path) =>
      path.startsWith('deploy/') &&
      /"schemaVersion"|alert: Acr/.test(existsSync(path) && !path.includes('/files/') ? read(path) : ''),
  );
  t.deepEqual(twice, []);
});

test('the chart has the version of the package', (t) => {
  const { version } = JSON.parse(read('package.json'));
  t.like(parse(read(`${CHART}/Chart.yaml`)), { version, appVersion: version });
});

for (const directory of ['base', 'overlays/example'])
  test(`deploy/kubernetes/${directory}/config.yml is a configuration`, (t) => {
    t.notThrows(() => loadConfig(`${ROOT}/deploy/kubernetes/${directory}/config.yml`));
  });
