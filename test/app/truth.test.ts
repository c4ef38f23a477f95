// What /metrics shows is what the simulator knows: tags by their truth, counters by its log of requests.
import test, { type ExecutionContext } from 'ava';
import type { LoggedRequest } from '../../src/simulator/request-log.ts';
import {
  type ConfigurationInput,
  configurationFor,
  instanceAt,
  type RunningSimulator,
  startExporter,
  startSimulator,
} from '../helpers/exporter.ts';
import type { ParsedPage, Sample } from '../helpers/exposition.ts';
import { errors, errorsOf, lastSuccess, POLL, since, status, success } from '../helpers/tag-series.ts';

const STATUSES = ['SCANNING', 'RETRYING', 'COMPLETE', 'FAILED'];
const LONG = { scanning: '1h', complete: '1h', failed: '1h' };
const DIGEST = `sha256:${'ab'.repeat(32)}`;
const ERRORS_FROM_THE_START = ['NoPrivilege', 'RequestTimeout', 'SystemError', 'Throttling.User'];

/** 200 tags: a repository that the configuration gives by all three, one by its names, one by its id; odd characters included. */
const NAMES = {
  api: [
    '1.10',
    '0123',
    'no',
    'a"quote',
    'back\\slash',
    'line\nbreak',
    ...Array.from({ length: 74 }, (_, n) => `v${n}`),
  ],
  web: Array.from({ length: 60 }, (_, n) => `2026.${n}`),
  base: Array.from({ length: 60 }, (_, n) => `node-${n}`),
};

function scenarioTags(names: readonly string[], service: string) {
  return names.map((tag, n) => ({
    tag,
    status: STATUSES[n % 4] ?? '',
    scan_service: service,
    ...(tag === 'v0' ? { digest: DIGEST } : {}),
  }));
}

const SCENARIO = {
  instances: [
    {
      id: 'cri-1',
      repositories: [
        { namespace: 'shop', name: 'api', id: 'crr-api', tags: scenarioTags(NAMES.api, 'SAS_SCAN_SERVICE') },
        { namespace: 'shop', name: 'web', id: 'crr-web', tags: scenarioTags(NAMES.web, 'ACR_SCAN_SERVICE') },
      ],
    },
    {
      id: 'cri-2',
      repositories: [
        { namespace: 'os', name: 'base', id: 'crr-base', tags: scenarioTags(NAMES.base, 'ACR_SCAN_SERVICE') },
      ],
    },
  ],
};

function watchAll(address: string, parts: ConfigurationInput = {}): ConfigurationInput {
  const api = NAMES.api.map((tag) => (tag === 'v0' ? { tag, digest: DIGEST } : tag));
  return configurationFor(address, {
    instances: [
      instanceAt(address, {
        domain: 'registry.example.com',
        repositories: [
          { namespace: 'shop', name: 'api', id: 'crr-api', tags: api },
          { namespace: 'shop', name: 'web', tags: NAMES.web },
        ],
      }),
      instanceAt(address, { id: 'cri-2', repositories: [{ id: 'crr-base', tags: NAMES.base }] }),
    ],
    ...parts,
  });
}

/** Samples of a family as text, without values, sorted. */
function series(page: ParsedPage, family: string): string[] {
  return (page.families.get(family)?.samples ?? []).map(({ name, labels }) => seriesText(name, labels)).sort();
}

function seriesText(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
}

function samples(page: ParsedPage, family: string): readonly Sample[] {
  return page.families.get(family)?.samples ?? [];
}

const allAnswered = (page: ParsedPage) =>
  samples(page, 'acr_scan_tag_poll_success').filter(({ value }) => value === 1).length === 200;

type Sweep = { readonly simulator: RunningSimulator; readonly page: ParsedPage; readonly startedAtMs: number };

async function sweepAll(t: ExecutionContext): Promise<Sweep> {
  const startedAtMs = Date.now();
  const simulator = await startSimulator(t, SCENARIO);
  const { until } = await startExporter(t, watchAll(simulator.address, { intervals: LONG }));
  const page = await until('200 tags are answered and nothing is under way', (page) => {
    return allAnswered(page) && page.value('acr_scheduler_requests_in_flight', { credentials: 'default' }) === 0;
  });
  return { simulator, page, startedAtMs };
}

test('after one sweep of 200 tags the page says what the simulator knows', async (t) => {
  const sweep = await sweepAll(t);
  showsTruth(t, sweep);
  talliesTruth(t, sweep);
  agreesWithLog(t, sweep);
  hasFamilies(t, sweep);
});

