// The chart as helm renders it: valid, as restricted as the kustomize base, and with a clear message for values that contradict each other.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IPodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor';
import type { IPrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import type { IScrapeConfig } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1alpha1/ScrapeConfig';
import test from 'ava';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IIngress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { ISecret } from 'kubernetes-models/v1/Secret';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { readOptions } from '../../src/flags.ts';
import { webConfigSchema } from '../../src/web/access/schema.ts';
import { EVENTS_PATH, FIXED_PATHS } from '../../src/web/assets.ts';
import { temporaryDirectory } from './helpers/exporter.ts';
import {
  CHART,
  find,
  overlayWith,
  type Resource,
  render,
  renderChart,
  schemaFindings,
  typeFindings,
} from './helpers/kubernetes.ts';
import { ROOT, run } from './helpers/program.ts';
import type { ScrapeConfigFields } from './helpers/scrape-config.ts';
import { commandOf } from './kubernetes-tools.ts';

const FIXTURES = 'test/fixtures/helm';
const RULES = 'config/prometheus/rules.yml';
const NAMES = readdirSync(join(ROOT, FIXTURES));
const GOOD = NAMES.filter((name) => name.endsWith('.good.yml')).map((name) => name.replace('.good.yml', ''));
const BAD = NAMES.filter((name) => name.endsWith('.bad.yml')).map((name) => name.replace('.bad.yml', ''));

const rendered = new Map<string, readonly Resource[]>();

/** What the chart makes of the values in a fixture. */
function renderGood(name: string): readonly Resource[] {
  const resources = rendered.get(name) ?? renderChart(['--values', `${FIXTURES}/${name}.good.yml`]);
  rendered.set(name, resources);
  return resources;
}

function podOf(resources: readonly Resource[]) {
  const pod = find<IDeployment>(resources, 'Deployment').spec?.template.spec;
  const exporter = pod?.containers.find(({ name }) => name === 'exporter');
  if (!pod || !exporter) throw new Error('expected a pod with the exporter, found none');
  return { pod, exporter, options: readOptions({ argv: exporter.args ?? [], env: {} }, FIXED_PATHS) };
}

function rulesOf(resources: readonly Resource[]) {
  return find<IPrometheusRule>(resources, 'PrometheusRule').spec?.groups?.flatMap(({ rules = [] }) => rules) ?? [];
}

test('there are thirty files of values, good and bad', (t) => {
  t.true(GOOD.length + BAD.length >= 30);
});

test('good values give resources without a field that Kubernetes or the operator does not know, or of a wrong type', (t) => {
  t.timeout(3 * 60_000);
  const resources = GOOD.flatMap(renderGood);
  t.true(resources.length > 4 * GOOD.length);
  t.deepEqual(schemaFindings(resources), []);
  t.deepEqual(typeFindings(t, resources), []);
});

for (const name of GOOD) {
  test(`with the values ${name} the exporter takes its flags, and every file that it reads is mounted`, (t) => {
    const resources = renderGood(name);
    const { pod, exporter, options } = podOf(resources);
    const volumes = new Set(pod.volumes?.map((volume) => volume.name));
    t.deepEqual(
      exporter.volumeMounts?.filter((mount) => !volumes.has(mount.name)),
      [],
    );
    t.is(volumes.size, pod.volumes?.length ?? 0, 'no name is used twice');
    const config = resources.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.endsWith('-config'));
    const text = (config as IConfigMap | undefined)?.data?.[options.configFile.replace(/.*\//, '')];
    if (text !== undefined) t.true(parseConfig(text, options.configFile).instances.length > 0);
    const secret = resources.find(({ kind }) => kind === 'Secret') as ISecret | undefined;
    if (secret) t.true(webConfigSchema.safeParse(parse(secret.stringData?.['web.yml'] ?? '')).success);
    const read = [text ?? '', secret?.stringData?.['web.yml'] ?? ''].flatMap(
      (each) => each.match(/\/run\/[\w./-]+/g) ?? [],
    );
    for (const path of [...read, options.configFile, options.webConfigFile, options.storagePath])
      t.true(
        path === undefined || exporter.volumeMounts?.some(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`)),
        path,
      );
  });
}

for (const name of BAD) {
  test(`with the values ${name} helm refuses, and says why`, (t) => {
    const expected = readFileSync(join(ROOT, FIXTURES, `${name}.bad.expected`), 'utf8')
      .trimEnd()
      .split('\n');
    const { message = '' } = t.throws(() => renderChart(['--values', `${FIXTURES}/${name}.bad.yml`])) ?? {};
    for (const line of expected) t.true(message.includes(line), message);
  });
}

test('the Deployment of the chart is that of the kustomize base, but for names', (t) => {
  const described = (resources: readonly Resource[]) => {
    const { spec } = find<IDeployment>(resources, 'Deployment');
    const { pod, exporter, options } = podOf(resources);
    return {
      replicas: spec?.replicas,
      strategy: spec?.strategy,
      pod: {
        ...pod,
        serviceAccountName: '',
        containers: pod.containers.length,
        volumes: pod.volumes?.map(({ name }) => name),
      },
      exporter: { ...exporter, image: '', imagePullPolicy: '', args: [] },
      options: { ...options, configFile: '' },
    };
  };
  t.deepEqual(described(renderGood('minimal')), described(render('deploy/kubernetes/base')));
});

test('only the pod of a role by token has a service account token, and one for STS alone', (t) => {
  for (const name of GOOD) {
    const resources = renderGood(name);
    const { pod } = podOf(resources);
    t.is(pod.automountServiceAccountToken, false, name);
    const account = resources.find(({ kind }) => kind === 'ServiceAccount');
    if (account) t.like(account, { automountServiceAccountToken: false }, name);
    const projected = pod.volumes?.filter((volume) => volume.projected) ?? [];
    t.is(projected.length, name === 'rrsa-by-token' ? 1 : 0, name);
    for (const volume of projected)
      t.is(volume.projected?.sources?.[0]?.serviceAccountToken?.audience, 'sts.aliyuncs.com');
  }
  const variables = podOf(renderGood('rrsa-by-token')).exporter.env?.map(({ name }) => name);
  t.true(variables?.includes('ALIBABA_CLOUD_OIDC_TOKEN_FILE'));
  const { metadata } = find<Resource>(renderGood('rrsa-by-webhook'), 'ServiceAccount');
  t.is(metadata.annotations?.['pod-identity.alibabacloud.com/role-name'], 'acr-scan-exporter');
});

test('a configuration reaches the exporter to the letter: a tag that looks like a number stays what it is', (t) => {
  const { config } = parse(readFileSync(join(ROOT, FIXTURES, 'config-with-odd-lines.good.yml'), 'utf8'));
  const { data } = find<IConfigMap>(renderGood('config-with-odd-lines'), 'ConfigMap');
  t.deepEqual(data, { 'config.yml': config });
  const file = join(temporaryDirectory(t), 'config.yml');
  const text =
    'instances: [{ id: cri-1, region: cn-hangzhou, repositories: [{ namespace: a, name: b, tags: [1.10] }] }] # A comment.\n';
  writeFileSync(file, text);
  const resources = renderChart(['--set=image.repository=acr', `--set-file=config=${file}`]);
  t.deepEqual(find<IConfigMap>(resources, 'ConfigMap').data, { 'config.yml': text });
});

test('probes fit the web configuration: HTTPS for TLS, the health check of the image for passwords and client certificates', (t) => {
  const probesOf = (name: string) => {
    const { exporter } = podOf(renderGood(name));
    return [exporter.startupProbe, exporter.livenessProbe, exporter.readinessProbe];
  };
  t.deepEqual(
    probesOf('tls').map((probe) => probe?.httpGet),
    ['/-/healthy', '/-/healthy', '/-/ready'].map((path) => ({ path, port: 'http', scheme: 'HTTPS' })),
  );
  for (const name of ['passwords', 'client-certificates', 'web-existing-secret'])
    for (const probe of probesOf(name)) {
      const [, script = ''] = probe?.exec?.command ?? [];
      t.true(readFileSync(join(ROOT, script.replace('/app/', '')), 'utf8').includes('/-/healthy'), name);
      t.is(probe?.httpGet, undefined);
    }
});

test('behind a path, probes and scrapes have the prefix that the exporter serves', (t) => {
  for (const name of ['behind-a-path', 'behind-a-proxy-that-removes-the-path']) {
    const resources = renderGood(name);
    const { exporter, options } = podOf(resources);
    t.is(options.externalUrl.replace(/\/$/, ''), 'https://example.com/acr');
    t.is(options.routePrefix, name === 'behind-a-path' ? '/acr' : '');
    t.is(exporter.readinessProbe?.httpGet?.path, `${options.routePrefix}/-/ready`);
    t.is(find<IServiceMonitor>(resources, 'ServiceMonitor').spec?.endpoints[0]?.path, `${options.routePrefix}/metrics`);
  }
});

test('every kind of monitor means the port of the exporter, and sets the job that the rules expect', (t) => {
  const portOf = (name: string) => podOf(renderGood(name)).exporter.ports?.[0];
  const service = find<IServiceMonitor>(renderGood('service-monitor'), 'ServiceMonitor');
  t.like(
    find<Resource>(renderGood('service-monitor'), 'Service').metadata.labels,
    service.spec?.selector.matchLabels ?? { none: '' },
  );
  t.is(
    find<Resource>(renderGood('service-monitor'), 'Service').metadata.labels?.[service.spec?.jobLabel ?? ''],
    'acr-scan-exporter',
  );
  t.deepEqual(service.spec?.endpoints, [{ port: 'http', path: '/metrics', interval: '15s' }]);
  t.is(service.metadata?.labels?.release, 'kube-prometheus-stack');
  const pod = find<IPodMonitor>(renderGood('pod-monitor'), 'PodMonitor');
  const labels = find<IDeployment>(renderGood('pod-monitor'), 'Deployment').spec?.template.metadata?.labels;
  t.like(labels, pod.spec?.selector.matchLabels ?? { none: '' });
  t.is(labels?.[pod.spec?.jobLabel ?? ''], 'acr-scan-exporter');
  t.is(pod.spec?.podMetricsEndpoints?.[0]?.port, portOf('pod-monitor')?.name);
  const config = find<IScrapeConfig & ScrapeConfigFields>(renderGood('scrape-config'), 'ScrapeConfig');
  t.like(config.spec, { scrapeInterval: '30s', scrapeTimeout: '10s' });
  t.deepEqual(config.spec?.staticConfigs, [
    { targets: ['acr-acr-scan-exporter.default.svc:20181'], labels: { job: 'acr-scan-exporter' } },
  ]);
  t.is(renderGood('two-scrape-configs').filter(({ kind }) => kind === 'ScrapeConfig').length, 2);
  const two = find<IServiceMonitor>(renderGood('two-scrapes'), 'ServiceMonitor').spec?.endpoints;
  t.deepEqual(
    two?.map(({ interval, params, relabelings }) => [interval, params?.['name[]'], relabelings]),
    [
      ['15s', ['acr_scan_tags', 'acr_scan_vulnerabilities'], undefined],
      ['4m', ['acr_scan_tag_status'], [{ targetLabel: 'part', replacement: 'tags' }]],
    ],
  );
  const tls = find<IServiceMonitor>(renderGood('tls'), 'ServiceMonitor').spec?.endpoints[0];
  t.is(tls?.scheme, 'https');
  t.is(tls?.tlsConfig?.serverName, 'acr-acr-scan-exporter.default.svc');
  t.is(find<IScrapeConfig & ScrapeConfigFields>(renderGood('tls-scrape-config'), 'ScrapeConfig').spec?.scheme, 'HTTPS');
});

test('the rules of the chart are those of the project, which promtool reads', (t) => {
  const { groups } = parse(readFileSync(join(ROOT, RULES), 'utf8'));
  t.deepEqual(find<IPrometheusRule>(renderGood('rules'), 'PrometheusRule').spec, { groups });
  const file = join(temporaryDirectory(t), 'rules.yml');
  for (const name of ['rules', 'rules-with-thresholds']) {
    writeFileSync(file, JSON.stringify(find<IPrometheusRule>(renderGood(name), 'PrometheusRule').spec));
    const { status, stdout, stderr } = run('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', file]);
    t.is(status, 0, stdout + stderr);
  }
});

test('a threshold changes just its number, and the texts that name it', (t) => {
  const changed = rulesOf(renderGood('rules-with-thresholds'));
  const left = rulesOf(renderGood('rules')).filter(({ alert }) => alert !== 'AcrScanFailed');
  t.deepEqual(
    changed.map(({ alert, record }) => alert ?? record),
    left.map(({ alert, record }) => alert ?? record),
  );
  /** The numbers that differ between the two kinds of rules, by alert. */
  const differences = (textOf: (rule: (typeof left)[number]) => string) => {
    const numbersOf = (text: string) => text.match(/\d+(\.\d+)?[smhd]?/g) ?? [];
    const pairs = left.map((rule, index) => {
      const before = numbersOf(textOf(rule));
      const after = numbersOf(textOf(changed[index] ?? rule));
      return [
        rule.alert ?? '',
        before.map((number, place) => `${number} ${after[place]}`).filter((pair) => !/^(\S+) \1$/.test(pair)),
      ] as const;
    });
    return Object.fromEntries(pairs.filter(([, numbers]) => numbers.length > 0));
  };
  t.deepEqual(
    differences(({ expr }) => String(expr)),
    {
      AcrScanResultsStale: ['3600 7200'],
      AcrHighSeverityVulnerabilities: ['0 10'],
      AcrApiErrors: ['0.1 0.25'],
      AcrApiThrottled: ['0.9 0.5', '0.9 0.5'],
      AcrPollingBehind: ['60 120', '600 3600'],
    },
  );
  t.deepEqual(
    differences((rule) => `${rule.for} ${rule.annotations?.summary} ${rule.annotations?.description}`),
    {
      AcrScanStuck: ['30m 1h', '30m 1h', '30m 1h'],
      AcrScanResultsStale: ['1h 2h', '1h 2h'],
    },
  );
  const stuck = changed.find(({ alert }) => alert === 'AcrScanStuck');
  t.deepEqual(stuck?.labels, { severity: 'critical', team: 'security' });
  t.is(stuck?.annotations?.runbook_url, 'https://wiki.example.com/acr#acrscanstuck');
  t.is(stuck?.annotations?.dashboard, 'https://grafana.example.com');
});

test('dashboards are those of the project, to the letter, with the label that the sidecar looks for', (t) => {
  const maps = renderGood('dashboards').filter(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.namespace === 'grafana',
  );
  const files = readdirSync(join(ROOT, 'grafana')).filter((file) => file.endsWith('.json'));
  t.deepEqual(
    Object.assign({}, ...maps.map((map) => (map as IConfigMap).data)),
    Object.fromEntries(files.map((file) => [file, readFileSync(join(ROOT, 'grafana', file), 'utf8')])),
  );
  for (const { metadata } of maps) {
    t.is(metadata.labels?.grafana_dashboard, '1');
    t.deepEqual(metadata.annotations, { grafana_folder: 'Registry' });
  }
  for (const { kind, metadata } of renderGood('dashboards-of-another-label'))
    if (metadata.name.includes('-dashboard-')) t.is(kind === 'ConfigMap' && metadata.labels?.dashboards, 'true');
});

test('the network policy is that of the base, and opens more only where values say so', (t) => {
  const policyOf = (resources: readonly Resource[]) => {
    const { policyTypes, ingress, egress } = find<INetworkPolicy>(resources, 'NetworkPolicy').spec ?? {};
    return { policyTypes, ingress, egress };
  };
  const base = policyOf(render('deploy/kubernetes/base'));
  t.deepEqual(policyOf(renderGood('minimal')), base);
  const wide = policyOf(renderGood('network'));
  t.deepEqual(
    wide.egress?.map(({ ports }) => ports?.map(({ port }) => port)),
    [[53, 53], [443], [80], [3128]],
  );
  const toProxy = (name: string) => policyOf(renderGood(name)).egress?.slice(2);
  t.deepEqual(toProxy('proxy'), [
    {
      to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'proxy' } } }],
      ports: [{ protocol: 'TCP', port: 3128 }],
    },
  ]);
  t.deepEqual(
    toProxy('proxy-anywhere'),
    [{ ...base.egress?.[1], ports: [{ protocol: 'TCP', port: 80 }] }],
    'the metadata service stays closed',
  );
  t.is(wide.ingress?.length, 2);
  t.false(renderGood('no-network-policy').some(({ kind }) => kind === 'NetworkPolicy'));
  t.is(policyOf(renderGood('events')).ingress?.length, 2);
  const { spec } = find<IIngress>(renderGood('events'), 'Ingress');
  t.deepEqual(
    spec?.rules?.flatMap(({ http }) => http?.paths.map(({ path, pathType }) => [path, pathType])),
    [[EVENTS_PATH, 'Exact']],
  );
});

test('replicas follow one another, share a group of their own, and have a way to Redis and no volume', (t) => {
  const resources = renderGood('replicas');
  const { spec } = find<IDeployment>(resources, 'Deployment');
  const component = find<IDeployment>(render(overlayWith(t, 'replicas')), 'Deployment').spec;
  t.deepEqual([spec?.replicas, spec?.strategy], [component?.replicas, component?.strategy]);
  const { exporter, options } = podOf(resources);
  t.deepEqual(
    exporter.volumeMounts?.map(({ mountPath }) => mountPath).sort(),
    component?.template.spec?.containers[0]?.volumeMounts?.map(({ mountPath }) => mountPath).sort(),
  );
  t.is(options.storagePath, undefined);
  t.false(resources.some(({ kind }) => kind === 'PersistentVolumeClaim'));
  t.is(find<IPodDisruptionBudget>(resources, 'PodDisruptionBudget').spec?.maxUnavailable, 1);
  const replicasOf = (name: string) => {
    const [text = ''] = Object.values(find<IConfigMap>(renderGood(name), 'ConfigMap').data ?? {});
    return parseConfig(text, 'config.yml').replicas;
  };
  const redisUrl = { from: 'file', path: '/run/secrets/acr-scan-exporter-redis/url' } as const;
  t.deepEqual(replicasOf('replicas'), { redisUrl, group: 'default.acr-acr-scan-exporter', max: 3 });
  t.deepEqual(replicasOf('replicas-of-a-group'), { redisUrl, group: 'shop', max: 4 });
  const egressOf = (name: string) => find<INetworkPolicy>(renderGood(name), 'NetworkPolicy').spec?.egress?.at(-1);
  t.deepEqual(egressOf('replicas'), { ports: [{ protocol: 'TCP', port: 6379 }] });
  t.deepEqual(egressOf('replicas-of-a-group'), {
    ports: [{ protocol: 'TCP', port: 6380 }],
    to: [{ podSelector: { matchLabels: { app: 'redis' } } }],
  });
});

test('helm lint --strict has nothing to say, of the defaults and of every good file', (t) => {
  t.timeout(3 * 60_000);
  for (const values of [[], ...GOOD.map((name) => ['--values', `${FIXTURES}/${name}.good.yml`])]) {
    const { status, stdout } = run(commandOf('helm'), ['lint', '--strict', CHART, ...values]);
    t.is(status, 0, stdout);
  }
});

test('the packaged chart needs no checkout: rules and dashboards are in it, once, and it renders the same', (t) => {
  const directory = temporaryDirectory(t);
  const packed = run(commandOf('helm'), ['package', CHART, '--destination', directory]);
  t.is(packed.status, 0, packed.stderr);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const archive = join(directory, `acr-scan-exporter-${version}.tgz`);
  const { stdout } = run('tar', ['--list', '--verbose', '--file', archive]);
  t.false(stdout.includes(' -> '), stdout);
  for (const name of ['rules-with-thresholds', 'dashboards'])
    t.deepEqual(renderChart(['--values', `${FIXTURES}/${name}.good.yml`], archive), renderGood(name));
});

test('helm says after an install which command to run next', (t) => {
  const notesOf = (name: string) =>
    run(commandOf('helm'), [
      'install',
      'acr',
      CHART,
      '--dry-run=client',
      '--values',
      `${FIXTURES}/${name}.good.yml`,
    ]).stdout.replace(/^[\s\S]*NOTES:\n/, '');
  const notes = notesOf('minimal');
  t.regex(notes, /kubectl --namespace default rollout status deployment\/acr-acr-scan-exporter\n/);
  t.regex(notes, /port-forward service\/acr-acr-scan-exporter 20181:20181\n[\s\S]*open http:\/\/localhost:20181\/\n/);
  t.regex(notes, /set monitor\.kind/);
  t.regex(notesOf('rrsa-by-webhook'), /kubectl label namespace default pod-identity\.alibabacloud\.com\/injection=on/);
  t.regex(notesOf('proxy-behind-the-policy'), /\n\n.*set networkPolicy\.proxy\.port\.\n/);
  for (const name of ['proxy', 'minimal']) t.notRegex(notesOf(name), /proxy/);
  t.regex(notesOf('tls'), /open https:/);
  t.notRegex(notesOf('tls'), /set monitor\.kind/);
});
