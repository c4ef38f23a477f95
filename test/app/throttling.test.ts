// What throttling and refusals do to the requests of a set of credentials.
import test from 'ava';
import type { FaultInput } from '../../src/simulator/faults.ts';
import type { LoggedRequest } from '../../src/simulator/request-log.ts';
import { configurationFor, instanceAt, KEY, LATEST, startExporter, startSimulator } from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';
import { fastClock } from '../helpers/fast-clock.ts';
import { paused, success } from '../helpers/tag-series.ts';
import { SECOND_KEY, startTwoSets } from '../helpers/two-sets.ts';

const REPOSITORY = { namespace: 'shop', name: 'api', id: 'crr-1' };
const TAGS = ['a', 'b', 'c', 'd', 'e', 'f'];

const SIX_TAGS = {
  instances: [
    { id: 'cri-1', repositories: [{ ...REPOSITORY, tags: TAGS.map((tag) => ({ tag, status: 'COMPLETE' })) }] },
  ],
};

function sixTags(address: string) {
  return configurationFor(address, {
    instances: [instanceAt(address, { repositories: [{ ...REPOSITORY, tags: TAGS }] })],
  });
}

function rate(page: ParsedPage, kind: 'configured' | 'current'): number | undefined {
  return page.value('acr_scheduler_rate_limit_requests_per_second', { credentials: 'default', kind });
}

/** Real milliseconds from the end of one request to the arrival of another. */
function gapMs(before: LoggedRequest | undefined, after: LoggedRequest | undefined): number {
  return (after?.arrivedMonotonicMs ?? Number.NaN) - (before?.finishedMonotonicMs ?? Number.NaN);
}

test('requests that were under way together and are all throttled halve the rate once', async (t) => {
  const simulator = await startSimulator(t, {
    ...SIX_TAGS,
    latency: '3s',
    faults: [{ first: 6, error: { code: 'Throttling.User' } }],
  });
  const { until } = await startExporter(t, sixTags(simulator.address));
  const halved = await until('all six are answered', (page) => {
    return (
      page.value('acr_api_request_errors_total', {
        instance_id: 'cri-1',
        action: 'GetRepoTagScanStatus',
        code: 'Throttling.User',
      }) === 6
    );
  });
  t.true(
    simulator
      .requests()
      .slice(0, 6)
      .some(({ underWay }) => underWay === 6),
    'they were under way together',
  );
  t.is(rate(halved, 'current'), 50);
  t.is(rate(halved, 'configured'), 100);
  t.is(paused(halved, 'throttled'), 0);
});

test('throttling that goes on halves again and again, but not below a tenth', async (t) => {
  const simulator = await startSimulator(t, { ...SIX_TAGS, faults: [{ error: { code: 'Throttling.User' } }] });
  const { until } = await startExporter(t, sixTags(simulator.address));
  await until('the rate is a tenth', (page) => rate(page, 'current') === 10);
  const sent = simulator.requests().length;
  const later = await until('more is throttled', () => simulator.requests().length >= sent + 10);
  t.is(rate(later, 'current'), 10);
});

test('the rate recovers by a tenth of the configured one every 10 s', async (t) => {
  const factor = 20;
  const simulator = await startSimulator(t, { faults: [{ first: 1, error: { code: 'Throttling.User' } }] });
  const { until } = await startExporter(t, configurationFor(simulator.address), { clock: fastClock(factor) });
  const seen = new Map<number, number>();
  await until('the rate is halved', (page) => (rate(page, 'current') ?? 100) < 100);
  await until('it is back at what is configured', (page) => {
    const current = rate(page, 'current') ?? Number.NaN;
    if (!seen.has(current)) seen.set(current, performance.now());
    return current === 100;
  });
  const [throttled] = simulator.requests();
  const values = [...seen.keys()].filter((value) => value < 100);
  t.true(
    values.every((value) => [50, 60, 70, 80, 90].some((step) => Math.abs(step - value) < 1e-9)),
    values.join(),
  );
  for (const [value, atMs] of seen) {
    const sinceMs = (atMs - (throttled?.finishedMonotonicMs ?? Number.NaN)) * factor;
    t.true(sinceMs >= ((value - 50) / 10) * 10_000 - 1, `${value} after ${sinceMs} ms`);
  }
});