/** Every tag has the status of the truth, under the labels of the truth. */
function showsTruth(t: ExecutionContext, { simulator, page, startedAtMs }: Sweep): void {
  const truth = simulator.state().map(({ instanceId, repoNamespace, repoName, ...tag }) => ({
    ...tag,
    labels: { instance_id: instanceId, repo_namespace: repoNamespace, repo_name: repoName, tag: tag.tag },
  }));
  t.is(truth.length, 200);
  for (const [family, more] of [
    ['acr_scan_tag_status', ({ status }: (typeof truth)[number]) => ({ status: status.toLowerCase() })],
    ['acr_scan_tag_status_since_timestamp_seconds', () => ({})],
    ['acr_scan_tag_last_success_timestamp_seconds', () => ({})],
    ['acr_scan_tag_poll_success', () => ({})],
  ] as const) {
    t.deepEqual(series(page, family), truth.map((tag) => seriesText(family, { ...tag.labels, ...more(tag) })).sort());
  }
  t.true(samples(page, 'acr_scan_tag_status').every(({ value }) => value === 1));
  t.deepEqual(series(page, 'acr_scan_tag_last_error_info'), []);

  const info = truth.map(({ labels, repoId, tag }) => {
    const domain = labels.instance_id === 'cri-1' ? 'registry.example.com' : '';
    const image = domain === '' ? '' : `${domain}/${labels.repo_namespace}/${labels.repo_name}:${tag}`;
    const service = repoId === 'crr-api' ? 'SAS_SCAN_SERVICE' : 'ACR_SCAN_SERVICE';
    const known = { repo_id: repoId, digest: tag === 'v0' ? DIGEST : '', scan_service: service, image };
    return seriesText('acr_scan_tag_info', { ...labels, ...known });
  });
  t.deepEqual(series(page, 'acr_scan_tag_info'), info.sort());

  for (const request of simulator.requests().filter(({ action }) => action === 'GetRepoTagScanStatus')) {
    const { labels } =
      truth.find(({ repoId, tag }) => repoId === request.parameters.RepoId && tag === request.parameters.Tag) ?? {};
    if (labels === undefined) throw new Error('a request for a tag that does not exist');
    t.true(lastSuccess(page, labels) * 1_000 >= request.arrivedAtMs && lastSuccess(page, labels) * 1_000 <= Date.now());
    t.is(since(page, labels), lastSuccess(page, labels), 'the first answer is also when the status was first seen');
  }
  t.true(
    Math.min(...samples(page, 'acr_scan_tag_status_since_timestamp_seconds').map(({ value }) => value)) * 1_000 >=
      startedAtMs,
  );
}

/** The tags of every repository are tallied, 0 included. */
function talliesTruth(t: ExecutionContext, { simulator, page }: Sweep): void {
  const expected = SCENARIO.instances.flatMap(({ id, repositories }) =>
    repositories.flatMap(({ namespace, name, id: repoId }) =>
      ['scanning', 'retrying', 'complete', 'failed', 'not_scanned', 'unknown'].map((status) => {
        const tags = simulator.state().filter((tag) => tag.repoId === repoId && tag.status.toLowerCase() === status);
        const labels = { instance_id: id, repo_namespace: namespace, repo_name: name, status };
        return `${seriesText('acr_scan_tags', labels)} ${tags.length}`;
      }),
    ),
  );
  const found = samples(page, 'acr_scan_tags').map(({ name, labels, value }) => `${seriesText(name, labels)} ${value}`);
  t.deepEqual(found.sort(), expected.sort());
}

