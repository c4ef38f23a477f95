// Generates the manifests in deploy/ from other files of the project.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Document, parseDocument, Scalar } from 'yaml';

const GENERATED = ' Written by `npm run manifests`: change what it is made from instead, ';
const KUBERNETES = 'deploy/kubernetes/components';
const SERVICES = {
  '127.0.0.1:20182': 'simulator:20182',
  'localhost:20181': 'exporter:20181',
  'localhost:9093': 'alertmanager:9093',
};
const NAME_LABEL = { 'app.kubernetes.io/name': 'acr-scan-exporter' };

/** A file of the project: its path from the root, and its text. */
export type Manifest = { readonly path: string; readonly text: string };

/** All generated manifests. `root` is the root of the project. */
export function generateManifests(root: string): readonly Manifest[] {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const dashboards = readdirSync(join(root, 'grafana')).filter((file) => file.endsWith('.json'));
  return [
    {
      path: `${KUBERNETES}/prometheus-operator/prometheusrule.yaml`,
      text: prometheusRule(read('config/prometheus/rules.yml')),
    },
    ...dashboards.map((file) => ({
      path: `${KUBERNETES}/grafana-dashboards/${basename(file, '.json')}.yaml`,
      text: dashboard(file, read(`grafana/${file}`)),
    })),
    {
      path: 'deploy/compose/acr-scan-exporter.yml',
      text: inCompose('config/demo.yml', read('config/demo.yml')).replace('=./', '=../../config/'),
    },
    {
      path: 'deploy/compose/prometheus.yml',
      text: inCompose('config/prometheus/prometheus.yml', read('config/prometheus/prometheus.yml')),
    },
  ];
}

/** A rule file of Prometheus as a resource of the operator; comments stay. */
function prometheusRule(rules: string): string {
  const document = new Document({
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'acr-scan-exporter', labels: NAME_LABEL },
  });
  document.commentBefore = `${GENERATED}config/prometheus/rules.yml.`;
  document.set('spec', parseDocument(rules).contents);
  return document.toString({ lineWidth: 0 });
}

/** A dashboard as the ConfigMap that the sidecar of Grafana's Helm chart looks for. */
function dashboard(file: string, json: string): string {
  const document = new Document({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: `grafana-dashboard-${basename(file, '.json')}`,
      labels: { ...NAME_LABEL, grafana_dashboard: '1' },
    },
  });
  document.commentBefore = `${GENERATED}grafana/${file}.`;
  const text = new Scalar(json);
  text.type = Scalar.BLOCK_LITERAL;
  document.setIn(['data', file], text);
  return document.toString({ lineWidth: 0 });
}

/** A configuration for one machine, with the addresses replaced by the services of compose.yml. */
function inCompose(source: string, text: string): string {
  const addressed = Object.entries(SERVICES).reduce(
    (changed, [local, service]) => changed.replaceAll(local, service),
    text,
  );
  return `#${GENERATED}${source}.\n${addressed}`;
}
