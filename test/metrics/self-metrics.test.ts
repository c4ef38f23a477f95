import test from 'ava';
import { allFamilies, MISNAMED_DEFAULTS } from '../../src/metrics/self-families.ts';
import { SelfMetrics } from '../../src/metrics/self-metrics.ts';
import type { DiscoveryStatus, EventsStatus, SaveStatus, SchedulerStatus } from '../../src/model/exporter-status.ts';
import { type ParsedPage, parsePage } from '../helpers/exposition.ts';

const IDLE: SchedulerStatus = {
  credentials: 'default',
  running: true,
  due: { urgent: 0, background: 0 },
  oldestDueSeconds: { urgent: 0, background: 0 },
  inFlight: 0,
  rate: { configured: 5, current: 5 },
  refusal: undefined,
  paused: { refused: false, throttled: false },
  inUse: undefined,
};
const POLL = 'GetRepoTagScanStatus';

function setUp(
  schedulers: () => readonly SchedulerStatus[] = () => [],
  discoveries: () => readonly DiscoveryStatus[] = () => [],
  saves: () => SaveStatus | undefined = () => undefined,
  events: () => readonly EventsStatus[] = () => [],
) {
  return new SelfMetrics({ schedulers, discoveries, events, saves, droppedLogLines: () => 0, processMetrics: false });
}

async function pageOf(own: SelfMetrics, format: 'text' | 'openmetrics' = 'text'): Promise<ParsedPage> {
  const end = format === 'openmetrics' ? '# EOF\n' : '';
  return parsePage((await own.render(format)) + end, format);
}

function seriesOf(page: ParsedPage, instance: string): number {
  const samples = [...page.families.values()].flatMap((family) => family.samples);
  return samples.filter(({ labels }) => labels.instance_id === instance).length;
}

test('what a dashboard needs exists at 0 as soon as an instance is configured', async (t) => {
  const own = setUp();
  own.setInstances(['cri-1']);
  const page = await pageOf(own);
  const labels = { instance_id: 'cri-1', action: POLL };
  t.is(page.value('acr_api_requests_total', labels), 0);
  t.is(page.value('acr_api_request_duration_seconds_count', labels), 0);
  t.is(page.value('acr_scan_duration_seconds_count', { instance_id: 'cri-1' }), 0);
  for (const code of ['Throttling.User', 'NoPrivilege', 'SystemError', 'RequestTimeout']) {
    t.is(page.value('acr_api_request_errors_total', { ...labels, code }), 0);
  }
  t.is(page.families.get('acr_api_request_errors_total')?.samples.length, 4);
  t.is(page.families.get('acr_api_requests_total')?.samples.length, 1);
});

test('requests, failures and durations are counted under their instance and action', async (t) => {
  const own = setUp();
  own.setInstances(['cri-1', 'cri-2']);
  const labels = { instance_id: 'cri-1', action: 'GetRepository' };
  own.requestSent('cri-1', 'GetRepository');
  own.requestSent('cri-1', 'GetRepository');
  own.requestFailed('cri-1', 'GetRepository', 'NoPrivilege');
  own.requestEnded('cri-1', 'GetRepository', 0.3);
  own.requestEnded('cri-1', 'GetRepository', 0.25);
  own.scanEnded('cri-2', 100);
  const page = await pageOf(own);
  t.is(page.value('acr_api_requests_total', labels), 2);
  t.is(page.value('acr_api_request_errors_total', { ...labels, code: 'NoPrivilege' }), 1);
  const buckets = ['0.1', '0.25', '0.5', '+Inf'].map((le) =>
    page.value('acr_api_request_duration_seconds_bucket', { ...labels, le }),
  );
  t.deepEqual(buckets, [0, 1, 2, 2]);
  t.is(page.value('acr_api_request_duration_seconds_sum', labels), 0.55);
  t.is(page.value('acr_scan_duration_seconds_bucket', { instance_id: 'cri-2', le: '60' }), 0);
  t.is(page.value('acr_scan_duration_seconds_bucket', { instance_id: 'cri-2', le: '120' }), 1);
  t.is(page.value('acr_api_requests_total', { instance_id: 'cri-2', action: POLL }), 0);
});

