// The image that the Dockerfile makes. Run by `npm run test:image`, which needs tools that build and run it (see .ci/run).
import { once } from 'node:events';
import { chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { parsePage } from '../helpers/exposition.ts';
import {
  buildImage,
  buildImageOfTime,
  Container,
  describeImage,
  digestOf,
  runOnce,
  withCleanCheckout,
  withPrivateCheckout,
} from './helpers/container.ts';
import { configureSimulated } from './helpers/exporter.ts';
import { ROOT } from './helpers/program.ts';
import { until } from './helpers/until.ts';

const IMAGE = 'localhost/acr-scan-exporter:tested';
const SIMULATOR_IMAGE = 'localhost/acr-simulator:tested';
const IMAGE_AGAIN = 'localhost/acr-scan-exporter:tested-again';
const IMAGE_OF_STAGE = 'localhost/acr-scan-exporter:tested-stage';
// The Dockerfile's default.
const VERSION: string = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
const REVISION = 'd00dfeedd00dfeedd00dfeedd00dfeedd00dfeed';
const EPOCH = 1_790_000_000;
const MEMORY = '128m';
const MAX_BYTES = 190e6;
const STOP_WITHIN_S = 5;
const CONFIG_DIRECTORY = '/etc/acr-scan-exporter';
const REPOSITORY = { namespace: 'shop', name: 'api', tags: { 'v1.0': 'COMPLETE', 'v1.1': 'SCANNING' } };
const TLS_FIXTURES = fileURLToPath(new URL('../fixtures/tls/', import.meta.url));

test.before('the images are built', (t) => {
  t.timeout(10 * 60_000);
  const builds = withPrivateCheckout((tree) => [
    buildImage(tree, SIMULATOR_IMAGE, { REVISION }, ['--target', 'simulator']),
    buildImageOfTime(EPOCH, tree, IMAGE, { REVISION }),
  ]);
  for (const { status, stderr } of builds) t.is(status, 0, stderr);
});

test('the image has no more than Node.js and the program, and says what it is', (t) => {
  const { Size, Config, Healthcheck } = describeImage(IMAGE);
  t.log(`${(Size / 1e6).toFixed(1)} MB`);
  t.true(Size < MAX_BYTES);
  t.is(Config.User, '65532:65532');
  t.deepEqual(Config.Entrypoint, ['/usr/local/bin/node', '/app/dist/bin.js']);
  t.is(Healthcheck.Test[0], 'CMD');
  t.is(Config.Labels['org.opencontainers.image.version'], VERSION);
  t.is(Config.Labels['org.opencontainers.image.revision'], REVISION);
  t.is(Config.Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
  t.regex(
    runOnce(IMAGE, [], '--version').stdout,
    new RegExp(`^acr-scan-exporter ${VERSION} \\(revision ${REVISION}, node`),
  );
  for (const program of ['/bin/sh', '/usr/local/bin/npm', '/bin/bash', '/bin/busybox'])
    t.regex(runOnce(IMAGE, ['--entrypoint', program], '-c', 'exit').stderr, /no such file/, program);
});

test('a clean checkout at another place, with another umask, gives the same image, byte for byte', (t) => {
  t.timeout(5 * 60_000);
  const { status, stderr } = withCleanCheckout((tree) => buildImageOfTime(EPOCH, tree, IMAGE_AGAIN, { REVISION }));
  t.is(status, 0, stderr);
  t.is(digestOf(IMAGE_AGAIN), digestOf(IMAGE), 'the image is that of the last commit: is all committed?');
  const { Config, Healthcheck } = describeImage(IMAGE);
  t.like(describeImage(IMAGE_AGAIN), { Config, Healthcheck });
});

test('the image holds neither the simulator nor the demo', (t) => {
  const files = filesOf(IMAGE);
  t.true(files.includes('dist/bin.js') && files.includes('deploy/container/healthcheck.mjs'), files.join());
  t.deepEqual(
    files.filter((file) => /simulator|demo/.test(file)),
    [],
  );
});

test('the image of the simulator holds only what the simulator needs, and serves the registry of the demo', async (t) => {
  const files = filesOf(SIMULATOR_IMAGE);
  t.deepEqual([...new Set(files.filter((file) => file.startsWith('dist/')).map((file) => file.split('/')[1]))].sort(), [
    'build-info.js',
    'build-info.json',
    'model',
    'simulator',
    'util',
  ]);
  t.is(describeImage(SIMULATOR_IMAGE).Config.User, '65532:65532');
  t.is(runOnce(SIMULATOR_IMAGE, [], '--version').stdout, `acr-simulator ${VERSION}\n`);
  const port = await freePort();
  const container = Container.start(t, SIMULATOR_IMAGE, MEMORY, [
    '--',
    `--listen-address=127.0.0.1:${port}`,
    '--scenario=/app/config/demo-scenario.yml',
  ]);
  await until('the simulator', 30_000, () => isOk(`http://127.0.0.1:${port}/_sim/state`));
  t.like(container.stop(), { wasRunning: true, exitCode: 0, killed: false, outOfMemory: false });
});

test('everything in the image may be read by its user, whoever may read the checkout', (t) => {
  const unreadable = `const { accessSync, readdirSync } = require('node:fs');
    const mayRead = (path) => { try { accessSync(path); return true } catch { return false } };
    const paths = ['app', 'etc', 'lib', 'usr', 'var'].filter((path) => mayRead('/' + path))
      .flatMap((top) => readdirSync('/' + top, { recursive: true }).map((path) => '/' + top + '/' + path));
    JSON.stringify([paths.length, paths.filter((path) => !mayRead(path))])`;
  const { stdout } = runOnce(IMAGE, ['--entrypoint', '/usr/local/bin/node'], '--print', unreadable);
  const [count, paths] = JSON.parse(stdout);
  t.true(count > 500);
  t.deepEqual(paths, []);
});

test('only production dependencies are in the image', (t) => {
  const list = "JSON.stringify(require('node:fs').readdirSync('/app/node_modules'))";
  const names: string[] = JSON.parse(runOnce(IMAGE, ['--entrypoint', '/usr/local/bin/node'], '--print', list).stdout);
  t.true(names.includes('prom-client') && names.includes('koa'));
  t.deepEqual(
    names.filter((name) => ['typescript', 'ava', 'tsx', 'fast-check', '@biomejs', 'playwright-core'].includes(name)),
    [],
  );
});

test(`read-only, without rights and in ${MEMORY}, it scrapes the simulator, is healthy, and stops within ${STOP_WITHIN_S} s`, async (t) => {
  const port = await freePort();
  const directory = await configFor(t);
  const startedMs = performance.now();
  const container = Container.start(t, IMAGE, MEMORY, optionsFor(port, directory));
  const url = `http://127.0.0.1:${port}`;
  await until('readiness', 30_000, () => isOk(`${url}/-/ready`));
  t.log(`ready after ${Math.round(performance.now() - startedMs)} ms`);
  await until('complete tags', 30_000, async () => {
    const { families } = parsePage(await (await fetch(`${url}/metrics`)).text());
    const samples = families.get('acr_scan_tags')?.samples ?? [];
    return samples.some(({ labels, value }) => labels.status === 'complete' && value > 0) || undefined;
  });
  t.is(container.checkHealth().status, 0);
  t.is(container.lastHealthOutput(), 'answered 200');
  const stopped = container.stop();
  t.log(`stopped after ${stopped.seconds} s`);
  t.like(stopped, { wasRunning: true, exitCode: 0, killed: false, outOfMemory: false });
  t.true(stopped.seconds < STOP_WITHIN_S);
});

test('an exporter that does not answer is not healthy', async (t) => {
  const port = await freePort();
  const container = Container.start(t, IMAGE, MEMORY, optionsFor(port, await configFor(t)));
  await until('readiness', 30_000, () => isOk(`http://127.0.0.1:${port}/-/ready`));
  process.kill(container.pid, 'SIGSTOP');
  t.not(container.checkHealth().status, 0);
  process.kill(container.pid, 'SIGCONT');
  t.is(container.checkHealth().status, 0);
});

const WEB_CONFIGS = {
  'TLS with client certificates': {
    settings:
      'tls_server_config: { cert_file: server.crt, key_file: server.key, client_auth_type: RequireAndVerifyClientCert, client_ca_file: authority.crt }',
    answer: 'answered with a TLS handshake',
  },
  passwords: {
    settings: "basic_auth_users: { alice: '$2b$04$NFCd2wolGqHFOQhJJlsdaeyh0gxkl.sG86M2qVY1CMA8iI566jmBO' }",
    answer: 'answered 401',
  },
};

for (const [what, { settings, answer }] of Object.entries(WEB_CONFIGS)) {
  test(`with ${what} it is healthy`, async (t) => {
    const port = await freePort();
    const directory = await configFor(t);
    cpSync(TLS_FIXTURES, directory, { recursive: true });
    // The fixtures' keys are for their owner; the container's user is another.
    for (const file of ['server.crt', 'server.key', 'authority.crt']) chmodSync(join(directory, file), 0o644);
    writeFileSync(join(directory, 'web.yml'), settings);
    const webConfig = ['--env', `ACR_SCAN_EXPORTER_WEB_CONFIG_FILE=${CONFIG_DIRECTORY}/web.yml`];
    const container = Container.start(t, IMAGE, MEMORY, [...optionsFor(port, directory), ...webConfig]);
    await until('the log line', 30_000, () => container.log.includes('msg="listening"') || undefined);
    t.is(container.checkHealth().status, 0);
    t.is(container.lastHealthOutput(), answer);
  });
}

test('the build argument for the generated client reaches npm: a version that does not exist fails the build', (t) => {
  t.timeout(5 * 60_000);
  const { status, stderr } = buildImage(ROOT, IMAGE_OF_STAGE, { ALICLOUD_CR20181201: '0.0.0-none' }, [
    '--target',
    'dependencies',
  ]);
  t.not(status, 0);
  t.regex(stderr, /@alicloud[/%].*cr20181201/);
});

/** The files of an image below /app, but for its dependencies. */
function filesOf(image: string): readonly string[] {
  const list = `JSON.stringify(require('node:fs').readdirSync('/app', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map(({ parentPath, name }) => require('node:path').relative('/app', parentPath + '/' + name)))`;
  return JSON.parse(runOnce(image, ['--entrypoint', '/usr/local/bin/node'], '--print', list).stdout);
}

function optionsFor(port: number, directory: string): readonly string[] {
  return [
    '--env',
    `ACR_SCAN_EXPORTER_WEB_LISTEN_ADDRESS=127.0.0.1:${port}`,
    '--volume',
    `${directory}:${CONFIG_DIRECTORY}:ro`,
  ];
}

/** Starts a simulator; gives back a directory with the configuration of an exporter for it. */
async function configFor(t: ExecutionContext): Promise<string> {
  const directory = dirname(await configureSimulated(t, { repositories: [REPOSITORY] }));
  // The container's user is another one than the tests'.
  chmodSync(directory, 0o755);
  return directory;
}

/** One that nobody uses at this moment: the health check cannot find what port 0 became. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function isOk(url: string): Promise<true | undefined> {
  return fetch(url).then(
    ({ ok }) => ok || undefined,
    () => undefined,
  );
}