/** The families of the exporter itself have the series of the contract, and agree with the log. */
function agreesWithLog(t: ExecutionContext, { simulator, page, startedAtMs }: Sweep): void {
  const log = simulator.requests();
  t.is(log.length, 202, 'one poll for each tag, one lookup for each repository that is not given whole');
  const lookups = log
    .filter(({ action }) => action === 'GetRepository')
    .map(({ parameters }) => JSON.stringify(parameters));
  t.deepEqual(
    lookups.sort(),
    [
      '{"InstanceId":"cri-1","RepoNamespaceName":"shop","RepoName":"web"}',
      '{"InstanceId":"cri-2","RepoId":"crr-base"}',
    ].sort(),
  );

  for (const instance_id of ['cri-1', 'cri-2']) {
    for (const action of ['GetRepoTagScanStatus', 'GetRepository']) {
      const sent = requestsOf(log, instance_id, action).length;
      t.is(page.value('acr_api_requests_total', { instance_id, action }), sent);
      t.is(page.value('acr_api_request_duration_seconds_count', { instance_id, action }), sent);
      t.is(page.value('acr_api_request_duration_seconds_bucket', { instance_id, action, le: '+Inf' }), sent);
    }
    t.is(page.value('acr_scan_duration_seconds_count', { instance_id }), 0);
  }
  t.deepEqual(
    series(page, 'acr_api_request_errors_total'),
    ['cri-1', 'cri-2']
      .flatMap((instance_id) =>
        ERRORS_FROM_THE_START.map((code) => seriesText('acr_api_request_errors_total', { ...POLL, instance_id, code })),
      )
      .sort(),
  );
  t.true(samples(page, 'acr_api_request_errors_total').every(({ value }) => value === 0));
  t.deepEqual(bucketsOf(page, 'acr_api_request_duration_seconds'), [
    '0.025',
    '0.05',
    '0.1',
    '0.25',
    '0.5',
    '1',
    '2.5',
    '5',
    '10',
    '30',
    '+Inf',
  ]);
  t.deepEqual(bucketsOf(page, 'acr_scan_duration_seconds'), [
    '15',
    '30',
    '60',
    '120',
    '300',
    '600',
    '1200',
    '1800',
    '3600',
    '7200',
    '+Inf',
  ]);

  const scheduler = [...page.families].filter(([name]) => name.startsWith('acr_scheduler_'));
  const shown = scheduler.flatMap(([, { samples }]) =>
    samples.map(({ name, labels, value }) => `${seriesText(name, labels)} ${value}`),
  );
  const credentials = 'default';
  t.deepEqual(
    shown.sort(),
    [
      ...['urgent', 'background'].flatMap((group) =>
        ['due_tags', 'oldest_due_seconds'].map((name) => [name, { credentials, class: group }, 0] as const),
      ),
      ['running', { credentials }, 1] as const,
      ['requests_in_flight', { credentials }, 0] as const,
      ...['configured', 'current'].map(
        (kind) => ['rate_limit_requests_per_second', { credentials, kind }, 100] as const,
      ),
      ...['refused', 'throttled'].map((reason) => ['paused', { credentials, reason }, 0] as const),
    ]
      .map(([name, labels, value]) => `${seriesText(`acr_scheduler_${name}`, labels)} ${value}`)
      .sort(),
  );

  t.is(page.value('acr_scan_exporter_config_last_reload_successful'), 1);
  const loadedAt = page.value('acr_scan_exporter_config_last_reload_success_timestamp_seconds') ?? 0;
  t.true(loadedAt * 1_000 >= startedAtMs && loadedAt * 1_000 <= Date.now());
  const [build, ...others] = samples(page, 'acr_scan_exporter_build_info');
  t.like(build, { value: 1, labels: { version: '1.2.3', revision: 'abc', node_version: 'v20' } });
  t.regex(build?.labels.sdk ?? '', /^@alicloud\/[a-z0-9-]+@\d+\.\d+\.\d+$/);
  t.deepEqual(others, []);
}

/** The page has the families of the contract, with their types, and no others. */
function hasFamilies(t: ExecutionContext, { page }: Sweep): void {
  const types = [...page.families].map(([name, { type }]) => `${name} ${type}`);
  t.deepEqual(
    types.sort(),
    [
      'acr_scan_tags gauge',
      'acr_scan_tag_status gauge',
      'acr_scan_tag_status_since_timestamp_seconds gauge',
      'acr_scan_tag_last_success_timestamp_seconds gauge',
      'acr_scan_tag_poll_success gauge',
      ...(page.families.has('acr_scan_tag_last_error_info') ? ['acr_scan_tag_last_error_info gauge'] : []),
      'acr_scan_tag_info gauge',
      'acr_scan_duration_seconds histogram',
      'acr_api_requests_total counter',
      'acr_api_request_errors_total counter',
      'acr_api_request_duration_seconds histogram',
      'acr_scheduler_running gauge',
      'acr_scheduler_due_tags gauge',
      'acr_scheduler_oldest_due_seconds gauge',
      'acr_scheduler_requests_in_flight gauge',
      'acr_scheduler_rate_limit_requests_per_second gauge',
      'acr_scheduler_paused gauge',
      'acr_scan_exporter_internal_errors_total counter',
      'acr_scan_exporter_credentials_info gauge',
      'acr_scan_exporter_log_lines_dropped_total counter',
      'acr_scan_exporter_build_info gauge',
      'acr_scan_exporter_config_last_reload_successful gauge',
      'acr_scan_exporter_config_last_reload_success_timestamp_seconds gauge',
    ].sort(),
  );
  const help = page.families.get('acr_scan_tag_status')?.help ?? '';
  t.regex(help, /last poll/i, 'HELP says that the value is the one of the last poll');
}

