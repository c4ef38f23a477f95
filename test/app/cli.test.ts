// The program as a process: flags, variables, exit status, and what it writes where.
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readOptions } from '../../src/flags.ts';
import {
  type ConfigurationInput,
  configurationFor,
  instanceAt,
  startSimulator,
  temporaryDirectory,
} from '../helpers/exporter.ts';
import { runInProcess, runProgram, startProgram } from '../helpers/program.ts';

function configFile(t: ExecutionContext, content: ConfigurationInput | string): string {
  const file = join(temporaryDirectory(t), 'config.yml');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** A configuration of which nothing is ever reached. */
const UNREACHABLE = configurationFor('127.0.0.1:9');

function lines(text: string): string[] {
  return text.split('\n').slice(0, -1);
}

test('--help lists every flag of the contract with its variable, on standard output', async (t) => {
  const { status, stdout, stderr } = await runInProcess(['--help']);
  t.is(status, 0);
  t.is(stderr, '');
  for (const [flag, variable] of [
    ['config.file', 'CONFIG_FILE'],
    ['web.listen-address', 'WEB_LISTEN_ADDRESS'],
    ['web.external-url', 'WEB_EXTERNAL_URL'],
    ['web.route-prefix', 'WEB_ROUTE_PREFIX'],
    ['web.telemetry-path', 'WEB_TELEMETRY_PATH'],
    ['web.enable-lifecycle', 'WEB_ENABLE_LIFECYCLE'],
    ['storage.path', 'STORAGE_PATH'],
    ['storage.interval', 'STORAGE_INTERVAL'],
    ['log.level', 'LOG_LEVEL'],
    ['log.format', 'LOG_FORMAT'],
  ]) {
    t.true(stdout.includes(`--${flag}`), flag);
    t.true(stdout.includes(`ACR_SCAN_EXPORTER_${variable}`), variable);
  }
  for (const flag of ['config.check', 'version', 'help']) t.true(stdout.includes(`--${flag}`), flag);
  for (const fallback of ['config/acr-scan-exporter.yml', ':20181', '/metrics', 'info', 'logfmt']) {
    t.true(stdout.includes(fallback), fallback);
  }
});

for (const flags of [
  ['-h'],
  ['--log.level=loud', '--help'],
  ['--nonsense', '-h'],
  ['--config.file', '--help'],
  ['argument', '--help'],
]) {
  test(`${flags.join(' ')} prints the help, whatever else is wrong`, async (t) => {
    const { stdout: help } = await runInProcess(['--help']);
    t.deepEqual(await runInProcess(flags), { status: 0, stdout: help, stderr: '' });
  });
}

test('--config.check says that the file is valid', async (t) => {
  const file = configFile(t, UNREACHABLE);
  const { status, stdout, stderr } = await runInProcess([`--config.file=${file}`, '--config.check']);
  t.is(status, 0);
  t.is(stderr, '');
  t.is(lines(stdout).at(-1), `${file} is valid.`);
});

/** Two credentials blocks that need five files and variables, of which there is none. */
const WITHOUT_SECRETS = configurationFor('127.0.0.1:9', {
  credentials: {
    type: 'sts',
    access_key_id_env: 'NO_ID',
    access_key_secret_env: 'constructor',
    security_token_file: 'none',
  },
  instances: [
    instanceAt('127.0.0.1:9'),
    instanceAt('127.0.0.1:9', {
      id: 'cri-2',
      credentials: { type: 'access_key', access_key_id_file: 'none', access_key_secret_file: 'none' },
    }),
  ],
});
const MISSING = [
  'credentials.access_key_id_env',
  'credentials.access_key_secret_env',
  'credentials.security_token_file',
  'instances[1].credentials.access_key_id_file',
  'instances[1].credentials.access_key_secret_file',
];

test('--config.check warns of every secret that is missing', async (t) => {
  const { status, stderr } = await runInProcess([`--config.file=${configFile(t, WITHOUT_SECRETS)}`, '--config.check']);
  t.is(status, 0);
  t.deepEqual(
    lines(stderr).map((line) => /^warning: (\S+): no such/.exec(line)?.[1]),
    MISSING,
  );
});

test.serial('one line at the start names every secret that is missing', async (t) => {
  const program = startProgram(t, [
    `--config.file=${configFile(t, WITHOUT_SECRETS)}`,
    '--web.listen-address=127.0.0.1:0',
  ]);
  const [line] = await program.logged(/^.*msg="secrets are missing".*$/m);
  t.regex(line, / count=5 /);
  for (const key of MISSING) t.true(line.includes(`${key}: no such`), line);
});

test.serial('an error that nothing has caught ends the process with one line and status 1', async (t) => {
  const failing = `process.on('SIGUSR2', () => Promise.reject(new Error('of the test, secret-of-the-tests')))`;
  const program = startProgram(t, [`--config.file=${configFile(t, UNREACHABLE)}`, '--web.listen-address=127.0.0.1:0'], {
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(failing)}` },
  });
  await program.logged(/msg="credentials in use"/);
  program.child.kill('SIGUSR2');
  t.is(await program.ended, 1);
  const [told, ...others] = lines(program.output.stderr).filter((line) => !line.includes('level=info'));
  t.deepEqual(
    others.filter((line) => !line.includes('level=warn')),
    [],
  );
  t.regex(told ?? '', /level=error msg="ended by an error of the exporter itself" error="Error: of the test.*\\n +at /);
  t.false(program.output.stderr.includes('secret-of-the-tests'));
});

test.serial('--version prints one line', async (t) => {
  const { status, stdout, stderr } = await runProgram(t, ['--version']);
  t.is(status, 0);
  t.is(stderr, '');
  t.regex(lines(stdout).join(), /^acr-scan-exporter \d+\.\d+\.\d+ /);
});

for (const [name, flags, found] of [
  ['an unknown flag', ['--config.fiel=x'], 'config.fiel'],
  ['an argument that is no flag', ['config.yml'], 'config.yml'],
  ['a flag without its value', ['--config.file'], 'config.file'],
  ['an empty path', ['--config.file='], '--config.file'],
  ['a switch with a value', ['--web.enable-lifecycle=yes'], 'web.enable-lifecycle'],
  ['an address without a port', ['--web.listen-address=localhost'], '--web.listen-address'],
  ['a port alone', ['--web.listen-address=20181'], '(did you mean ":20181"?)'],
  ['the second of two addresses', ['--web.listen-address=:0', '--web.listen-address=:x'], '":x"'],
  [
    'an address twice',
    ['--web.listen-address=:81', '--web.listen-address=:80', '--web.listen-address=:81'],
    '":81" twice',
  ],
  ['a port beyond 65535', ['--web.listen-address=:65536'], '--web.listen-address'],
  ['an IPv6 address without brackets', ['--web.listen-address=::1:80'], '--web.listen-address'],
  ['a telemetry path without a slash', ['--web.telemetry-path=metrics'], '--web.telemetry-path'],
  ['a telemetry path that is taken', ['--web.telemetry-path=/-/ready'], '--web.telemetry-path'],
  ['the start page as telemetry path', ['--web.telemetry-path=/'], '--web.telemetry-path'],
  ['an external URL without a scheme', ['--web.external-url=example.com/acr'], '--web.external-url'],
  ['an external URL in quotes', ["--web.external-url='https://example.com'"], 'https://HOST/PATH'],
  ['an external URL with a path to encode', ['--web.external-url=https://example.com/扫描'], '%E6%89%AB'],
  ['a prefix that no client can send', ['--web.route-prefix=/a b'], '--web.route-prefix'],
  ['a prefix with dot segments', ['--web.route-prefix=/a/../b'], '/a/../b'],
  ['a save interval that is no duration', ['--storage.interval=30'], '--storage.interval'],
  ['a save interval of less than a second', ['--storage.interval=999ms'], 'at least 1s'],
  ['a look at the file more often than each second', ['--config.auto-reload-interval=0.5s'], 'at least 1s'],
  ['an unknown log level', ['--log.level=verbose'], '--log.level'],
  ['an unknown log format', ['--log.format=xml'], '--log.format'],
] as const) {
  test(`${name} is a usage error: one line, status 2`, async (t) => {
    const { status, stdout, stderr } = await runInProcess(flags);
    t.is(status, 2, stderr);
    t.is(stdout, '');
    t.is(lines(stderr).length, 1, stderr);
    t.true(stderr.includes(found), stderr);
  });
}

test('a variable that does not fit is a usage error that names it', async (t) => {
  for (const [variable, value] of [
    ['ACR_SCAN_EXPORTER_WEB_ENABLE_LIFECYCLE', 'maybe'],
    ['ACR_SCAN_EXPORTER_LOG_LEVEL', 'loud'],
    ['ACR_SCAN_EXPORTER_STORAGE_INTERVAL', 'often'],
    ['ACR_SCAN_EXPORTER_WEB_LISTEN_ADDRESS', '20181'],
  ] as const) {
    const { status, stderr } = await runInProcess([], { [variable]: value });
    t.is(status, 2);
    t.true(stderr.includes(variable) && stderr.includes(value), stderr);
  }
});

test('a password in the external URL is not repeated', async (t) => {
  const { status, stderr } = await runInProcess(['--web.external-url=https://admin:hunter2@example.com/acr']);
  t.is(status, 2);
  t.true(stderr.includes('example.com/acr'), stderr);
  t.false(/admin|hunter2/.test(stderr), stderr);
});

test('the prefix is the path of the external URL, unless a prefix is given', (t) => {
  const read = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { externalUrl, routePrefix } = readOptions({ argv, env }, []);
    return [externalUrl, routePrefix];
  };
  const url = '--web.external-url=https://example.com/acr/';
  t.deepEqual(read([]), ['', '']);
  t.deepEqual(read([url]), ['https://example.com/acr', '/acr']);
  t.deepEqual(read([url, '--web.route-prefix=/']), ['https://example.com/acr', '']);
  t.deepEqual(read([url, '--web.route-prefix=inside/']), ['https://example.com/acr', '/inside']);
  t.deepEqual(read([url, '--web.route-prefix=']), ['https://example.com/acr', '/acr']);
  t.deepEqual(read(['--web.external-url=https://example.com/扫描', '--web.route-prefix=/']).at(-1), '');
  t.deepEqual(read(['--web.external-url=/acr']), ['/acr', '/acr']);
  t.deepEqual(read(['--web.route-prefix=/acr']), ['', '/acr']);
  const variables = {
    ACR_SCAN_EXPORTER_WEB_EXTERNAL_URL: 'https://example.com/acr',
    ACR_SCAN_EXPORTER_WEB_ROUTE_PREFIX: '/',
  };
  t.deepEqual(read([], variables), ['https://example.com/acr', '']);
  t.deepEqual(read(['--web.route-prefix=/flag'], variables), ['https://example.com/acr', '/flag']);
});

test('what cannot be seen in a command line is shown as an escape', async (t) => {
  for (const argument of ['--log.level=a\u0085\u202eb', '--a\u0085\u202eb']) {
    const { status, stderr } = await runInProcess([argument]);
    t.is(status, 2);
    t.true(stderr.includes('a\\u0085\\u202eb'), stderr);
  }
});

test('a bad configuration: status 1, one line a problem, no stack', async (t) => {
  const file = configFile(t, 'instances: 5\nintervalls: {}\n');
  for (const flags of [[], ['--config.check']]) {
    const { status, stdout, stderr } = await runInProcess([`--config.file=${file}`, ...flags]);
    t.is(status, 1);
    t.is(stdout, '');
    t.deepEqual(
      lines(stderr).map((line) => line.startsWith(`${file}:`)),
      [true, true],
      stderr,
    );
    t.notRegex(stderr, /\n +at |Error:/);
  }
});

test('all problems of an invalid configuration and an invalid web configuration are written at once', async (t) => {
  const [bad, good] = [configFile(t, 'instances: 5\nintervalls: {}\n'), configFile(t, UNREACHABLE)];
  const [badWeb, goodWeb] = [configFile(t, 'tls_server_config: 5\nusers: {}\n'), configFile(t, '{}\n')];
  const places = (stderr: string) => lines(stderr).map((line) => line.replace(/:\d+: .*/, ''));
  const ofBoth = [`${bad}:1`, `${bad}:2`, `${badWeb}:1`, `${badWeb}:2`];
  for (const flags of [[], ['--config.check']]) {
    for (const [config, web, expected] of [
      [bad, badWeb, ofBoth],
      [bad, goodWeb, ofBoth.slice(0, 2)],
      [good, badWeb, ofBoth.slice(2)],
    ] as const) {
      const files = [`--config.file=${config}`, `--web.config.file=${web}`];
      const { status, stdout, stderr } = await runInProcess([...files, ...flags]);
      t.is(status, 1);
      t.is(stdout, '');
      t.deepEqual(places(stderr), expected);
    }
  }
});

test('of many problems the first 100 are written, then how many more', async (t) => {
  const tags = Array.from({ length: 150 }, (_, n) => ({ tag: `v${n}`, digest: 'wrong' }));
  const file = configFile(t, {
    instances: [{ id: 'cri-1', region: 'cn-hangzhou', repositories: [{ id: 'crr-1', tags }] }],
  });
  const { status, stderr } = await runInProcess([`--config.file=${file}`]);
  t.is(status, 1);
  t.is(lines(stderr).length, 101);
  t.regex(lines(stderr)[100] ?? '', /\b50 more\b/);
});

test.serial('the process ends with these statuses, and writes nothing else', async (t) => {
  const bad = configFile(t, 'instances: 5\n');
  const good = configFile(t, UNREACHABLE);
  for (const [flags, expected] of [
    [['--log.level=verbose'], 2],
    [[`--config.file=${bad}`], 1],
    [[`--config.file=${good}`, '--config.check'], 0],
  ] as const) {
    const { status, stdout, stderr } = await runProgram(t, flags);
    const inProcess = await runInProcess(flags);
    t.deepEqual({ status, stdout, stderr }, inProcess);
    t.is(status, expected);
  }
});

for (const [name, flags, env] of [
  ['flags', ['--web.listen-address=127.0.0.1:0', '--web.listen-address=[::1]:0'], {}],
  ['a variable with commas', [], { ACR_SCAN_EXPORTER_WEB_LISTEN_ADDRESS: '127.0.0.1:0, [::1]:0' }],
  ['localhost, with one port', ['--web.listen-address=localhost:0'], {}],
] as const) {
  test.serial(`all addresses of ${name} are logged and served`, async (t) => {
    const program = startProgram(t, [`--config.file=${configFile(t, UNREACHABLE)}`, ...flags], { env });
    await program.logged(/msg="polling"/);
    const addresses = [...program.output.stderr.matchAll(/msg="?listening"? address="?([^\s"]+)"?/g)].map(
      ([, it]) => it ?? '',
    );
    t.deepEqual(
      addresses.map((address) => address.replace(/\d+$/, 'PORT')),
      ['127.0.0.1:PORT', '[::1]:PORT'],
    );
    for (const address of addresses) t.is((await fetch(`http://${address}/-/healthy`)).status, 200);
    if (name.startsWith('localhost')) t.is(new Set(addresses.map((address) => address.split(':').at(-1))).size, 1);
    program.child.kill('SIGTERM');
    t.is(await program.ended, 0);
  });
}

test('a missing file is a problem like another', async (t) => {
  const file = join(temporaryDirectory(t), 'none.yml');
  const { status, stderr } = await runInProcess([`--config.file=${file}`]);
  t.is(status, 1);
  t.is(lines(stderr).length, 1);
  t.true(stderr.startsWith(`${file}:1:1: `), stderr);
});

test.serial(
  'one of two addresses that is taken: status 1, one line that names it, and no address is said to be served',
  async (t) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    t.teardown(() => new Promise<void>((resolve) => taken.close(() => resolve())));
    const { port } = taken.address() as AddressInfo;
    const addresses = ['--web.listen-address=127.0.0.1:0', `--web.listen-address=127.0.0.1:${port}`];
    const { status, stderr } = await runProgram(t, [`--config.file=${configFile(t, UNREACHABLE)}`, ...addresses]);
    t.is(status, 1);
    t.is(lines(stderr).length, 1, stderr);
    t.true(stderr.includes(`EADDRINUSE: address already in use 127.0.0.1:${port}`), stderr);
  },
);

