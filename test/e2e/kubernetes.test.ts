// The manifests as kubectl renders them: valid, restricted, and fitting together.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import test from 'ava';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IIngress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { INamespace } from 'kubernetes-models/v1/Namespace';
import type { IService } from 'kubernetes-models/v1/Service';
import { parseConfig } from '../../src/config/load.ts';
import { readOptions } from '../../src/flags.ts';
import { EVENTS_PATH, FIXED_PATHS } from '../../src/web/assets.ts';
import { find, overlayWith, type Resource, render, schemaFindings, typeFindings } from './helpers/kubernetes.ts';
import { ROOT } from './helpers/program.ts';

const INSTANCES =
  'instances: [{ id: cri-1, region: cn-hangzhou, repositories: [{ namespace: a, name: b, tags: [c] }] }]\n';
const BASE = 'deploy/kubernetes/base';
const EXAMPLE = 'deploy/kubernetes/overlays/example';
const KINDS_OF_BASE = [
  'ConfigMap',
  'Deployment',
  'NetworkPolicy',
  'PersistentVolumeClaim',
  'Service',
  'ServiceAccount',
];
const MONITORING_KINDS = ['ConfigMap', 'ConfigMap', 'Namespace', 'PrometheusRule', 'ServiceMonitor'];

function kindsOf(resources: readonly Resource[]): readonly string[] {
  return resources.map(({ kind }) => kind).sort();
}

test('base and example hold what a cluster needs', (t) => {
  t.deepEqual(kindsOf(render(BASE)), KINDS_OF_BASE);
  t.deepEqual(kindsOf(render(EXAMPLE)), [...KINDS_OF_BASE, ...MONITORING_KINDS].sort());
});

for (const directory of [BASE, EXAMPLE]) {
  test(`${directory} has no field that Kubernetes or the operator does not know, and none of a wrong kind`, (t) => {
    const resources = render(directory);
    t.deepEqual(schemaFindings(resources), []);
    t.deepEqual(typeFindings(t, resources), []);
  });
}