test('a tag has one status and no last success, no poll and no error before its first answer', async (t) => {
  const simulator = await startSimulator(t, { faults: [{ hang: 'before_head' }] });
  const { until, page } = await startExporter(t, configurationFor(simulator.address, { request_timeout: '1h' }));
  await until('it is asked', () => simulator.requests().length === 1);
  const before = await page();
  const tag = { instance_id: 'cri-1', repo_namespace: 'shop', repo_name: 'api', tag: 'latest' };
  t.is(status(before, tag, 'unknown'), 1);
  t.is(samples(before, 'acr_scan_tag_status').length, 1);
  t.is(success(before, tag), undefined);
  t.is(lastSuccess(before, tag), Number.NaN);
  t.deepEqual(errorsOf(before, tag), []);
  t.is(before.value('acr_scheduler_requests_in_flight', { credentials: 'default' }), 1);
});

test('requests and errors are those of the log, whatever fails', async (t) => {
  const simulator = await startSimulator(t, SCENARIO);
  const repositories = [{ id: 'crr-base', namespace: 'os', name: 'base', tags: NAMES.base }];
  const instances = [instanceAt(simulator.address, { id: 'cri-2', repositories })];
  const intervals = { scanning: '1s', complete: '1s', failed: '1s' };
  const { until } = await startExporter(t, configurationFor(simulator.address, { instances, intervals }));
  simulator.setFaults([
    { share: 0.1, error: { code: 'NoPrivilege' } },
    { share: 0.1, error: { code: 'SystemError' } },
    { share: 0.1, business_error: { code: 'SCAN_TASK_BROKEN' } },
    { share: 0.3, reset: 'before_head' },
    { share: 0.1, status: 'QUEUED' },
  ]);
  const codes = ['NoPrivilege', 'SystemError', 'SCAN_TASK_BROKEN', 'ConnectionReset', 'UnknownStatus'];
  await until('every kind of error occurs', () => {
    const seen = new Set(simulator.requests().map(codeOf));
    return ['success', 'sent again', ...codes].every((code) => seen.has(code));
  });
  const same = until('the numbers are the same', (page) => {
    const log = simulator.requests();
    const labels = { ...POLL, instance_id: 'cri-2' };
    return (
      page.value('acr_api_requests_total', labels) === log.length &&
      codes.every((code) => errors(page, code, labels) === log.filter((request) => codeOf(request) === code).length)
    );
  });
  await t.notThrowsAsync(same);
});

/** The code that the exporter has to count a logged request under; `success` for none. */
function codeOf({ fault, code, onConnection }: LoggedRequest): string {
  // One that is lost with a connection that has served others is sent once more, and counts as a request alone.
  if (fault === 'reset') return onConnection > 1 ? 'sent again' : 'ConnectionReset';
  return fault === 'status' ? 'UnknownStatus' : code;
}

test('a scan is shown through its statuses, and how long it took is observed once', async (t) => {
  const simulator = await startSimulator(t);
  const { until } = await startExporter(t, configurationFor(simulator.address));
  const tag = { instance_id: 'cri-1', repo_namespace: 'shop', repo_name: 'api', tag: 'latest' };
  const reach = async (name: string) => {
    const setAtMs = Date.now();
    simulator.setStatus('cri-1', 'crr-1', 'latest', name.toUpperCase());
    const page = await until(`the status is ${name}`, (page) => status(page, tag, name) === 1);
    return { setAtMs, seenAtMs: Date.now(), page };
  };
  await reach('scanning');
  const unobserved = await reach('complete');
  t.is(unobserved.page.value('acr_scan_duration_seconds_count', { instance_id: 'cri-1' }), 0);
  const begun = await reach('scanning');
  t.true(since(begun.page, tag) * 1_000 >= begun.setAtMs && since(begun.page, tag) * 1_000 <= begun.seenAtMs);
  const retrying = await reach('retrying');
  t.is(retrying.page.value('acr_scan_duration_seconds_count', { instance_id: 'cri-1' }), 0);
  const ended = await reach('failed');
  t.is(ended.page.value('acr_scan_duration_seconds_count', { instance_id: 'cri-1' }), 1);
  const seconds = ended.page.value('acr_scan_duration_seconds_sum', { instance_id: 'cri-1' }) ?? Number.NaN;
  t.true(seconds * 1_000 >= ended.setAtMs - begun.seenAtMs - 5, `${seconds} s`);
  t.true(seconds * 1_000 <= ended.seenAtMs - begun.setAtMs + 5, `${seconds} s`);
  const polled = lastSuccess(ended.page, tag);
  const later = await until('it is polled on', (page) => lastSuccess(page, tag) > polled);
  t.is(since(later, tag), since(ended.page, tag), 'the same answer again does not move it');
});