test('without credentials nothing is sent: an error, not a request', async (t) => {
  const own = setUp();
  own.setInstances(['cri-1']);
  own.requestFailed('cri-1', POLL, 'CredentialsUnavailable');
  const page = await pageOf(own);
  const labels = { instance_id: 'cri-1', action: POLL };
  t.is(page.value('acr_api_request_errors_total', { ...labels, code: 'CredentialsUnavailable' }), 1);
  t.is(page.value('acr_api_requests_total', labels), 0);
});

test('an instance that goes takes all its series along, late results do not bring them back, and the others keep theirs', async (t) => {
  const own = setUp();
  own.setInstances(['cri-1', 'cri-2']);
  for (const instance of ['cri-1', 'cri-2']) {
    own.requestSent(instance, 'GetRepository');
    own.requestFailed(instance, 'GetRepository', 'HttpStatus_502');
    own.requestEnded(instance, 'GetRepository', 1);
    own.scanEnded(instance, 30);
  }
  const kept = seriesOf(await pageOf(own), 'cri-2');
  own.setInstances(['cri-2', 'cri-3']);
  own.requestSent('cri-1', POLL);
  own.requestFailed('cri-1', POLL, 'SystemError');
  own.requestEnded('cri-1', POLL, 1);
  own.scanEnded('cri-1', 30);
  const page = await pageOf(own);
  t.is(seriesOf(page, 'cri-1'), 0);
  t.is(seriesOf(page, 'cri-2'), kept);
  t.is(page.value('acr_api_requests_total', { instance_id: 'cri-2', action: 'GetRepository' }), 1);
  t.is(page.value('acr_api_requests_total', { instance_id: 'cri-3', action: POLL }), 0);
});

test('an instance that comes back starts at 0', async (t) => {
  const own = setUp();
  own.setInstances(['cri-1']);
  own.requestSent('cri-1', POLL);
  own.setInstances([]);
  own.setInstances(['cri-1']);
  t.is((await pageOf(own)).value('acr_api_requests_total', { instance_id: 'cri-1', action: POLL }), 0);
});

test('events count from 0 for the channels of an instance, and without an instance where it has none', async (t) => {
  let healthy = true;
  const status = { instanceId: 'cri-1', webhook: false, feed: undefined, lastEventMs: undefined, missed: 0 };
  const own = setUp(undefined, undefined, undefined, () => [{ ...status, healthy }]);
  own.setInstances(['cri-1', 'cri-2']);
  t.is((await pageOf(own)).families.get('acr_events_total')?.samples.length ?? 0, 0);
  own.setEvents(new Map([['cri-1', ['feed']]]));
  const labels = { instance_id: 'cri-1', type: 'ScanCompleted', channel: 'feed' };
  const first = await pageOf(own);
  for (const outcome of ['taken', 'duplicate', 'unwatched', 'outdated', 'future'])
    t.is(first.value('acr_events_total', { ...labels, outcome }), 0);
  t.is(first.value('acr_events_total', { ...labels, type: '', outcome: 'invalid' }), 0);
  t.is(first.families.get('acr_events_total')?.samples.length, 6);
  t.is(first.value('acr_events_missed_total', { instance_id: 'cri-1' }), 0);
  t.is(first.value('acr_events_healthy', { instance_id: 'cri-1' }), 1);
  t.is(first.value('acr_events_delay_seconds_count', { instance_id: 'cri-1', channel: 'feed' }), 0);
  own.eventsReceived({ instanceId: 'cri-1', type: 'ScanCompleted', channel: 'feed', outcome: 'taken' }, 3);
  own.eventsReceived({ instanceId: 'cri-9', type: 'ScanCompleted', channel: 'feed', outcome: 'unwatched' }, 1);
  own.eventMissed('cri-1');
  own.eventMissed('cri-2');
  own.eventAnswered('cri-1', 'feed', 12);
  own.eventAnswered('cri-2', 'feed', 12);
  healthy = false;
  const second = await pageOf(own);
  t.is(second.value('acr_events_total', { ...labels, outcome: 'taken' }), 3);
  t.is(second.value('acr_events_total', { ...labels, instance_id: '', outcome: 'unwatched' }), 1);
  t.is(second.value('acr_events_missed_total', { instance_id: 'cri-1' }), 1);
  t.is(second.value('acr_events_healthy', { instance_id: 'cri-1' }), 0);
  t.is(second.value('acr_events_delay_seconds_bucket', { instance_id: 'cri-1', channel: 'feed', le: '15' }), 1);
  t.is(seriesOf(second, 'cri-2'), seriesOf(first, 'cri-2'));
});

