// Which way requests go: what the log says at the start, what `--config.check` says, and instances that differ from the others.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  type ConfigurationInput,
  configurationFor,
  instanceAt,
  startExporter,
  startSimulator,
  temporaryDirectory,
} from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';
import { runInProcess } from '../helpers/program.ts';
import { closedHost } from '../helpers/raw-server.ts';

const VARIABLES = { HTTPS_PROXY: 'http://me:pr0xy-pass@proxy.example.com:3128', no_proxy: '.internal' };
const UNUSED = 'HTTPS_PROXY is set but not used: proxy_from_environment: true uses it';
const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: ['latest'] }];

/** What `--config.check` writes about a configuration with these keys. */
async function check(t: ExecutionContext, keys: ConfigurationInput, env: Readonly<Record<string, string>> = {}) {
  const file = join(temporaryDirectory(t), 'config.yml');
  const instances = [{ id: 'cri-1', region: 'cn-hangzhou', repositories }];
  writeFileSync(file, JSON.stringify({ credentials: { type: 'ecs_ram_role' }, instances, ...keys }));
  const { status, stdout, stderr } = await runInProcess([`--config.file=${file}`, '--config.check'], env);
  t.is(status, 0, stderr);
  t.notRegex(stdout + stderr, /pr0xy/);
  return { ways: stdout.match(/^Requests.*$/gm), warnings: stderr.trimEnd() };
}

for (const [what, keys] of [
  ['proxy_from_environment: false', { proxy_from_environment: false }],
  ['an empty proxy_url', { proxy_url: '' }],
] as const)
  test(`an instance with ${what} is reached directly where a proxy is set for all`, async (t) => {
    const simulated = ['cri-1', 'cri-2'].map((id) => ({
      id,
      repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: [{ tag: 'latest', status: 'COMPLETE' }] }],
    }));
    const { address } = await startSimulator(t, { instances: simulated });
    const instances = [instanceAt(address), instanceAt(address, { id: 'cri-2', ...keys })];
    const { until } = await startExporter(
      t,
      configurationFor(address, { proxy_url: `http://${await closedHost()}`, instances }),
    );
    const labels = { repo_namespace: 'shop', repo_name: 'api', tag: 'latest' };
    const outcome = (page: ParsedPage, id: string) =>
      page.value('acr_scan_tag_poll_success', { ...labels, instance_id: id });
    const page = await until('both instances were polled', (each) =>
      ['cri-1', 'cri-2'].every((id) => outcome(each, id) !== undefined),
    );
    t.is(page.value('acr_scan_tag_last_error_info', { ...labels, instance_id: 'cri-1', code: 'ProxyFailure' }), 1);
    t.is(outcome(page, 'cri-2'), 1);
  });

test('variables of a proxy that are set and not used are one line at the start, without their values', async (t) => {
  const { address } = await startSimulator(t);
  const lines = async (keys: ConfigurationInput, env: Readonly<Record<string, string>>) => {
    const { log } = await startExporter(t, configurationFor(address, keys), { env });
    t.notRegex(log.join(''), /pr0xy/);
    return log.filter((line) => /is set|are set/.test(line)).map((line) => line.replace(/^ts=\S+ /, '').trimEnd());
  };
  t.deepEqual(await lines({}, VARIABLES), [`level=info msg="${UNUSED}"`]);
  const both = { http_proxy: 'http://proxy.example.com:3128', HTTP_PROXY: '', https_proxy: 'proxy.example.com' };
  t.deepEqual(await lines({}, both), [
    'level=info msg="https_proxy, http_proxy are set but not used: proxy_from_environment: true uses them"',
  ]);
  t.deepEqual(await lines({}, { NO_PROXY: '*' }), []);
  t.deepEqual(await lines({ proxy_from_environment: true }, VARIABLES), []);
});

test('--config.check warns of variables of a proxy that are not used, unless an instance uses them', async (t) => {
  t.deepEqual(await check(t, {}, VARIABLES), {
    ways: ['Requests: directly, without a proxy'],
    warnings: `warning: ${UNUSED}`,
  });
  t.deepEqual(await check(t, { proxy_from_environment: true }, VARIABLES), {
    ways: ['Requests: through the proxy http://proxy.example.com:3128 (proxy_from_environment)'],
    warnings: '',
  });
});

test('--config.check warns of each instance whose certificate is not checked', async (t) => {
  const instances = [1, 2].map((id) => ({ id: `cri-${id}`, region: 'cn-hangzhou', repositories }));
  const [first, second] = instances;
  const warning = (ids: string) =>
    `warning: insecure_skip_verify: any certificate of the API is accepted for ${ids}: use tls.ca_file instead`;
  const tls = { insecure_skip_verify: true };
  t.is((await check(t, { tls, instances })).warnings, warning('cri-1, cri-2'));
  t.is((await check(t, { instances: [first, { ...second, tls }] })).warnings, warning('cri-2'));
  t.is((await check(t, { tls, instances: [first, { ...second, tls: {} }] })).warnings, warning('cri-1'));
});

test('--config.check says which way the requests of each instance go, and does not read files for it', async (t) => {
  const ways: readonly (readonly [ConfigurationInput, string])[] = [
    [{}, 'through the proxy http://proxy.example.com:3128'],
    [{ proxy_from_environment: false }, 'directly, without a proxy'],
    [{ proxy_from_environment: true }, 'directly: proxy_from_environment is true, but no variable with a proxy is set'],
    [{ proxy_url_file: 'absent' }, 'through the proxy in the file PATH (proxy_url_file)'],
    [{ proxy_url_env: 'COMPANY_PROXY' }, 'through the proxy in the variable COMPANY_PROXY (proxy_url_env)'],
    [
      { proxy_url: 'https://10.0.0.7:8443', no_proxy: 'aliyuncs.com' },
      'directly, because of no_proxy: cr.cn-hangzhou.aliyuncs.com',
    ],
  ];
  const instances = ways.map(([keys], index) => ({ id: `cri-${index}`, region: 'cn-hangzhou', repositories, ...keys }));
  const found = await check(t, { proxy_url: 'http://me:pr0xy-pass@proxy.example.com:3128', instances });
  t.deepEqual(
    found.ways?.map((line) => line.replace(/\/\S*absent/, 'PATH')).toSorted(),
    ways.map(([, way], index) => `Requests of cri-${index}: ${way}`),
  );
});
