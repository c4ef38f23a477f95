// Generates manifests in deploy/ from other files of the project.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Document, parseDocument } from 'yaml';

const GENERATED = ' Written by `npm run manifests`: change what it is made from instead, ';
const SERVICES = {
  '127.0.0.1:20182': 'simulator:20182',
  'localhost:20181': 'exporter:20181',
  'localhost:9093': 'alertmanager:9093',
};
const NAME_LABEL = { 'app.kubernetes.io/name': 'acr-scan-exporter' };

/** A file of the project: its path from the root, and its text. */
export type Manifest = { readonly path: string; readonly text: string };

/**
 * The rules as a resource of the Prometheus Operator, for kustomize. It is not in git: `npm run build` writes it, so that the rules are only in
 * config/prometheus/rules.yml. `root` is the root of the project.
 */
export function prometheusRule(root: string): Manifest {
  const document = new Document({
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'acr-scan-exporter', labels: NAME_LABEL },
  });
  document.commentBefore = `${GENERATED}config/prometheus/rules.yml.`;
  document.set('spec', parseDocument(read(root, 'config/prometheus/rules.yml')).contents);
  return {
    path: 'deploy/kubernetes/components/prometheus-operator/prometheusrule.yaml',
    text: document.toString({ lineWidth: 0 }),
  };
}

/** The configurations for compose.yml, which are in git: compose needs no Node.js. */
export function composeFiles(root: string): readonly Manifest[] {
  return [
    {
      path: 'deploy/compose/acr-scan-exporter.yml',
      text: inCompose('config/demo.yml', read(root, 'config/demo.yml')).replace('=./', '=../../config/'),
    },
    {
      path: 'deploy/compose/prometheus.yml',
      text: withReplicas(inCompose('config/prometheus/prometheus.yml', read(root, 'config/prometheus/prometheus.yml'))),
    },
    { path: 'deploy/compose/replicas.yml', text: replicasConfig(root) },
  ];
}

/** Scrapes every replica of compose.yml, as many as there are. */
function withReplicas(prometheus: string): string {
  const target = '      - targets: [exporter:20181]\n';
  const comment = '    # Without the profile replicas there are none.\n';
  const replicas = '    dns_sd_configs:\n      - { names: [replica], type: A, port: 20181, refresh_interval: 5s }\n';
  return prometheus.replace(target, `${target}${comment}${replicas}`);
}

/** The demo for replicas. They have no webhook, because the simulator sends its events to the one exporter. */
function replicasConfig(root: string): string {
  const demo = inCompose('config/demo.yml', read(root, 'config/demo.yml'));
  const events = /^# EventBridge .*\n(?:# .*\n)*events:\n {2}webhook: .*\n/m;
  return `${demo.replace(events, 'events:\n').replace('=./', '=../../config/')}
# Three replicas share the work and the rate limit.
replicas:
  redis_url: redis://redis:6379
  max: 3
`;
}

/** A configuration for one machine, with the addresses replaced by the services of compose.yml. */
function inCompose(source: string, text: string): string {
  const addressed = Object.entries(SERVICES).reduce(
    (changed, [local, service]) => changed.replaceAll(local, service),
    text,
  );
  return `#${GENERATED}${source}.\n${addressed}`;
}

function read(root: string, path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
