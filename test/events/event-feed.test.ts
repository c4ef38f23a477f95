// The feed of an instance: which records become events, and what it says when there are none.
import test, { type ExecutionContext } from 'ava';
import { EventRegistry } from '../helpers/event-registry.ts';
import { createScriptedPipeline, entry } from '../helpers/scripted-pipeline.ts';

const API = { namespace: 'shop', name: 'api', id: 'crr-api' };
const FEED_MS = 15_000;

/** Tags `v1` to `v3`, complete, and a feed every 15 seconds. */
async function feeding(t: ExecutionContext, prepare: (registry: EventRegistry, nowMs: number) => void = () => {}) {
  const registry = new EventRegistry();
  for (const tag of ['v1', 'v2', 'v3']) registry.set(tag, 'complete');
  const pipeline = createScriptedPipeline({ api: (clock) => registry.api(clock) });
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const { clock, watch } = pipeline;
  prepare(registry, clock.now());
  void pipeline.scheduler.run(stop.signal);
  await watch(entry(API, 'v1', 'v2', 'v3'));
  pipeline.listen({ feedMs: FEED_MS });
  await clock.advance(1);
  const status = () => pipeline.eventManager.statuses()[0];
  const count = (action: string) => registry.requests.get(action) ?? 0;
  return { ...pipeline, registry, status, count };
}

test('a new record polls its tag within a period, once, with one request for all tags', async (t) => {
  const { registry, clock, shown, count, outcomes, delays } = await feeding(t);
  await clock.advance(60_000);
  const [records, polls] = [count('ListEventCenterRecord'), count('GetRepoTagScanStatus')];
  registry.set('v2', 'failed');
  registry.record('r1', 'v2', clock.now());
  await clock.advance(FEED_MS + 100);
  t.true(shown().includes('shop/api:v2 failed'));
  await clock.advance(60_000);
  t.is(count('GetRepoTagScanStatus'), polls + 1);
  t.is(count('ListEventCenterRecord'), records + 5);
  t.deepEqual(outcomes, ['taken'], 'the same record in the next pages is no event');
  t.is(delays.length, 1);
  t.is(count('ListEventCenterRuleName'), 1, 'asked at the start');
});

test('a record that comes late is taken, and one that was there before the start is not asked for again', async (t) => {
  const { registry, clock, outcomes } = await feeding(t, (made, nowMs) => {
    made.record('old', 'v1', nowMs - 3_600_000);
  });
  await clock.advance(120_000);
  t.deepEqual(outcomes, []);
  registry.set('v1', 'failed');
  registry.record('r1', 'v1', clock.now());
  await clock.advance(FEED_MS + 100);
  registry.set('v3', 'failed');
  registry.record('late', 'v3', clock.now() - 60_000, 'last');
  await clock.advance(FEED_MS + 100);
  t.deepEqual(outcomes, ['taken', 'taken']);
});

test('hundreds of new records are paged on, and known ones are not', async (t) => {
  const { registry, clock, outcomes, count } = await feeding(t);
  await clock.advance(60_000);
  for (let i = 0; i < 350; i += 1) registry.record(`r${i}`, `v${(i % 3) + 1}`, clock.now() + i * 10);
  await clock.advance(FEED_MS + 100);
  t.is(outcomes.length, 350);
  const before = count('ListEventCenterRecord');
  await clock.advance(10 * FEED_MS);
  t.is(outcomes.length, 350);
  t.true(count('ListEventCenterRecord') - before <= 14);
});

test('records that a failed request did not bring come with the next period', async (t) => {
  const { registry, clock, outcomes, count } = await feeding(t);
  await clock.advance(60_000);
  for (let i = 0; i < 350; i += 1) registry.record(`r${i}`, `v${(i % 3) + 1}`, clock.now() + i * 10);
  registry.failingPages.add(3);
  await clock.advance(FEED_MS + 100);
  t.is(outcomes.length, 200);
  registry.failingPages.clear();
  await clock.advance(2 * FEED_MS);
  t.is(outcomes.length, 350);
  const before = count('ListEventCenterRecord');
  await clock.advance(10 * FEED_MS);
  t.true(count('ListEventCenterRecord') - before <= 14);
});

test('a damaged record is counted once and changes nothing', async (t) => {
  const { registry, clock, outcomes, status } = await feeding(t);
  const record = { recordId: 'r', eventType: '', namespace: 'shop', repoName: 'api', tag: 'v1', createTime: 5 };
  registry.records = [
    { ...record, recordId: '', createTime: clock.now() },
    { ...record, tag: '', createTime: clock.now() },
    { ...record, recordId: 'no time', createTime: undefined },
    { ...record, recordId: 'x'.repeat(300), createTime: clock.now() },
    { ...record, recordId: 'push', eventType: 'cr:Artifact:BuildCompleted', createTime: clock.now() },
  ];
  await clock.advance(4 * FEED_MS);
  t.deepEqual(outcomes, Array(5).fill('invalid'));
  for (let minute = 0; minute < 20; minute += 1) {
    registry.record(`r${minute}`, 'v9', clock.now());
    await clock.advance(60_000);
  }
  t.is(outcomes.filter((outcome) => outcome === 'invalid').length, 5);
  t.is(status()?.feed?.lastError, undefined);
});

