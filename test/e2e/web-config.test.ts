// The web configuration beside Prometheus' own: promtool judges files as we do, curl and Prometheus scrape over TLS with certificates and
// passwords, and neither loses a scrape while both are changed.
import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { hashSync } from 'bcryptjs';
import { ConfigError } from '../../src/util/yaml/problems.ts';
import { loadWebSettings } from '../../src/web/access/load.ts';
import { startExporter, temporaryDirectory } from './helpers/exporter.ts';
import { run } from './helpers/program.ts';
import { Prometheus } from './helpers/prometheus.ts';
import { until } from './helpers/until.ts';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const HASH = hashSync('secret', 10);
const TLS = 'cert_file: server.crt, key_file: server.key';

function openssl(directory: string, ...args: readonly string[]): void {
  const { status, stderr } = run('openssl', args, { cwd: directory });
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
}

/** Makes NAME.crt and NAME.key, signed by an authority of the same directory or by itself. */
function makeCertificate(directory: string, name: string, authority?: string): void {
  const signer = authority === undefined ? [] : ['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`];
  const names = authority === undefined ? [] : ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const certificate = ['-subj', `/CN=${name}`, '-days', '2', '-keyout', `${name}.key`, '-out', `${name}.crt`];
  openssl(directory, 'req', '-x509', ...NEW_KEY, ...certificate, ...names, ...signer);
}

/** Two authorities, of which the second knows nobody here; the server's and the clients' certificates. */
function makeCertificates(t: ExecutionContext): string {
  const directory = temporaryDirectory(t);
  makeCertificate(directory, 'authority');
  makeCertificate(directory, 'other-authority');
  for (const name of ['server', 'next-server', 'client']) makeCertificate(directory, name, 'authority');
  makeCertificate(directory, 'stranger', 'other-authority');
  return directory;
}

const GOOD = [
  '',
  '{}',
  '# nothing',
  'tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n',
  'tls_server_config: { min_version: TLS12 }',
  '~',
  'tls_server_config: ~\nhttp_server_config: Null\nbasic_auth_users: NULL\n',
  'tls_server_config: { cert_file: ~, key_file: null }',
  "tls_server_config: { cert_file: '', key_file: '' }",
  `tls_server_config: { ${TLS} }`,
  `tls_server_config: { ${TLS}, min_version: TLS10, max_version: TLS13, prefer_server_cipher_suites: no }`,
  `tls_server_config: { ${TLS}, min_version: , cipher_suites: [], curve_preferences: [] }`,
  `tls_server_config: { ${TLS}, client_auth_type: ~, min_version: ~, cipher_suites: ~, curve_preferences: ~ }`,
  `tls_server_config: { ${TLS}, curve_preferences: [CurveP256, CurveP256] }`,
  `tls_server_config: { ${TLS}, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA] }`,
  `tls_server_config: { ${TLS}, cipher_suites: [TLS_AES_128_GCM_SHA256], curve_preferences: [CurveP256, X25519] }`,
  ...['NoClientCert', 'RequestClientCert', 'RequireClientCert', 'RequireAnyClientCert'].map(
    (type) => `tls_server_config: { ${TLS}, client_auth_type: ${type} }`,
  ),
  ...['VerifyClientCertIfGiven', 'RequireAndVerifyClientCert'].map(
    (type) => `tls_server_config: { ${TLS}, client_auth_type: ${type}, client_ca_file: authority.crt }`,
  ),
  'http_server_config: { http2: ~, headers: ~ }',
  'http_server_config: { http2: off, headers: { X-Frame-Options: deny, Strict-Transport-Security: max-age=1 } }',
  "http_server_config: { http2: false, headers: { Content-Security-Policy: '', X-XSS-Protection: 1 } }",
  `basic_auth_users: { alice: '${HASH}', bob: '${HASH.replace('$2b$', '$2y$')}', carol: '${HASH.replace('$2b$', '$2a$')}' }`,
];

const BAD = [
  '[]',
  'text',
  '"~"',
  'tls_config: {}',
  'tls_server_config: {',
  'tls_server_config: []',
  'tls_server_config: { cert_file: server.crt }',
  'tls_server_config: { key_file: server.key }',
  'tls_server_config: { client_auth_type: NoClientCert }',
  'tls_server_config: { client_ca_file: authority.crt }',
  'tls_server_config: { cert_file: none.crt, key_file: server.key }',
  'tls_server_config: { cert_file: ., key_file: server.key }',
  'tls_server_config: { cert_file: server.key, key_file: server.key }',
  'tls_server_config: { cert_file: server.crt, key_file: server.crt }',
  'tls_server_config: { cert_file: server.crt, key_file: client.key }',
  `tls_server_config: { ${TLS}, cert_flie: x }`,
  `tls_server_config: { ${TLS}, client_auth_type: Always }`,
  `tls_server_config: { ${TLS}, client_ca_file: authority.crt }`,
  `tls_server_config: { ${TLS}, client_ca_file: none.crt, client_auth_type: RequireAnyClientCert }`,
  `tls_server_config: { ${TLS}, min_version: SSL3 }`,
  `tls_server_config: { ${TLS}, min_version: '' }`,
  `tls_server_config: { ${TLS}, cipher_suites: TLS_AES_128_GCM_SHA256 }`,
  `tls_server_config: { ${TLS}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA] }`,
  `tls_server_config: { ${TLS}, curve_preferences: [P256] }`,
  `tls_server_config: { ${TLS} }\ntls_server_config: { ${TLS} }`,
  'http_server_config: { http2: maybe }',
  'http_server_config: { headers: { Server: x } }',
  'http_server_config: { headers: { x-frame-options: deny } }',
  'http_server_config: { headers: { X-Frame-Options: } }',
  'http_server_config: { headers: { X-Content-Type-Options: sniff } }',
  'http_server_config: { headers: { X-Frame-Options: ~ } }',
  'basic_auth_users: "~"',
  'basic_auth_users: nUll',
  'basic_auth_users: { alice: ~ }',
  'basic_auth_users: [alice]',
  'basic_auth_users: { alice: }',
  'basic_auth_users: { alice: secret }',
  `basic_auth_users: { alice: '${HASH.replace('$10$', '$03$')}' }`,
];

test('promtool and the exporter judge web configuration files the same', (t) => {
  const directory = makeCertificates(t);
  const file = join(directory, 'web.yml');
  for (const [texts, isGood] of [
    [GOOD, true],
    [BAD, false],
  ] as const) {
    for (const text of texts) {
      writeFileSync(file, text);
      const judgement = run('promtool', ['check', 'web-config', file]);
      t.is(judgement.status === 0, isGood, `promtool of ${text}: ${judgement.stdout}${judgement.stderr}`);
      t.is(isUnderstood(file), isGood, `the exporter of ${text}`);
    }
  }
});

function isUnderstood(file: string): boolean {
  try {
    loadWebSettings(file);
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

test('a bad file ends the program with its problems and status 1, at a start and in a check', (t) => {
  const file = join(temporaryDirectory(t), 'web.yml');
  writeFileSync(file, 'tls_server_config: { cert_file: none.crt }\nbasic_auth_users: { alice: hunter2 }\n');
  for (const flags of [[], ['--config.check']]) {
    const config = '--config.file=config/acr-scan-exporter.yml';
    const { status, stderr } = run(process.execPath, ['dist/bin.js', config, `--web.config.file=${file}`, ...flags]);
    t.is(status, 1);
    t.regex(stderr, /web\.yml:1:33: tls_server_config\.cert_file: expected a file that can be read, found none\n/);
    t.regex(stderr, /web\.yml:2:28: basic_auth_users\.alice: expected a bcrypt hash/);
    t.notRegex(stderr, /hunter2|at .*\.js/);
  }
});

const STRICT = `tls_server_config: { ${TLS}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: authority.crt }\n`;

async function startLocked(t: ExecutionContext, users: readonly string[]) {
  const directory = makeCertificates(t);
  const at = (name: string) => join(directory, name);
  const write = (names: readonly string[]) => {
    writeFileSync(at('web.new'), `${STRICT}basic_auth_users:\n${names.map((name) => `  ${name}: ${HASH}\n`).join('')}`);
    renameSync(at('web.new'), at('web.yml'));
  };
  write(users);
  const exporter = await startExporter(t, {
    repositories: [{ namespace: 'shop', name: 'api', tags: { latest: 'COMPLETE' } }],
    webConfigFile: at('web.yml'),
  });
  return { ...exporter, at, write };
}

type Locked = Awaited<ReturnType<typeof startLocked>>;

/** The status that curl gets; 0 when there is no HTTP at all. */
function curl({ metricsUrl, at }: Locked, certificate: string | undefined, ...args: readonly string[]): number {
  const own = certificate === undefined ? [] : ['--cert', at(`${certificate}.crt`), '--key', at(`${certificate}.key`)];
  const report = ['--silent', '--output', '/dev/null', '--write-out', '%{http_code}'];
  return Number(run('curl', [...report, '--cacert', at('authority.crt'), ...own, ...args, metricsUrl]).stdout);
}

test('curl gets in with certificate and password, and not without either', async (t) => {
  const locked = await startLocked(t, ['alice']);
  t.is(curl(locked, 'client', '--user', 'alice:secret'), 200);
  t.is(curl(locked, 'client', '--user', 'alice:secret', '--tls-max', '1.2'), 200);
  t.is(curl(locked, 'client', '--user', 'alice:secret', '--http2'), 200);
  t.is(curl(locked, 'client', '--user', 'alice:wrong'), 401);
  t.is(curl(locked, 'client', '--user', 'bob:secret'), 401);
  t.is(curl(locked, 'client'), 401);
  t.is(curl(locked, 'stranger', '--user', 'alice:secret'), 0);
  t.is(curl(locked, undefined, '--user', 'alice:secret'), 0);
  t.is(curl(locked, 'client', '--user', 'alice:secret', '--tls-max', '1.1'), 0);
});

function accessOf({ at }: Locked, user: string, certificate = 'client', password = 'secret') {
  return {
    basic_auth: { username: user, password },
    tls_config: {
      ca_file: at('authority.crt'),
      cert_file: at(`${certificate}.crt`),
      key_file: at(`${certificate}.key`),
    },
  };
}

test('Prometheus loses no scrape while certificate and users change, and those who should not get none', async (t) => {
  t.timeout(180_000);
  const locked = await startLocked(t, ['alice']);
  const { metricsUrl, at, write, program } = locked;
  const alice = await Prometheus.start(t, metricsUrl, accessOf(locked, 'alice'));
  const stranger = await Prometheus.start(t, metricsUrl, accessOf(locked, 'alice', 'stranger'));
  const guesser = await Prometheus.start(t, metricsUrl, accessOf(locked, 'alice', 'client', 'wrong'));
  copyFileSync(at('next-server.crt'), at('server.crt'));
  await sleep(2_500);
  copyFileSync(at('next-server.key'), at('server.key'));
  write(['alice', 'bob']);
  const bob = await Prometheus.start(t, metricsUrl, accessOf(locked, 'bob'));
  await program.outputMatch(/(web configuration reloaded)/);
  const served = run('curl', ['--silent', '--verbose', '--cacert', at('authority.crt'), metricsUrl]);
  t.regex(served.stderr, /CN=next-server/);
  await sleep(5_000);
  for (const prometheus of [alice, bob]) t.is(await prometheus.value('min_over_time(up[1m])'), 1);
  for (const prometheus of [stranger, guesser]) t.is(await prometheus.value('max_over_time(up[1m])'), 0);
  t.regex((await guesser.targets())[0]?.lastError ?? '', /401/);
  t.regex(program.stderr, /web configuration not reloaded/);

  write(['bob']);
  await until(
    'alice is refused',
    20_000,
    async () => /401/.test((await alice.targets())[0]?.lastError ?? '') || undefined,
  );
  t.is(await bob.value('min_over_time(up[1m])'), 1);
});
