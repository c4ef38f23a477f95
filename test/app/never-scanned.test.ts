// A registry as it is found in the field: most images were never scanned, tags go, and digests are taken in one form alone.
import test from 'ava';
import { eventually } from '../helpers/eventually.ts';
import {
  type ConfigurationInput,
  configurationFor,
  instanceAt,
  startExporter,
  startSimulator,
} from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';

const LONG = { scanning: '1h', complete: '1h', failed: '1h', not_scanned: '1h' };
const FAST = { requests_per_second: 1_000, max_concurrent: 8 };
const FORMS = ['absent', 'empty', 'null', 'error', 'business_error'] as const;
const STATUSES = ['COMPLETE', 'FAILED', 'SCANNING', 'RETRYING'];
const REPOSITORY = { instance_id: 'cri-1', repo_namespace: 'shop', repo_name: 'api' };
const DIGEST = 'ab'.repeat(32);

function discovering(address: string, parts: ConfigurationInput = {}): ConfigurationInput {
  return configurationFor(address, {
    instances: [{ id: 'cri-1', region: 'cn-hangzhou', endpoint: `http://${address}`, discover: [{}] }],
    rate_limit: FAST,
    intervals: LONG,
    discovery_interval: '1h',
    ...parts,
  });
}

/** How many tags of all have each status; by the page and, in the same words, by the simulator. */
function counts(page: ParsedPage): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const { labels, value } of page.families.get('acr_scan_tags')?.samples ?? []) {
    const { status = '' } = labels;
    totals[status] = (totals[status] ?? 0) + value;
  }
  return totals;
}

function errorsIn(page: ParsedPage): number {
  const samples = page.families.get('acr_api_request_errors_total')?.samples ?? [];
  return samples.reduce((sum, { value }) => sum + value, 0);
}

test('a registry of 500 tags of which 60 % were never scanned is shown as it is, without an error and with few requests more', async (t) => {
  const tags = [
    ...FORMS.map((not_scanned) => ({ count: 60, name: `${not_scanned}-{n}`, status: 'NOT_SCANNED', not_scanned })),
    ...STATUSES.map((status) => ({ count: 50, name: `${status.toLowerCase()}-{n}`, status })),
  ];
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }];
  const simulator = await startSimulator(t, { instances: [{ id: 'cri-1', repositories }] });
  const { until } = await startExporter(t, discovering(simulator.address), { logLevel: 'info' });
  await eventually('all were asked about', () => simulator.requests().length >= 500 || undefined);
  const page = await until('all are answered', (each) => {
    const { unknown = 1, ...others } = counts(each);
    return unknown === 0 && Object.values(others).reduce((sum, count) => sum + count, 0) === 500;
  });
  const truth: Record<string, number> = { unknown: 0 };
  for (const { status } of simulator.state()) {
    truth[status.toLowerCase()] = (truth[status.toLowerCase()] ?? 0) + 1;
  }
  t.deepEqual(counts(page), truth);
  t.is(truth.not_scanned, 300);
  t.is(errorsIn(page), 0);
  t.false(page.families.has('acr_scan_tag_last_error_info'));
  const successes = page.families.get('acr_scan_tag_poll_success')?.samples ?? [];
  t.is(successes.filter(({ value }) => value === 1).length, 500);
  t.is(page.families.get('acr_scan_tag_last_success_timestamp_seconds')?.samples.length, 500);
  const requests = simulator.requests().filter(({ action }) => !action.startsWith('List'));
  t.true(requests.length < 500 + 50, `${requests.length} requests for 500 tags`);
});