test.serial('a port that is taken: status 1, one line that says so', async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => taken.close(() => resolve())));
  const { port } = taken.address() as AddressInfo;
  const flags = [`--config.file=${configFile(t, UNREACHABLE)}`, `--web.listen-address=127.0.0.1:${port}`];
  const { status, stderr } = await runProgram(t, flags);
  t.is(status, 1);
  t.is(lines(stderr).length, 1, stderr);
  t.true(stderr.includes('EADDRINUSE') && stderr.includes(String(port)), stderr);
});

test('--config.check prints the plan to standard output and warnings to standard error, and sends no request', async (t) => {
  const simulator = await startSimulator(t);
  const missing = join(temporaryDirectory(t), 'no-such-secret');
  const file = configFile(
    t,
    configurationFor(simulator.address, {
      credentials: { type: 'access_key', access_key_id: 'LTAI-test', access_key_secret_file: missing },
      rate_limit: { requests_per_second: 1 },
      intervals: { scanning: '100ms', complete: '100ms' },
    }),
  );
  const { status, stdout, stderr } = await runInProcess([`--config.file=${file}`, '--config.check']);
  t.is(status, 0);
  t.regex(stdout, /default +1 /);
  t.regex(stdout, /10\/s +1\/s/);
  t.is(lines(stderr).length, 2, stderr);
  t.true(lines(stderr).every((line) => line.startsWith('warning: ')));
  t.regex(stderr, /access_key_secret_file: no such file/);
  t.regex(stderr, /ask for 10 requests a second/);
  t.is(simulator.requests().length, 0);
});