for (const [name, fault, expected] of [
  ['Throttling.Api', { error: { code: 'Throttling.Api' } }, 50],
  ['Throttling', { error: { code: 'Throttling' } }, 50],
  ['HTTP 200 that says Throttling.User', { business_error: { code: 'Throttling.User' } }, 50],
  ['HTTP 429 without a code', { body: { http_status: 429, text: '' } }, 50],
  ['HTTP 503 without a code', { body: { http_status: 503, text: '<p>busy</p>' } }, 50],
  ['HTTP 503 ServiceUnavailable', { error: { code: 'ServiceUnavailable' } }, 100],
  ['SystemError', { error: { code: 'SystemError' } }, 100],
  ['NoPrivilege', { error: { code: 'NoPrivilege' } }, 100],
] as const) {
  test(`after ${name} the current rate is ${expected} of 100`, async (t) => {
    const faults: FaultInput[] = [{ ...fault, first: 1 }];
    const simulator = await startSimulator(t, { faults });
    const { until } = await startExporter(t, configurationFor(simulator.address));
    const after = await until('it is answered in the end', (page) => success(page, LATEST) === 1);
    t.is(rate(after, 'current'), expected);
  });
}

test('x-acs-retry-after stops all starts under the credentials, and only under those', async (t) => {
  const { simulator, until } = await startTwoSets(t, { type: 'access_key', ...SECOND_KEY });
  await until('both are polled', () => new Set(simulator.requests().map(({ accessKeyId }) => accessKeyId)).size === 2);
  simulator.setFaults([{ instance: 'cri-1', first: 1, error: { code: 'Throttling.User', retry_after: '3s' } }]);
  const pausedPage = await until('it is paused', (page) => paused(page, 'throttled') === 1);
  t.is(paused(pausedPage, 'throttled', 'cri-2'), 0);
  t.is(paused(pausedPage, 'refused'), 0);
  await until('it goes on', (page) => paused(page, 'throttled') === 0 && success(page, LATEST) === 1);
  const of = (id: string) => simulator.requests().filter(({ accessKeyId }) => accessKeyId === id);
  const first = of(KEY.access_key_id);
  const throttled = first.findIndex(({ code }) => code === 'Throttling.User');
  const waitedMs = gapMs(first[throttled], first[throttled + 1]);
  t.true(waitedMs >= 2_990, `${waitedMs} ms`);
  const meanwhile = of(SECOND_KEY.access_key_id).filter(({ arrivedMonotonicMs: at }) => {
    return (
      at > (first[throttled]?.arrivedMonotonicMs ?? Number.NaN) && at < (first[throttled + 1]?.arrivedMonotonicMs ?? 0)
    );
  });
  t.true(meanwhile.length >= 3, `the other set sent ${meanwhile.length} requests meanwhile`);
});

test('a wait that the API asks for is not believed beyond 120 s', async (t) => {
  const factor = 30;
  const simulator = await startSimulator(t, {
    faults: [{ first: 1, error: { code: 'Throttling.User', retry_after: '1h' } }],
  });
  const { until } = await startExporter(t, configurationFor(simulator.address), { clock: fastClock(factor) });
  await until('it goes on', (page) => success(page, LATEST) === 1);
  const [first, second] = simulator.requests();
  const waitedMs = gapMs(first, second) * factor;
  t.true(waitedMs >= 119_500, `${waitedMs} ms`);
});

test('refused credentials are probed after 5 s, 10 s and so on up to 5 min', async (t) => {
  const factor = 60;
  const simulator = await startSimulator(t, { ...SIX_TAGS, keys: [SECOND_KEY] });
  // One at a time from the start: every request after the first one is a probe.
  const { until } = await startExporter(
    t,
    configurationFor(simulator.address, {
      rate_limit: { requests_per_second: 5, max_concurrent: 1 },
      instances: [instanceAt(simulator.address, { repositories: [{ ...REPOSITORY, tags: TAGS }] })],
    }),
    { clock: fastClock(factor) },
  );
  const expectedMs = [5, 10, 20, 40, 80, 160, 300, 300].map((seconds) => seconds * 1_000);
  await until('eight probes were sent', () => simulator.requests().length > expectedMs.length);
  const [first, ...probes] = simulator.requests();
  const gapsMs = probes.map((probe, n) => gapMs(probes[n - 1] ?? first, probe) * factor);
  for (const [n, expected] of expectedMs.entries()) {
    t.true((gapsMs[n] ?? 0) >= expected * 0.99 - 500, `probe ${n} came after ${gapsMs[n]} ms, expected ${expected}`);
  }
  t.true((gapsMs.at(-1) ?? 0) < 600_000, 'the wait does not grow beyond 5 min');
  simulator.setKeys([KEY]);
  await until('all tags are answered', (page) => TAGS.every((tag) => success(page, { ...LATEST, tag }) === 1));
});