test('of listed tags that the API knows no scan of, each is asked about once more, and those that are gone are errors', async (t) => {
  const tags = FORMS.map((not_scanned) => ({
    count: 40,
    name: `${not_scanned}-{n}`,
    status: 'NOT_SCANNED',
    not_scanned,
  }));
  const simulator = await startSimulator(t, {
    instances: [{ id: 'cri-1', repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }] }],
  });
  const names = simulator.state().map(({ tag }) => tag);
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: [...names, 'gone'] }];
  const instances = [instanceAt(simulator.address, { repositories })];
  const configuration = configurationFor(simulator.address, { rate_limit: FAST, intervals: LONG, instances });
  const { until } = await startExporter(t, configuration, { logLevel: 'info' });
  const gone = { ...REPOSITORY, tag: 'gone' };
  const page = await until('all are told apart', (each) => {
    return counts(each).not_scanned === 200 && each.value('acr_scan_tag_poll_success', gone) === 0;
  });
  t.is(page.value('acr_scan_tag_last_error_info', { ...gone, code: 'REPO_TAG_NOT_EXIST' }), 1);
  t.is(page.value('acr_scan_tag_status', { ...gone, status: 'unknown' }), 1);
  const ofOthers = simulator.requests().filter(({ parameters }) => parameters.Tag !== 'gone');
  t.is(ofOthers.filter(({ action }) => action === 'GetRepoTagScanStatus').length, 200);
  t.is(
    ofOthers.filter(({ action }) => action === 'GetRepoTag').length,
    80,
    'where the status is answered the tag exists',
  );
  const codes = (page.families.get('acr_api_request_errors_total')?.samples ?? []).filter(({ value }) => value > 0);
  t.deepEqual(new Set(codes.map(({ labels }) => labels.code)), new Set(['REPO_TAG_NOT_EXIST']));
});

test('a tag that does not exist costs the healthy tags of its repository nothing, and has that looked up once', async (t) => {
  const healthy = Array.from({ length: 200 }, (_, index) => `v${index}`);
  const tags = healthy.map((tag) => ({ tag, status: 'COMPLETE' }));
  const simulator = await startSimulator(t, {
    instances: [{ id: 'cri-1', repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }] }],
  });
  const instances = [
    instanceAt(simulator.address, { repositories: [{ namespace: 'shop', name: 'api', tags: ['gone', ...healthy] }] }),
  ];
  const configuration = configurationFor(simulator.address, { rate_limit: FAST, intervals: LONG, instances });
  const { until } = await startExporter(t, configuration, { logLevel: 'info' });
  const polls = () => simulator.requests().filter(({ action }) => action === 'GetRepoTagScanStatus');
  const page = await until('the missing one was asked about again and again', () => {
    return polls().filter(({ parameters }) => parameters.Tag === 'gone').length >= 12;
  });
  t.is(counts(page).complete, 200);
  t.is(polls().filter(({ parameters }) => parameters.Tag !== 'gone').length, 200);
  t.is(simulator.requests().filter(({ action }) => action === 'GetRepository').length, 1);
});

for (const digests of ['bare', 'prefixed', 'none'] as const) {
  test(`a registry that takes digests in this form, ${digests}, refuses others and has scanned nothing so far is shown without an error`, async (t) => {
    const tags = [{ count: 40, name: 'v{n}', status: 'NOT_SCANNED' }];
    const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }];
    const simulator = await startSimulator(t, {
      instances: [{ id: 'cri-1', digests, other_digests: 'refused', repositories }],
    });
    const intervals = { ...LONG, not_scanned: '1s', scanning: '1s' };
    const { until } = await startExporter(t, discovering(simulator.address, { intervals }));
    const polls = () => simulator.requests().filter(({ action }) => action === 'GetRepoTagScanStatus');
    const page = await until('each was asked about some times', (each) => {
      return counts(each).not_scanned === 40 && polls().length >= 200;
    });
    t.is(errorsIn(page), 0);
    t.false(page.families.has('acr_scan_tag_last_error_info'));
  });
}