test.serial('a flag beats a variable, which beats the default; variables that are not ours are ignored', async (t) => {
  const directory = temporaryDirectory(t);
  const program = startProgram(t, ['--web.telemetry-path=/from-flag'], {
    cwd: directory,
    env: {
      ACR_SCAN_EXPORTER_CONFIG_FILE: configFile(t, UNREACHABLE),
      ACR_SCAN_EXPORTER_WEB_LISTEN_ADDRESS: '127.0.0.1:0',
      ACR_SCAN_EXPORTER_WEB_TELEMETRY_PATH: '/from-variable',
      ACR_SCAN_EXPORTER_WEB_ENABLE_LIFECYCLE: 'true',
      ACR_SCAN_EXPORTER_LOG_FORMAT: 'json',
      ACR_SCAN_EXPORTER_PORT: 'tcp://10.0.0.1:20181',
      ACR_SCAN_EXPORTER_SERVICE_HOST: '10.0.0.1',
      ACR_SCAN_EXPORTER_CONFIG_CHECK: 'true',
    },
  });
  const address = await program.listening();
  t.regex(address, /^127\.0\.0\.1:\d+$/);
  t.is((await fetch(`http://${address}/from-flag`)).status, 200);
  t.is((await fetch(`http://${address}/from-variable`)).status, 404);
  t.is((await fetch(`http://${address}/-/reload`, { method: 'POST' })).status, 200);
  for (const line of lines(program.output.stderr)) t.is(typeof JSON.parse(line).msg, 'string');
  program.child.kill('SIGTERM');
  t.is(await program.ended, 0);
});

for (const [given, shown, reached] of [
  ['127.0.0.1:0', /^127\.0\.0\.1:(\d+)$/, '127.0.0.1'],
  ['[::1]:0', /^\[::1\]:(\d+)$/, '[::1]'],
  [':0', /^(?:\[::\]|0\.0\.0\.0):(\d+)$/, '127.0.0.1'],
] as const) {
  test.serial(`with --web.listen-address=${given} it says where it listens, and answers there`, async (t) => {
    const flags = [`--config.file=${configFile(t, UNREACHABLE)}`, `--web.listen-address=${given}`];
    const program = startProgram(t, flags);
    const [, port] = shown.exec(await program.listening()) ?? [];
    t.truthy(port, program.output.stderr);
    t.is((await fetch(`http://${reached}:${port}/-/healthy`)).status, 200);
    t.is(lines(program.output.stderr).filter((line) => line.includes('msg="listening"')).length, 1);
    t.is(program.output.stdout, '');
  });
}