test('an instance without an event rule is told once in the log, asked again after some minutes, and is not healthy', async (t) => {
  const { registry, clock, events, status, count, instance } = await feeding(t, (made) => {
    made.rules = [];
  });
  const lines = (text: string) => events.filter((line) => line.includes(text)).length;
  await clock.advance(1_800_000);
  t.like(status(), { healthy: false, feed: { hasRule: false } });
  t.is(lines('the instance has no event rule'), 1);
  t.true(count('ListEventCenterRuleName') <= 7);
  registry.rules = ['scans'];
  await clock.advance(320_000);
  t.like(status(), { healthy: true, feed: { hasRule: true } });
  t.is(instance.completeMs, 21_600_000);
  t.is(lines('the instance has an event rule now'), 1);
  registry.rules = [];
  await clock.advance(320_000);
  t.like(status(), { healthy: false, feed: { hasRule: false } });
  t.is(instance.completeMs, undefined);
  t.is(lines('tags are polled as without events {"instance_id":"cri-1"}'), 2);
});

test('a feed that fails backs off, is told in one line, is unhealthy after three periods, and well again with its next answer', async (t) => {
  const { registry, clock, events, status, count, failures, instance } = await feeding(t);
  await clock.advance(60_000);
  t.true(status()?.healthy);
  registry.feedError = 'NoPrivilege';
  await clock.advance(30_000);
  t.true(status()?.healthy);
  await clock.advance(60_000);
  t.like(status(), { healthy: false, feed: { lastError: { code: 'NoPrivilege' } } });
  t.is(instance.completeMs, undefined);
  const before = count('ListEventCenterRecord');
  await clock.advance(1_800_000);
  t.true(count('ListEventCenterRecord') - before <= 9, 'it backs off');
  t.is(events.filter((line) => line.startsWith('event feeds fail:')).length, 1);
  t.true(failures.includes('ListEventCenterRecord NoPrivilege'));
  registry.feedError = undefined;
  await clock.advance(600_000);
  t.like(status(), { healthy: true, feed: { lastError: undefined } });
  t.is(events.filter((line) => line.startsWith('event feeds no longer fail')).length, 1);
});

test('ends that no record announces are missed after a minute, and complete tags are polled as without events, though nothing else happens', async (t) => {
  const { registry, clock, status, missed, events, instance } = await feeding(t, (made) => {
    for (const tag of ['v1', 'v2', 'v3']) made.set(tag, 'scanning');
  });
  await clock.advance(20_000);
  for (const tag of ['v1', 'v2', 'v3']) registry.set(tag, 'complete');
  await clock.advance(60_000);
  t.deepEqual([missed.length, status()?.healthy], [0, true]);
  await clock.advance(15_000);
  t.deepEqual([missed.length, status()?.missed, status()?.healthy], [3, 3, false]);
  t.is(instance.completeMs, undefined);
  t.is(events.filter((line) => line.startsWith('events are not healthy')).length, 1);
});

for (const code of ['NoPrivilege', 'InvalidAction.NotFound']) {
  test(`if rules cannot be listed because of ${code}, a feed is well from its first new record on, and the log says so once`, async (t) => {
    const { registry, clock, status, events, failures } = await feeding(t, (made, nowMs) => {
      made.rulesError = code;
      made.record('old', 'v1', nowMs - 3_600_000);
    });
    await clock.advance(1_800_000);
    t.like(status(), { healthy: false, feed: { hasRule: undefined, lastError: undefined, rulesError: { code } } });
    t.is(events.filter((line) => line.includes('event rules cannot be listed')).length, 1);
    t.false(events.some((line) => line.includes('event feeds fail')));
    t.true(failures.includes(`ListEventCenterRuleName ${code}`));
    registry.record('new', 'v1', clock.now());
    await clock.advance(FEED_MS + 100);
    t.like(status(), { healthy: true, feed: { hasRule: undefined } });
    registry.rulesError = undefined;
    await clock.advance(320_000);
    t.like(status(), { healthy: true, feed: { hasRule: true, rulesError: undefined } });
  });
}

test('without a right to the event center, the log has one line for each operation, however long it lasts', async (t) => {
  const { clock, status, events } = await feeding(t, (made) => {
    made.feedError = 'NoPrivilege';
  });
  await clock.advance(3_600_000);
  t.like(status(), { healthy: false });
  const lines = events.filter((line) => /ListEventCenter\w+/.test(line));
  t.deepEqual(lines.map((line) => /ListEventCenter\w+/.exec(line)?.[0]).toSorted(), [
    'ListEventCenterRecord',
    'ListEventCenterRuleName',
  ]);
});