test('a channel that goes takes its series along, and one that comes leaves those of the others', async (t) => {
  const own = setUp();
  own.setInstances(['cri-1', 'cri-2']);
  own.setEvents(new Map([['cri-1', ['feed']]]));
  const event = { instanceId: 'cri-1', type: 'ScanCompleted', channel: 'feed', outcome: 'taken' } as const;
  own.eventsReceived(event, 2);
  own.setEvents(
    new Map([
      ['cri-1', ['feed', 'webhook']],
      ['cri-2', ['webhook']],
    ]),
  );
  const both = await pageOf(own);
  const labels = { instance_id: 'cri-1', type: 'ScanCompleted', channel: 'feed', outcome: 'taken' };
  t.is(both.value('acr_events_total', labels), 2);
  t.is(both.value('acr_events_total', { ...labels, type: 'PushCompleted', channel: 'webhook' }), 0);
  t.is(both.value('acr_events_total', { instance_id: '', type: '', channel: 'webhook', outcome: 'refused' }), 0);
  own.setEvents(new Map([['cri-1', ['webhook']]]));
  const one = await pageOf(own);
  t.false(one.families.get('acr_events_total')?.samples.some(({ labels: each }) => each.channel === 'feed'));
  t.is(one.value('acr_events_total', { ...labels, channel: 'webhook' }), 0);
  own.setEvents(new Map());
  const none = await pageOf(own);
  for (const name of ['acr_events_total', 'acr_events_missed_total', 'acr_events_delay_seconds'])
    t.is(none.families.get(name)?.samples.length ?? 0, 0, name);
});

test('schedulers are shown as they are at the scrape, and gone when they are', async (t) => {
  let schedulers: SchedulerStatus[] = [
    {
      ...IDLE,
      due: { urgent: 3, background: 400 },
      oldestDueSeconds: { urgent: 0.5, background: 12.25 },
      inFlight: 4,
      rate: { configured: 5, current: 2.5 },
      paused: { refused: false, throttled: true },
    },
    { ...IDLE, credentials: 'cri-own' },
  ];
  const own = setUp(() => schedulers);
  const page = await pageOf(own);
  const credentials = 'default';
  t.is(page.value('acr_scheduler_due_tags', { credentials, class: 'urgent' }), 3);
  t.is(page.value('acr_scheduler_due_tags', { credentials, class: 'background' }), 400);
  t.is(page.value('acr_scheduler_oldest_due_seconds', { credentials, class: 'urgent' }), 0.5);
  t.is(page.value('acr_scheduler_oldest_due_seconds', { credentials, class: 'background' }), 12.25);
  t.is(page.value('acr_scheduler_requests_in_flight', { credentials }), 4);
  t.is(page.value('acr_scheduler_rate_limit_requests_per_second', { credentials, kind: 'configured' }), 5);
  t.is(page.value('acr_scheduler_rate_limit_requests_per_second', { credentials, kind: 'current' }), 2.5);
  t.is(page.value('acr_scheduler_paused', { credentials, reason: 'refused' }), 0);
  t.is(page.value('acr_scheduler_paused', { credentials, reason: 'throttled' }), 1);
  t.is(page.value('acr_scheduler_requests_in_flight', { credentials: 'cri-own' }), 0);
  schedulers = [IDLE];
  t.is((await pageOf(own)).families.get('acr_scheduler_paused')?.samples.length, 2);
});