test('while lookups fail, what is known is shown, and what was seen survives the relabelling', async (t) => {
  const simulator = await startSimulator(t, {
    ...SCENARIO,
    faults: [{ operation: 'GetRepository', error: { code: 'SystemError' } }],
  });
  const { until } = await startExporter(
    t,
    watchAll(simulator.address, { backoff: { initial: '2s', max: '2s' }, intervals: LONG }),
  );
  const byId = { instance_id: 'cri-2', repo_namespace: '', repo_name: 'crr-base', tag: 'node-2' };
  const byName = { instance_id: 'cri-1', repo_namespace: 'shop', repo_name: 'web', tag: '2026.1' };
  const before = await until('both show it', (page) => success(page, byId) === 1 && success(page, byName) === 0);
  t.is(status(before, byId, 'complete'), 1, 'a repository given by its id is polled without its names');
  t.is(status(before, byName, 'unknown'), 1);
  t.deepEqual(errorsOf(before, byName), ['SystemError']);
  const lookup = { instance_id: 'cri-1', action: 'GetRepository' };
  t.true(errors(before, 'SystemError', lookup) >= 1);
  t.is(errors(before, 'SystemError'), 0, 'only the lookup failed');
  t.true(
    simulator.requests().every(({ parameters }) => parameters.RepoId !== 'crr-web'),
    'nothing is asked before the id is known',
  );
  simulator.setFaults([]);
  const named = { ...byId, repo_namespace: 'os', repo_name: 'base' };
  const after = await until(
    'both lookups succeed',
    (page) => success(page, byName) === 1 && success(page, named) === 1,
  );
  t.is(since(after, named), since(before, byId));
  t.is(lastSuccess(after, named), lastSuccess(before, byId), 'it is not asked again for its names');
  t.false(samples(after, 'acr_scan_tag_status').some(({ labels }) => labels.repo_name === 'crr-base'));
  t.false(samples(after, 'acr_scan_tags').some(({ labels }) => labels.repo_name === 'crr-base'));
});

test('two entries that turn out to be one repository: the first keeps a tag that both list, with a warning', async (t) => {
  const simulator = await startSimulator(t, SCENARIO);
  const repositories = [
    { namespace: 'shop', name: 'api', tags: ['v1', 'v2'] },
    { id: 'crr-api', tags: ['v2', 'v3'] },
  ];
  const configuration = configurationFor(simulator.address, {
    instances: [instanceAt(simulator.address, { repositories })],
  });
  const { until, log } = await startExporter(t, configuration);
  const page = await until('three tags are answered', (page) => {
    const answered = samples(page, 'acr_scan_tag_poll_success').filter(
      ({ labels, value }) => labels.repo_name === 'api' && value === 1,
    );
    return answered.length === 3 && samples(page, 'acr_scan_tag_poll_success').length === 3;
  });
  t.deepEqual(
    samples(page, 'acr_scan_tag_status')
      .map(({ labels }) => labels.tag)
      .sort(),
    ['v1', 'v2', 'v3'],
  );
  t.is(log.filter((line) => line.includes('level=warn') && line.includes('tag=v2')).length, 1);
});

function requestsOf(log: readonly LoggedRequest[], instanceId: string, action: string): LoggedRequest[] {
  return log.filter((request) => request.action === action && request.parameters.InstanceId === instanceId);
}

/** The bounds of a histogram's buckets, each once, in their order. */
function bucketsOf(page: ParsedPage, family: string): string[] {
  return [...new Set(samples(page, family).flatMap(({ labels }) => labels.le ?? []))];
}