test('the check of fields finds a misspelt one, a wrong type and a bad value', (t) => {
  const deployment = find<IDeployment & Resource>(render(BASE), 'Deployment');
  const misspelt = structuredClone(deployment) as unknown as { spec: { template: { spec: { containers: [object] } } } };
  Object.assign(misspelt.spec.template.spec.containers[0], { readinesProbe: {} });
  t.regex(typeFindings(t, [misspelt as unknown as Resource]).join(), /"readinesProbe".* does not exist/);
  const monitor = { apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor', metadata: { name: 'misspelt' } };
  const spec = { selector: {}, endpoints: [{ port: 'http', intervall: '15s' }] };
  t.regex(typeFindings(t, [{ ...monitor, spec } as Resource]).join(), /"intervall".* does not exist/);
  const wrong = { ...deployment, spec: { ...deployment.spec, replicas: 'one' } } as unknown as Resource;
  t.regex(typeFindings(t, [wrong]).join(), /'string' is not assignable to type 'number/);
  t.regex(schemaFindings([wrong]).join(), /replicas/);
});

test('every container may do nothing but run, as the restricted Pod Security Standard demands', (t) => {
  const { spec } = find<IDeployment>(render(EXAMPLE), 'Deployment');
  const pod = spec?.template.spec;
  t.like(pod?.securityContext, { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } });
  t.is(pod?.containers.length, 1);
  for (const { name, securityContext, resources } of pod?.containers ?? []) {
    t.deepEqual(
      securityContext,
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      name,
    );
    t.truthy(resources?.requests?.memory && resources.requests.cpu && resources.limits?.memory, name);
  }
  t.is(pod?.automountServiceAccountToken, false);
  const { metadata } = find<INamespace>(render(EXAMPLE), 'Namespace');
  t.is(metadata?.labels?.['pod-security.kubernetes.io/enforce'], 'restricted');
});

test('the exporter takes its flags, and finds its configuration', (t) => {
  for (const directory of [BASE, EXAMPLE]) {
    const resources = render(directory);
    const pod = find<IDeployment>(resources, 'Deployment').spec?.template.spec;
    const exporter = pod?.containers.find(({ name }) => name === 'exporter');
    const options = readOptions({ argv: exporter?.args ?? [], env: {} }, FIXED_PATHS);
    t.deepEqual(
      options.listenAddresses.map(({ port }) => port),
      exporter?.ports?.map(({ containerPort }) => containerPort),
    );
    const mount = exporter?.volumeMounts?.find(({ mountPath }) => options.configFile.startsWith(`${mountPath}/`));
    const volume = pod?.volumes?.find(({ name }) => name === mount?.name);
    // A part of a volume is not brought up to date.
    t.is(mount?.subPath, undefined);
    const { metadata, data } = find<IConfigMap>(resources, 'ConfigMap', volume?.configMap?.name);
    t.is(metadata?.name, volume?.configMap?.name);
    const text = data?.[options.configFile.slice(`${mount?.mountPath}/`.length)] ?? '';
    t.true(parseConfig(text, options.configFile).instances.length > 0);
  }
});

test('the state of the exporter is on a volume that outlives the pod', (t) => {
  for (const directory of [BASE, EXAMPLE]) {
    const resources = render(directory);
    const pod = find<IDeployment>(resources, 'Deployment').spec?.template.spec;
    const exporter = pod?.containers.find(({ name }) => name === 'exporter');
    const { storagePath } = readOptions({ argv: exporter?.args ?? [], env: {} }, FIXED_PATHS);
    const mount = exporter?.volumeMounts?.find(({ mountPath }) => mountPath === storagePath);
    const volume = pod?.volumes?.find(({ name }) => name === mount?.name);
    t.is(volume?.persistentVolumeClaim?.claimName, find<Resource>(resources, 'PersistentVolumeClaim').metadata.name);
  }
});

test('the exporter reloads by itself when its ConfigMap changes, and not over HTTP', (t) => {
  const pod = find<IDeployment>(render(BASE), 'Deployment').spec?.template.spec;
  t.is(pod?.containers.length, 1);
  const options = readOptions({ argv: pod?.containers[0]?.args ?? [], env: {} }, FIXED_PATHS);
  t.not(options.autoReloadIntervalMs, undefined);
  t.false(options.enableLifecycle);
});

test('one pod asks the API, also during an update, and nothing holds up a node that is drained', (t) => {
  const { spec } = find<IDeployment>(render(BASE), 'Deployment');
  t.is(spec?.replicas, 1);
  t.is(spec?.strategy?.type, 'Recreate');
  // It stops within 5 s.
  t.true((spec?.template.spec?.terminationGracePeriodSeconds ?? 0) > 5);
  t.false(kindsOf(render(EXAMPLE)).includes('PodDisruptionBudget'));
});

test('service, service monitor and network policy mean the pod and its port', (t) => {
  const resources = render(EXAMPLE);
  const { spec: deployment } = find<IDeployment>(resources, 'Deployment');
  const labels = deployment?.template.metadata?.labels;
  const [port] = deployment?.template.spec?.containers[0]?.ports ?? [];
  const service = find<IService>(resources, 'Service');
  t.deepEqual(deployment?.selector.matchLabels, labels);
  t.deepEqual(service.spec?.selector, labels);
  t.is(service.spec?.ports?.[0]?.targetPort, port?.name);
  const { spec: monitor } = find<IServiceMonitor>(resources, 'ServiceMonitor');
  t.like(service.metadata?.labels, monitor?.selector.matchLabels ?? { nothing: '' });
  t.is(monitor?.endpoints[0]?.port, service.spec?.ports?.[0]?.name);
  // The rules know the exporter by the name of its job.
  t.is(service.metadata?.labels?.[monitor?.jobLabel ?? ''], 'acr-scan-exporter');
  const { spec: policy } = find<INetworkPolicy>(resources, 'NetworkPolicy');
  t.deepEqual(policy?.podSelector?.matchLabels, labels);
  t.is(policy?.ingress?.[0]?.ports?.[0]?.port, port?.containerPort);
  t.deepEqual(
    policy?.egress?.flatMap(({ ports }) => ports?.map(({ port: number }) => number)),
    [53, 53, 443],
  );
});

test('probes ask for paths that exist, by the name of the port', (t) => {
  const [exporter] = find<IDeployment>(render(BASE), 'Deployment').spec?.template.spec?.containers ?? [];
  const paths = [exporter?.startupProbe, exporter?.livenessProbe, exporter?.readinessProbe].map(
    (probe) => probe?.httpGet,
  );
  t.deepEqual(paths, [
    { path: '/-/healthy', port: 'http' },
    { path: '/-/healthy', port: 'http' },
    { path: '/-/ready', port: 'http' },
  ]);
});

test('in the example, the token is exchanged in the region and the VPC of the registry', (t) => {
  const resources = render(EXAMPLE);
  const [exporter] = find<IDeployment>(resources, 'Deployment').spec?.template.spec?.containers ?? [];
  const [text = ''] = Object.values(find<IConfigMap>(resources, 'ConfigMap', 'config').data ?? {});
  const [instance] = parseConfig(text, 'config.yml').instances;
  t.deepEqual(exporter?.env, [
    { name: 'ALIBABA_CLOUD_STS_REGION', value: instance?.region },
    { name: 'ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED', value: 'true' },
  ]);
  t.true(instance?.endpoint.host.startsWith('cr-vpc.'));
});

test('with the webhook, an ingress passes on just its path, from just the pods of the controller, and the token is mounted', (t) => {
  const resources = render(overlayWith(t, 'events-webhook'));
  t.deepEqual(kindsOf(resources), [...KINDS_OF_BASE, 'Ingress', 'NetworkPolicy'].sort());
  t.deepEqual(schemaFindings(resources), []);
  t.deepEqual(typeFindings(t, resources), []);
  const { spec } = find<IIngress>(resources, 'Ingress');
  const service = find<IService>(resources, 'Service');
  const backend = { service: { name: service.metadata?.name, port: { name: service.spec?.ports?.[0]?.name } } };
  t.deepEqual(
    spec?.rules?.map(({ http }) => http?.paths),
    [[{ path: EVENTS_PATH, pathType: 'Exact', backend }]],
  );
  const [rule] = spec?.rules ?? [];
  t.deepEqual(spec?.tls?.[0]?.hosts, [rule?.host]);
  const { spec: policy } = find<INetworkPolicy>(resources, 'NetworkPolicy', 'events');
  const pod = find<IDeployment>(resources, 'Deployment').spec?.template;
  t.like(pod?.metadata?.labels, policy?.podSelector?.matchLabels ?? { nothing: '' });
  t.deepEqual(policy?.policyTypes, ['Ingress']);
  const [from, ...others] = policy?.ingress?.[0]?.from ?? [];
  t.deepEqual(others, []);
  t.truthy(from?.namespaceSelector && from.podSelector, 'one peer that has both');
  const [exporter] = pod?.spec?.containers ?? [];
  const mount = exporter?.volumeMounts?.find(({ name }) => name === 'events');
  const text = readFileSync(join(ROOT, 'deploy/kubernetes/components/events-webhook/kustomization.yaml'), 'utf8');
  t.true(text.includes(`token_file: ${mount?.mountPath}/token`));
  t.truthy(pod?.spec?.volumes?.find(({ name }) => name === mount?.name)?.secret);
});

test('replicas are pods that follow one another, as many as the configuration allows at once, with the URL of Redis and the way to it', (t) => {
  const resources = render(overlayWith(t, 'replicas'));
  const kinds = KINDS_OF_BASE.filter((kind) => kind !== 'PersistentVolumeClaim');
  t.deepEqual(kindsOf(resources), [...kinds, 'NetworkPolicy', 'PodDisruptionBudget'].sort());
  t.deepEqual(schemaFindings(resources), []);
  t.deepEqual(typeFindings(t, resources), []);
  const { spec } = find<IDeployment>(resources, 'Deployment');
  t.deepEqual(spec?.strategy, { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } });
  const [exporter] = spec?.template.spec?.containers ?? [];
  const before = find<IDeployment>(render(BASE), 'Deployment').spec?.template.spec?.containers[0]?.args;
  t.deepEqual(
    exporter?.args,
    before?.filter((argument) => !argument.startsWith('--storage.path')),
  );
  const mount = exporter?.volumeMounts?.find(({ name }) => name === 'redis');
  t.truthy(spec?.template.spec?.volumes?.find(({ name }) => name === mount?.name)?.secret);
  const text = readFileSync(join(ROOT, 'deploy/kubernetes/components/replicas/kustomization.yaml'), 'utf8');
  const block = /`(replicas: .*)`/.exec(text)?.[1];
  const { replicas } = parseConfig(`${INSTANCES}${block}\n`, 'config.yml');
  t.deepEqual(replicas?.redisUrl, { from: 'file', path: `${mount?.mountPath}/url` });
  t.is(replicas?.max, spec?.replicas);
  const { spec: policy } = find<INetworkPolicy>(resources, 'NetworkPolicy', 'redis');
  const labels = spec?.template.metadata?.labels;
  t.deepEqual(policy?.podSelector?.matchLabels, labels);
  t.deepEqual(policy?.policyTypes, ['Egress']);
  t.deepEqual(policy?.egress, [{ ports: [{ protocol: 'TCP', port: 6379 }] }]);
  const { spec: budget } = find<IPodDisruptionBudget>(resources, 'PodDisruptionBudget');
  t.deepEqual(budget, { maxUnavailable: 1, selector: { matchLabels: labels ?? {} } });
});

test('the image has the version of the package', (t) => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const directory of [BASE, EXAMPLE]) {
    const [exporter] = find<IDeployment>(render(directory), 'Deployment').spec?.template.spec?.containers ?? [];
    t.true(exporter?.image?.endsWith(`acr-scan-exporter:${version}`), exporter?.image);
  }
});