test('there is one build info, also when the SDK becomes known later', async (t) => {
  const own = setUp();
  const build = { version: '1.2.3', revision: 'abc', nodeVersion: 'v20.20.0', sdk: '' };
  own.setBuildInfo(build);
  own.setBuildInfo({ ...build, sdk: '@alicloud/openapi-core' });
  const samples = (await pageOf(own)).families.get('acr_scan_exporter_build_info')?.samples;
  const labels = { version: '1.2.3', revision: 'abc', node_version: 'v20.20.0', sdk: '@alicloud/openapi-core' };
  t.deepEqual(samples, [{ name: 'acr_scan_exporter_build_info', labels, value: 1 }]);
});

test('a reload that fails is shown and leaves the time of the last success; before the first there is neither', async (t) => {
  const own = setUp();
  const family = 'acr_scan_exporter_config_last_reload';
  own.setInstances(['cri-1']);
  t.deepEqual(
    [...(await pageOf(own)).families.keys()].filter((name) => name.startsWith(family)),
    [],
  );
  own.configReloaded(true, 1_795_480_000_123);
  own.configReloaded(false, 1_795_480_060_000);
  const page = await pageOf(own);
  t.is(page.value(`${family}_successful`), 0);
  t.is(page.value(`${family}_success_timestamp_seconds`), 1_795_480_000.123);
});

test('saves are shown as far as they are known, and without storage there is nothing of them', async (t) => {
  let status: SaveStatus | undefined;
  const own = setUp(undefined, undefined, () => status);
  const family = 'acr_scan_exporter_state';
  const shown = async () => {
    const page = await pageOf(own);
    const names = [...page.families.keys()].filter((name) => name.startsWith(family));
    return Object.fromEntries(names.map((name) => [name.slice(family.length + 1), page.value(name)]));
  };
  t.deepEqual(await shown(), {});
  status = { successful: undefined, savedMs: undefined, durationSeconds: undefined };
  own.stateRestored(0);
  t.deepEqual(await shown(), { restored_tags: 0 });
  status = { successful: false, savedMs: undefined, durationSeconds: 0.25 };
  own.stateRestored(7);
  t.deepEqual(await shown(), { last_save_successful: 0, save_duration_seconds: 0.25, restored_tags: 7 });
  status = { successful: true, savedMs: 1_795_480_000_123, durationSeconds: 0.5 };
  const saved = {
    last_save_successful: 1,
    last_save_timestamp_seconds: 1_795_480_000.123,
    save_duration_seconds: 0.5,
    restored_tags: 7,
  };
  t.deepEqual(await shown(), saved);
  status = { ...status, successful: false };
  t.deepEqual(await shown(), { ...saved, last_save_successful: 0 });
});

test('OpenMetrics names counters without _total and writes le with a point; text in between is not disturbed', async (t) => {
  const own = setUp();
  own.setInstances(['cri-1']);
  const [before, open, after] = await Promise.all([own.render('text'), own.render('openmetrics'), own.render('text')]);
  t.is(before, after);
  t.is(await own.render('text'), before);
  t.true(open.includes('# TYPE acr_api_requests counter\n'));
  t.true(open.includes('acr_api_requests_total{instance_id="cri-1",action="GetRepoTagScanStatus"} 0\n'));
  t.true(
    open.includes(
      'acr_api_request_duration_seconds_bucket{instance_id="cri-1",action="GetRepoTagScanStatus",le="1.0"} 0\n',
    ),
  );
  t.true(before.includes('# TYPE acr_api_requests_total counter\n'));
  t.true(
    before.includes(
      'acr_api_request_duration_seconds_bucket{instance_id="cri-1",action="GetRepoTagScanStatus",le="1"} 0\n',
    ),
  );
  t.notThrows(() => parsePage(`${open}# EOF\n`, 'openmetrics'));
});

