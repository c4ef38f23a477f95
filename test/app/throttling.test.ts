// What throttling and refusals do to the requests of a set of credentials.
import test from 'ava';
import { systemClock } from '../../src/util/clock.ts';
import { configurationFor, instanceAt, KEY, LATEST, startExporter, startSimulator } from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { errors, paused, success } from '../helpers/tag-series.ts';
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

test('requests that were under way together and are all throttled halve the rate once', async (t) => {
  const answers = new ManualClock();
  const simulator = await startSimulator(
    t,
    { ...SIX_TAGS, latency: '1s', faults: [{ first: 6, error: { code: 'Throttling.User' } }] },
    { ...systemClock, sleep: (ms, signal) => answers.sleep(ms, signal) },
  );
  const { until } = await startExporter(t, sixTags(simulator.address));
  await until('all six are under way', () => simulator.requests().at(-1)?.underWay === 6);
  await answers.advance(1_000);
  const halved = await until('all six are answered', (page) => {
    return (
      page.value('acr_api_request_errors_total', {
        instance_id: 'cri-1',
        action: 'GetRepoTagScanStatus',
        code: 'Throttling.User',
      }) === 6
    );
  });
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
  const clock = new ManualClock(Date.now());
  const simulator = await startSimulator(t, { faults: [{ first: 1, error: { code: 'Throttling.User' } }] });
  const { until, page } = await startExporter(t, configurationFor(simulator.address), { clock });
  await until('the rate is halved', (page) => rate(page, 'current') === 50);
  for (const expected of [60, 70, 80, 90, 100, 100]) {
    await clock.advance(10_000);
    t.is(rate(await page(), 'current'), expected);
  }
});

for (const [name, fault, code, expected] of [
  ['Throttling.Api', { error: { code: 'Throttling.Api' } }, 'Throttling.Api', 50],
  ['HTTP 503 without a code', { body: { http_status: 503, text: '<p>busy</p>' } }, 'HttpStatus_503', 50],
  ['HTTP 503 ServiceUnavailable', { error: { code: 'ServiceUnavailable' } }, 'ServiceUnavailable', 100],
] as const) {
  test(`after ${name} the current rate is ${expected} of 100`, async (t) => {
    const simulator = await startSimulator(t, { faults: [fault] });
    const { until } = await startExporter(t, configurationFor(simulator.address), {
      clock: new ManualClock(Date.now()),
    });
    t.is(rate(await until('it is counted', (page) => errors(page, code) === 1), 'current'), expected);
  });
}

test('x-acs-retry-after stops all starts under the credentials, and only under those', async (t) => {
  const { simulator, until } = await startTwoSets(t, { type: 'access_key', ...SECOND_KEY });
  await until('both are polled', () => new Set(simulator.requests().map(({ accessKeyId }) => accessKeyId)).size === 2);
  simulator.setFaults([{ instance: 'cri-1', first: 1, error: { code: 'Throttling.User', retry_after: '1h' } }]);
  await until('it is paused', (page) => paused(page, 'throttled') === 1);
  const of = (id: string) => simulator.requests().filter(({ accessKeyId }) => accessKeyId === id);
  const before = of(SECOND_KEY.access_key_id).length;
  const page = await until('the other set goes on', () => of(SECOND_KEY.access_key_id).length >= before + 3);
  t.is(of(KEY.access_key_id).at(-1)?.code, 'Throttling.User', 'nothing was sent since');
  t.is(paused(page, 'throttled'), 1);
  t.is(paused(page, 'refused'), 0);
  t.is(paused(page, 'throttled', 'cri-2'), 0);
});

test('a wait that the API asks for is not believed beyond 120 s', async (t) => {
  const clock = new ManualClock(Date.now());
  const faults = [{ first: 1, error: { code: 'Throttling.User', retry_after: '1h' } }];
  const simulator = await startSimulator(t, { faults });
  const { until, page } = await startExporter(t, configurationFor(simulator.address), { clock });
  await until('it is paused', (page) => paused(page, 'throttled') === 1);
  await clock.advance(119_999);
  t.is(paused(await page(), 'throttled'), 1);
  t.is(simulator.requests().length, 1);
  await clock.advance(1);
  await until('it goes on', (page) => paused(page, 'throttled') === 0 && success(page, LATEST) === 1);
});
