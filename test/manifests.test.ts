// What deploy/ repeats of the rest of the project says the same.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parse } from 'yaml';
import { generateManifests } from '../scripts/manifests/generate.ts';
import { loadConfig } from '../src/config/load.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMPONENTS = 'deploy/kubernetes/components';

/** Last-applied-configuration, an annotation that `kubectl apply` makes of the whole resource, may not be longer. */
const MAX_ANNOTATION_BYTES = 262_144;

function read(path: string): string {
  return readFileSync(`${ROOT}/${path}`, 'utf8');
}

function namesIn(directory: string, ending: string): string[] {
  return readdirSync(`${ROOT}/${directory}`)
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length));
}

test('`npm run manifests` has been run since what it reads was changed', (t) => {
  const stale = generateManifests(ROOT).filter(({ path, text }) => read(path) !== text);
  t.deepEqual(
    stale.map(({ path }) => path),
    [],
  );
});

test('the PrometheusRule holds the rules of config/prometheus/rules.yml', (t) => {
  const { apiVersion, kind, spec } = parse(read(`${COMPONENTS}/prometheus-operator/prometheusrule.yaml`));
  t.deepEqual([apiVersion, kind], ['monitoring.coreos.com/v1', 'PrometheusRule']);
  t.true(spec.groups.length > 0);
  t.deepEqual(spec, parse(read('config/prometheus/rules.yml')));
});

test('there is a ConfigMap for each dashboard, which holds it to the letter', (t) => {
  const directory = `${COMPONENTS}/grafana-dashboards`;
  const dashboards = namesIn('grafana', '.json');
  t.true(dashboards.length > 1);
  for (const name of dashboards) {
    const text = read(`${directory}/${name}.yaml`);
    const { metadata, data } = parse(text);
    t.is(metadata.labels.grafana_dashboard, '1');
    t.deepEqual(data, { [`${name}.json`]: read(`grafana/${name}.json`) });
    t.true(JSON.stringify(parse(text)).length < MAX_ANNOTATION_BYTES, `${name} is too large for kubectl apply`);
  }
  const { resources } = parse(read(`${directory}/kustomization.yaml`));
  t.deepEqual(resources.sort(), dashboards.map((name) => `${name}.yaml`).sort());
});

for (const directory of ['base', 'overlays/example'])
  test(`deploy/kubernetes/${directory}/config.yml is a configuration`, (t) => {
    t.notThrows(() => loadConfig(`${ROOT}/deploy/kubernetes/${directory}/config.yml`));
  });