test('instances with awkward names keep their series apart', async (t) => {
  const own = setUp();
  const names = ['a', 'a,action:x', 'q"u', 'back\\slash', 'new\nline'];
  own.setInstances(names);
  for (const name of names) own.requestSent(name, POLL);
  own.setInstances(names.slice(1));
  const samples = (await pageOf(own)).families.get('acr_api_requests_total')?.samples ?? [];
  t.deepEqual(
    samples.map(({ labels, value }) => [labels.instance_id, value]),
    names.slice(1).map((name) => [name, 1]),
  );
});

test('process metrics are there, without the gauges that pass for counters and without nonsense when scraped twice at once', async (t) => {
  const own = new SelfMetrics({
    schedulers: () => [],
    discoveries: () => [],
    events: () => [],
    saves: () => undefined,
    droppedLogLines: () => 0,
    processMetrics: true,
  });
  const texts = await Promise.all([own.render('text'), own.render('text'), own.render('openmetrics')]);
  const [first, second] = texts.slice(0, 2).map((text) => parsePage(text));
  parsePage(`${texts[2]}# EOF\n`, 'openmetrics');
  for (const page of [first, second]) {
    t.true((page?.value('process_cpu_seconds_total') ?? 0) > 0);
    t.true((page?.value('process_start_time_seconds') ?? 0) > 1e9);
    for (const name of MISNAMED_DEFAULTS) t.false(page?.families.has(name));
    for (const { samples } of page?.families.values() ?? []) {
      for (const { name, value } of samples) {
        if (name.startsWith('nodejs_eventloop_lag')) t.true(value < 1e6, `${name} is ${value}`);
      }
    }
  }
});

test('the list of families has every family that a busy page shows, with its type and labels', async (t) => {
  const found = {
    instanceId: 'cri-1',
    tags: 3,
    truncated: true,
    lastSuccessMs: 1_000,
    lastError: undefined,
    rules: undefined,
  };
  const own = setUp(
    () => [IDLE],
    () => [found],
  );
  own.setInstances(['cri-1']);
  own.setBuildInfo({ version: '1', revision: 'a', nodeVersion: 'v20', sdk: '' });
  own.configReloaded(true, 1);
  const listed = new Map(allFamilies().map((family) => [family.name, family]));
  t.is(listed.size, allFamilies().length);
  const { families } = await pageOf(own);
  t.is(families.size, 19);
  for (const [name, { type, samples }] of families) {
    t.is(listed.get(name)?.type, type as 'gauge');
    for (const { labels } of samples) {
      t.deepEqual(
        Object.keys(labels).filter((label) => label !== 'le'),
        [...(listed.get(name)?.labels ?? [])],
      );
    }
  }
});

