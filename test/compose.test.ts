// compose.yml, whose containers cannot be started in a test: what it names is there, and fits together.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parse } from 'yaml';
import { loadConfig } from '../src/config/load.ts';
import { readOptions } from '../src/flags.ts';
import { FIXED_PATHS } from '../src/web/assets.ts';

type Healthcheck = { readonly test: readonly string[] };
type Bind = {
  readonly source: string;
  readonly target: string;
  readonly bind: { readonly create_host_path: boolean };
};
type Service = {
  readonly image: string;
  readonly build?: { readonly context: string; readonly target?: string };
  readonly profiles?: readonly string[];
  readonly scale?: number;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly network_mode?: string;
  readonly environment?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly (string | Bind)[];
  readonly healthcheck?: Healthcheck;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly depends_on?: Readonly<Record<string, object>>;
};
type ComposeFile = { readonly services: Readonly<Record<string, Service>>; readonly volumes: object };

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { services, volumes } = parse(read('compose.yml'), { merge: true }) as ComposeFile;
const named = Object.entries(services);

function read(path: string): string {
  return readFileSync(`${ROOT}/${path}`, 'utf8');
}

/** A service's mounts: what is mounted where. A variable has its default. */
function mountsOf({ volumes: mounts = [] }: Service) {
  return mounts.map((mount) => {
    if (typeof mount !== 'string') return { source: withDefault(mount.source), target: mount.target };
    const [source = '', target = ''] = withDefault(mount).split(':');
    return { source, target };
  });
}

function withDefault(text: string): string {
  return text.replace(/\$\{\w+:-([^}]*)\}/, '$1');
}

function service(name: string): Service {
  const found = services[name];
  if (found === undefined) throw new Error(`expected a service ${name}, found none`);
  return found;
}

/** Where in the project a file is that a service sees at a path. */
function fileSeenAt(name: string, path: string): string {
  const mount = mountsOf(service(name)).find(({ target }) => path === target || path.startsWith(`${target}/`));
  if (mount === undefined) throw new Error(`expected a mount for ${path} in ${name}, found none`);
  return `${mount.source}${path.slice(mount.target.length)}`;
}

test('the services are those of the demo and of replicas; the profiles add the simulator, and replicas with Redis', (t) => {
  t.deepEqual(Object.keys(services).sort(), [
    'alertmanager',
    'exporter',
    'grafana',
    'notifications',
    'prometheus',
    'redis',
    'replica',
    'simulator',
  ]);
  const inProfile = (profile: string) =>
    named.filter(([, { profiles }]) => profiles?.includes(profile)).map(([name]) => name);
  t.deepEqual(inProfile('demo'), ['simulator']);
  t.deepEqual(inProfile('replicas'), ['replica', 'redis', 'simulator']);
});

test('every service is read-only, without rights, seen from this machine alone, and of a pinned version', (t) => {
  for (const [name, { image, build, read_only, cap_drop, security_opt, ports = [] }] of named) {
    t.true(read_only, name);
    t.deepEqual(cap_drop, ['ALL'], name);
    t.deepEqual(security_opt, ['no-new-privileges:true'], name);
    t.true(
      ports.every((port) => port.startsWith('127.0.0.1:')),
      name,
    );
    if (build === undefined) t.regex(image, /^[\w./-]+:v?\d+\.\d+\.\d+$/, name);
  }
});

test('exporter and simulator are built from the Dockerfile, each as an image of its own', (t) => {
  const built = named.filter(([, { build }]) => build !== undefined);
  t.deepEqual(
    built.map(([name, { build }]) => [name, build?.context, build?.target]),
    [
      ['exporter', '.', undefined],
      ['replica', '.', undefined],
      ['simulator', '.', 'simulator'],
      ['notifications', '.', undefined],
    ],
  );
  t.deepEqual(
    built.map(([, { image }]) => image),
    ['acr-scan-exporter:local', 'acr-scan-exporter:local', 'acr-simulator:local', 'acr-scan-exporter:local'],
  );
  const stages = [...read('Dockerfile').matchAll(/^FROM \S+(?: AS (\w+))?$/gm)].map(([, stage]) => stage);
  t.true(stages.includes('simulator'));
  t.not(stages.at(-1), 'simulator');
});

test('every service has a health check, of its own or of its image', (t) => {
  t.regex(read('Dockerfile'), /^HEALTHCHECK /m);
  t.deepEqual(
    named.filter(([, { healthcheck }]) => healthcheck === undefined).map(([name]) => name),
    ['exporter', 'replica'],
  );
  for (const [name, { healthcheck }] of named) t.true((healthcheck?.test[0] ?? 'CMD') === 'CMD', name);
});

test('everything that is mounted is there', (t) => {
  const sources = named.flatMap(([, each]) => mountsOf(each).map(({ source }) => source));
  t.true(sources.length > 5);
  t.deepEqual(
    sources.filter((source) => !(source.startsWith('./') ? existsSync(`${ROOT}/${source}`) : source in volumes)),
    [],
  );
});

test('a configuration of a misspelt name is not made an empty directory', (t) => {
  const mounts = service('exporter').volumes ?? [];
  t.deepEqual(
    mounts.flatMap((mount) => (typeof mount === 'string' ? [] : mount.bind)),
    [{ create_host_path: false }],
  );
});

test('the state of the exporter is in a volume, at a path that belongs to its user', (t) => {
  const { storagePath = '' } = readOptions({ argv: service('exporter').command ?? [], env: {} }, FIXED_PATHS);
  t.is(fileSeenAt('exporter', storagePath), 'state');
  t.true(read('Dockerfile').includes(`--chown=65532:65532 /state ${storagePath}\n`));
});

