// Polls through a real proxy with a password, Debian's tinyproxy: plain HTTP is forwarded, HTTPS goes through a tunnel, and its failures have a
// code of their own. No output has the password.
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { configureSimulated, temporaryDirectory } from './helpers/exporter.ts';
import { Program, run } from './helpers/program.ts';
import { until } from './helpers/until.ts';

const PASSWORD = 'pr0xy-pass-word';
const TLS = new URL('../fixtures/tls/', import.meta.url);
const setup = { repositories: [{ namespace: 'shop', name: 'api', tags: { v1: 'COMPLETE' } }] };

/** A port on loopback on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A proxy that asks for a password; `log` is the path of its log. */
async function startProxy(t: ExecutionContext) {
  const directory = temporaryDirectory(t);
  const port = await freePort();
  const [config, log] = [join(directory, 'tinyproxy.conf'), join(directory, 'log')];
  const lines = [`Port ${port}`, 'Listen 127.0.0.1', 'Timeout 60', `LogFile "${log}"`, 'LogLevel Connect'];
  writeFileSync(config, [...lines, `BasicAuth me ${PASSWORD}`, ''].join('\n'));
  writeFileSync(log, '');
  const program = await Program.start(t, 'tinyproxy', ['-d', '-c', config]);
  await until(
    'a proxy that listens',
    10_000,
    () =>
      new Promise<true | undefined>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => resolve(true));
        socket.on('error', () => resolve(undefined)).on('connect', () => socket.destroy());
      }),
  );
  return { program, host: `127.0.0.1:${port}`, log: () => readFileSync(log, 'utf8') };
}

type Changes = Readonly<Record<string, unknown>>;

/** An exporter for the simulator with these keys. */
async function startWith(t: ExecutionContext, keys: Changes, ofInstance: Changes = {}) {
  const file = await configureSimulated(t, setup);
  const { instances, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
  const backoff = { initial: '200ms', max: '200ms' };
  writeFileSync(file, JSON.stringify({ ...rest, ...keys, backoff, instances: [{ ...instances[0], ...ofInstance }] }));
  const program = await Program.start(t, process.execPath, [
    'dist/bin.js',
    `--config.file=${file}`,
    '--web.listen-address=127.0.0.1:0',
    '--log.level=debug',
  ]);
  const url = `http://${await program.outputMatch(/msg="listening" address=(\S+)/)}`;
  const page = async (path: string) => (await fetch(`${url}${path}`)).text();
  const shows = (pattern: RegExp) =>
    until(`${pattern} in the metrics`, 30_000, async () => pattern.test(await page('/metrics')) || undefined);
  const outputs = async () => {
    const check = run(process.execPath, ['dist/bin.js', `--config.file=${file}`, '--config.check.online']);
    const pages = await Promise.all(['/metrics', '/', '/api/v1/targets'].map(page));
    const { stdout } = run('ps', ['-A', '-o', 'args=']);
    return [program.stdout, program.stderr, check.stdout, check.stderr, stdout, ...pages].join('\n');
  };
  return { program, shows, outputs };
}

const SUCCESS = /^acr_scan_tag_poll_success\{.*\} 1$/m;
const PROXY_FAILURE = /^acr_scan_tag_last_error_info\{.*code="ProxyFailure".*\} 1$/m;

test('a proxy with a password forwards plain HTTP, and no output has the password', async (t) => {
  const proxy = await startProxy(t);
  const exporter = await startWith(t, { proxy_url: `http://me:${PASSWORD}@${proxy.host}` });
  await exporter.shows(SUCCESS);
  t.regex(proxy.log(), /POST http:\/\/127\.0\.0\.1:\d+\//);
  const outputs = await exporter.outputs();
  t.true(outputs.includes(`through the proxy http://${proxy.host}`));
  t.regex(outputs, /^ok {6}credentials default$/m);
  for (const secret of [PASSWORD, Buffer.from(`me:${PASSWORD}`).toString('base64')]) t.false(outputs.includes(secret));
});

test('a wrong password is a ProxyFailure that does not show it', async (t) => {
  const proxy = await startProxy(t);
  const file = join(temporaryDirectory(t), 'proxy');
  writeFileSync(file, `http://me:wrong-${PASSWORD}@${proxy.host}\n`);
  const exporter = await startWith(t, { proxy_url_file: file });
  await exporter.shows(PROXY_FAILURE);
  const outputs = await exporter.outputs();
  t.regex(
    outputs,
    /ProxyFailure: the proxy http:\/\/127\.0\.0\.1:\d+ answered HTTP 40[17]: its user and password are missing or wrong/,
  );
  t.false(outputs.includes(PASSWORD));
  writeFileSync(file, `http://me:${PASSWORD}@${proxy.host}\n`);
  await exporter.shows(SUCCESS);
});

test('HTTPS goes through a tunnel of the proxy, with the certificate in ca_file, and fails when the proxy is down', async (t) => {
  const answer = JSON.stringify({ Status: 'COMPLETE', Code: 'success', IsSuccess: true, RequestId: 'BC648259' });
  const identity = {
    key: readFileSync(new URL('self-signed.key', TLS)),
    cert: readFileSync(new URL('self-signed.crt', TLS)),
  };
  const api = createHttps(identity, (_, response) => response.end(answer)).listen(0, '127.0.0.1');
  await once(api, 'listening');
  t.teardown(() => {
    api.closeAllConnections();
    api.close();
  });
  const proxy = await startProxy(t);
  const keys = {
    proxy_url: `http://me:${PASSWORD}@${proxy.host}`,
    tls: { ca_file: fileURLToPath(new URL('self-signed.crt', TLS)) },
    vulnerabilities: false,
    intervals: { complete: '200ms' },
  };
  const { port } = api.address() as AddressInfo;
  const exporter = await startWith(t, keys, { endpoint: `https://localhost:${port}` });
  await exporter.shows(SUCCESS);
  t.true(proxy.log().includes(`CONNECT localhost:${port}`));
  proxy.program.signal('SIGKILL', 'group');
  await exporter.shows(PROXY_FAILURE);
  t.false((await exporter.outputs()).includes(PASSWORD));
});