test('discovery shows what it found and when, without a time before the first success, and nothing of instances that have none', async (t) => {
  let statuses: DiscoveryStatus[] = [
    {
      instanceId: 'cri-1',
      tags: 0,
      truncated: false,
      lastSuccessMs: undefined,
      lastError: undefined,
      rules: undefined,
    },
  ];
  const own = setUp(undefined, () => statuses);
  const before = await pageOf(own);
  t.is(before.value('acr_discovery_tags', { instance_id: 'cri-1' }), 0);
  t.is(before.value('acr_discovery_truncated', { instance_id: 'cri-1' }), 0);
  t.false(before.families.has('acr_discovery_last_success_timestamp_seconds'));
  own.discoveryRunEnded(4);
  statuses = [
    {
      instanceId: 'cri-1',
      tags: 7,
      truncated: true,
      lastSuccessMs: 1_795_480_000_500,
      lastError: undefined,
      rules: [
        { repositories: 3, tags: 7 },
        { repositories: 0, tags: 0 },
        { repositories: 2, tags: 0 },
      ],
    },
  ];
  const after = await pageOf(own);
  t.is(after.value('acr_discovery_tags', { instance_id: 'cri-1' }), 7);
  t.is(after.value('acr_discovery_truncated', { instance_id: 'cri-1' }), 1);
  t.is(after.value('acr_discovery_last_success_timestamp_seconds', { instance_id: 'cri-1' }), 1_795_480_000.5);
  t.is(after.value('acr_discovery_duration_seconds_bucket', { le: '5' }), 1);
  t.is(after.value('acr_discovery_duration_seconds_bucket', { le: '2.5' }), 0);
  t.is(after.value('acr_discovery_rule_repositories', { instance_id: 'cri-1', rule: '1' }), 3);
  t.is(after.value('acr_discovery_rule_repositories', { instance_id: 'cri-1', rule: '2' }), 0);
  t.is(after.value('acr_discovery_rule_repositories', { instance_id: 'cri-1', rule: '3' }), 0);
  statuses = [];
  const without = [...(await pageOf(own)).families.keys()].filter((name) => name.startsWith('acr_discovery_'));
  t.deepEqual(without, []);
});

test('the identity that signs is shown while there is one, and only the present one', async (t) => {
  let inUse: SchedulerStatus['inUse'];
  const own = setUp(() => [{ ...IDLE, inUse }]);
  const name = 'acr_scan_exporter_credentials_info';
  t.deepEqual((await pageOf(own)).families.get(name)?.samples ?? [], []);
  for (const identity of ['acs:ram::1:role/acr', 'acs:ram::1:role/another']) {
    inUse = { provider: 'oidc_role_arn', identity, renewalFails: false };
    const page = await pageOf(own);
    t.is(page.value(name, { credentials: 'default', provider: 'oidc_role_arn', identity }), 1);
    t.is(page.families.get(name)?.samples.length, 1);
  }
});

test('replicas show their members, part and shares; an exporter alone shows nothing of them', async (t) => {
  const namesOf = (page: ParsedPage) => [...page.families.keys()].filter((name) => name.startsWith('acr_replica_'));
  t.deepEqual(namesOf(await pageOf(setUp())), []);
  let lastExchangeMs: number | undefined;
  const own = new SelfMetrics({
    schedulers: () => [],
    discoveries: () => [],
    events: () => [],
    saves: () => undefined,
    replica: () => ({
      id: 'one',
      host: 'pod-1',
      isConnected: true,
      isMember: true,
      members: [
        { id: 'one', host: 'pod-1' },
        { id: 'two', host: 'pod-2' },
      ],
      differs: ['pod-2'],
      lastExchangeMs,
      problem: undefined,
      max: 4,
      shares: [{ credentials: 'default', ratio: 0.5 }],
      repositories: 3,
      tags: 9,
      unwrittenTags: 1,
    }),
    droppedLogLines: () => 0,
    processMetrics: false,
  });
  const before = await pageOf(own);
  t.false(before.families.get('acr_replica_members')?.samples.some(() => true) ?? false);
  lastExchangeMs = 1_795_480_000_500;
  const page = await pageOf(own);
  t.is(page.value('acr_replica_members', {}), 2);
  t.is(page.value('acr_replica_max_members', {}), 4);
  t.is(page.value('acr_replica_joined', {}), 1);
  t.is(page.value('acr_replica_repositories', {}), 3);
  t.is(page.value('acr_replica_tags', {}), 9);
  t.is(page.value('acr_replica_rate_share_ratio', { credentials: 'default' }), 0.5);
  t.is(page.value('acr_replica_redis_connected', {}), 1);
  t.is(page.value('acr_replica_last_exchange_timestamp_seconds', {}), 1_795_480_000.5);
  t.is(page.value('acr_replica_config_differs', {}), 1);
  t.is(page.value('acr_replica_unwritten_tags', {}), 1);
  t.is(namesOf(page).length, 10);
});