test('the exporter and the replicas ask the simulator', (t) => {
  for (const name of ['exporter', 'replica']) {
    const { instances } = loadConfig(`${ROOT}/${fileSeenAt(name, '/etc/acr-scan-exporter/config.yml')}`);
    const [listenAddress = ''] = service('simulator').command ?? [];
    const port = /:(\d+)$/.exec(listenAddress)?.[1];
    t.deepEqual(
      instances.map(({ endpoint }) => endpoint),
      [{ protocol: 'http', host: `simulator:${port}` }],
    );
  }
});

test('three replicas share the work over a Redis that drops no keys, each with a port, and Prometheus scrapes every one', (t) => {
  const { scale = 0, ports: [port = ''] = [] } = service('replica');
  const { replicas, events } = loadConfig(`${ROOT}/${fileSeenAt('replica', '/etc/acr-scan-exporter/config.yml')}`);
  t.is(scale, 3);
  t.deepEqual(replicas, { redisUrl: { from: 'value', value: 'redis://redis:6379' }, group: 'default', max: scale });
  t.is(events.webhook, undefined);
  t.true(service('redis').command?.join(' ').includes('--maxmemory-policy noeviction'));
  const [, first, last] = /:(\d+)-(\d+):20181$/.exec(port) ?? [];
  t.is(Number(last) - Number(first) + 1, scale);
  const { scrape_configs } = parse(read(fileSeenAt('prometheus', '/etc/prometheus/prometheus.yml')));
  t.like(scrape_configs[0].dns_sd_configs, [{ names: ['replica'], type: 'A', port: 20181 }]);
});

test('the demo configuration is that of `npm run demo`, but for the address of the simulator', (t) => {
  const inCompose = parse(read('deploy/compose/acr-scan-exporter.yml'));
  const usual = parse(read('config/demo.yml'));
  t.deepEqual(inCompose, JSON.parse(JSON.stringify(usual).replaceAll('127.0.0.1:20182', 'simulator:20182')));
});

test('Prometheus scrapes the exporter, has the rules, and tells Alertmanager', (t) => {
  const file = fileSeenAt('prometheus', '/etc/prometheus/prometheus.yml');
  const { scrape_configs, rule_files, alerting } = parse(read(file));
  t.deepEqual(scrape_configs[0].static_configs[0].targets, ['exporter:20181']);
  t.deepEqual(alerting.alertmanagers[0].static_configs[0].targets, ['alertmanager:9093']);
  const [rules] = rule_files;
  const seen = fileSeenAt('prometheus', new URL(rules, 'file:///etc/prometheus/').pathname);
  t.is(seen, './config/prometheus/rules.yml');
});

test('Grafana finds Prometheus and the dashboards where its provisioning says', (t) => {
  const provisioning = (kind: string) => {
    const directory = fileSeenAt('grafana', `/etc/grafana/provisioning/${kind}`);
    return readdirSync(`${ROOT}/${directory}`).map((file) => parse(read(`${directory}/${file}`)));
  };
  const urls = provisioning('datasources').flatMap(({ datasources }) =>
    datasources.map(({ url }: { url: string }) => url),
  );
  t.deepEqual(urls, ['http://prometheus:9090']);
  const paths = provisioning('dashboards').flatMap(({ providers }) =>
    providers.map(({ options }: { options: { path: string } }) => options.path),
  );
  t.is(paths.length, 1);
  for (const name of ['acr-scan-overview.json', 'acr-scan-exporter.json'])
    t.is(fileSeenAt('grafana', `${paths[0]}/${name}`), `./grafana/${name}`);
});

test('the simulator sends its events to the webhook of the exporter, with the token that the exporter expects', (t) => {
  const { events } = loadConfig(`${ROOT}/${fileSeenAt('exporter', '/etc/acr-scan-exporter/config.yml')}`);
  const { events: sent } = parse(read('config/demo-scenario.yml'));
  t.true(service('simulator').command?.includes('--events-to=http://exporter:20181/api/v1/events'));
  t.deepEqual(events.webhook?.token, { from: 'env', name: 'ACR_DEMO_EVENTS_TOKEN' });
  t.true(service('exporter').environment?.includes(`ACR_DEMO_EVENTS_TOKEN=${sent.token}`));
});

test('Alertmanager sends to a receiver that exists, which prints each alert', async (t) => {
  const { network_mode, command: [port = ''] = [], entrypoint: [, program = ''] = [] } = service('notifications');
  const { receivers } = parse(read(fileSeenAt('alertmanager', '/etc/alertmanager/alertmanager.yml')));
  t.is(network_mode, 'service:alertmanager');
  t.true(receivers.length > 1);
  for (const { webhook_configs } of receivers) t.is(new URL(webhook_configs[0].url).host, `localhost:${port}`);

  const receiver = spawn(process.execPath, [`${ROOT}/${fileSeenAt('notifications', program)}`, '0']);
  t.teardown(() => receiver.kill('SIGKILL'));
  const lines = createInterface(receiver.stdout)[Symbol.asyncIterator]();
  const address = /[\d.]+:\d+$/.exec((await lines.next()).value ?? '')?.[0];
  const send = (body: string) => fetch(`http://${address}/critical`, { method: 'POST', body });
  t.is((await fetch(`http://${address}`)).status, 200);
  t.is((await send('{')).status, 400);
  const alert = { status: 'firing', labels: { alertname: 'AcrExporterDown' }, annotations: { summary: 'It is down.' } };
  t.is((await send(JSON.stringify({ alerts: [alert] }))).status, 200);
  t.is((await lines.next()).value, 'critical firing AcrExporterDown: It is down.');
});