for (const [digests, not_scanned] of [
  ['any', 'absent'],
  ['bare', 'business_error'],
  ['prefixed', 'absent'],
  ['prefixed', 'error'],
  ['none', 'business_error'],
] as const) {
  test(`a registry that takes digests in this form, ${digests}, and says ${not_scanned} otherwise shows every scan, listed with either form or discovered`, async (t) => {
    const tags = [
      { tag: 'bare', digest: DIGEST, status: 'COMPLETE' },
      { tag: 'prefixed', digest: 'cd'.repeat(32), status: 'COMPLETE' },
      { count: 8, name: 'v{n}', status: 'COMPLETE' },
    ];
    const repositories = [
      { namespace: 'shop', name: 'api', id: 'crr-1', tags },
      { namespace: 'shop', name: 'old', id: 'crr-2', tags: [{ count: 8, name: 'v{n}', status: 'NOT_SCANNED' }] },
    ];
    const simulator = await startSimulator(t, { instances: [{ id: 'cri-1', digests, not_scanned, repositories }] });
    const listed = [
      {
        namespace: 'shop',
        name: 'api',
        tags: [
          { tag: 'bare', digest: DIGEST },
          { tag: 'prefixed', digest: `sha256:${'cd'.repeat(32)}` },
        ],
      },
    ];
    const instance = instanceAt(simulator.address, { repositories: listed, discover: [{}] });
    const parts = { instances: [instance], intervals: { ...LONG, complete: '300ms' } };
    const { until } = await startExporter(t, discovering(simulator.address, parts), { logLevel: 'info' });
    await until('every scan shows', (each) => counts(each).complete === 10 && counts(each).not_scanned === 8);
    const since = simulator.requests().length;
    const page = await until('all were polled again', () => simulator.requests().length > since + 60);
    t.deepEqual(counts(page), { scanning: 0, retrying: 0, complete: 10, failed: 0, not_scanned: 8, unknown: 0 });
    t.is(errorsIn(page), 0);
    // What works is learnt by some of the first polls of tags that had a scan before.
    const sent = { any: ['', 'sha256:'], bare: [''], prefixed: ['sha256:'], none: ['none'] };
    await until('only what works is sent', () => {
      const polls = simulator.requests().filter(({ action }) => action === 'GetRepoTagScanStatus');
      const forms = polls.slice(-40).map(({ parameters }) => parameters.Digest?.replace(/[0-9a-f]{64}/, ''));
      return polls.length > 100 && forms.every((form) => sent[digests].includes(form ?? 'none'));
    });
    for (const tag of ['bare', 'prefixed']) {
      const [info] = (page.families.get('acr_scan_tag_info')?.samples ?? []).filter(({ labels }) => labels.tag === tag);
      t.regex(info?.labels.digest ?? '', /^sha256:[0-9a-f]{64}$/);
    }
  });
}

test('the scan of an image that is pushed while the exporter runs is measured, of a new tag and of one that moves', async (t) => {
  const tags = [{ tag: 'old', status: 'SCANNING' }];
  const simulator = await startSimulator(t, {
    instances: [{ id: 'cri-1', repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }] }],
  });
  const configuration = discovering(simulator.address, {
    intervals: { ...LONG, scanning: '100ms', complete: '200ms' },
    discovery_interval: '200ms',
  });
  const { until } = await startExporter(t, configuration, { logLevel: 'info' });
  const shows = (tag: string, status: string) => (page: ParsedPage) =>
    page.value('acr_scan_tag_status', { ...REPOSITORY, tag, status }) === 1;
  const observed = (page: ParsedPage) => page.value('acr_scan_duration_seconds_count', { instance_id: 'cri-1' }) ?? 0;
  await until('the scan of before the start shows', shows('old', 'scanning'));
  simulator.setStatus('cri-1', 'crr-1', 'old', 'COMPLETE');
  t.is(observed(await until('it is over', shows('old', 'complete'))), 0);
  for (const [n, tag] of ['new', 'old'].entries()) {
    simulator.pushTag('cri-1', 'crr-1', tag);
    simulator.setStatus('cri-1', 'crr-1', tag, 'SCANNING');
    await until(`the scan of ${tag} shows`, shows(tag, 'scanning'));
    simulator.setStatus('cri-1', 'crr-1', tag, 'COMPLETE');
    t.is(observed(await until('it is over', shows(tag, 'complete'))), n + 1);
  }
});
