// Events over restarts and reloads: the feed goes on where it was, and healthy events count from the start.
import test, { type ExecutionContext } from 'ava';
import { readRecord } from '../../src/app/snapshot-records.ts';
import { EventRegistry } from '../helpers/event-registry.ts';
import { type RestartOptions, recordsOf, restart, type Watching } from '../helpers/restarting.ts';
import { createScriptedPipeline, entry } from '../helpers/scripted-pipeline.ts';

const API = entry({ namespace: 'shop', name: 'api', id: 'crr-api' }, 'v1', 'v2');
const HOUR_MS = 3_600_000;
const FEED_MS = 15_000;

function run(t: ExecutionContext, { scheduler }: Watching): () => void {
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void scheduler.run(stop.signal);
  return () => stop.abort();
}

/** A process that has read the records of an hour. */
async function reading(t: ExecutionContext) {
  const registry = new EventRegistry();
  for (const tag of ['v1', 'v2']) registry.set(tag, 'complete');
  const options: RestartOptions = { api: (clock) => registry.api(clock), repositories: [API] };
  const before = createScriptedPipeline(options);
  await before.watch(API);
  before.listen({ feedMs: FEED_MS });
  const stop = run(t, before);
  await before.clock.advance(HOUR_MS);
  for (let i = 0; i < 20; i += 1) registry.record(`r${i}`, 'v1', before.clock.now());
  await before.clock.advance(20_000);
  t.is(before.outcomes.length, 20);
  stop();
  return { registry, before, options };
}

test('after a restart the feed goes on with the records that are new, also those of the time between', async (t) => {
  const { registry, before, options } = await reading(t);
  registry.set('v2', 'failed');
  registry.record('between', 'v2', before.clock.now() + 30_000);
  const after = await restart(before, { ...options, events: { feedMs: FEED_MS }, downMs: 2 * HOUR_MS });
  run(t, after);
  await after.clock.advance(5_000);
  t.deepEqual(after.outcomes, ['taken'], 'none of the twenty is an event again');
  t.true(after.shown().includes('shop/api:v2 failed'));
});

test('a process that ended between two pages of records leaves those of the other pages to the next one', async (t) => {
  const { registry, before, options } = await reading(t);
  const stop = run(t, before);
  for (let i = 0; i < 250; i += 1) registry.record(`more${i}`, 'v1', before.clock.now());
  registry.failingPages.add(2);
  await before.clock.advance(20_000);
  t.true(before.outcomes.length < 250);
  registry.failingPages.clear();
  stop();
  const after = await restart(before, { ...options, events: { feedMs: FEED_MS } });
  run(t, after);
  await after.clock.advance(5_000);
  t.is(before.outcomes.length + after.outcomes.length, 20 + 250);
});

test('a tag that an event announced and no poll has answered is polled first by the next process', async (t) => {
  const { registry, before, options } = await reading(t);
  registry.set('v2', 'failed', before.clock.now());
  registry.record('announced', 'v2', before.clock.now());
  // The feed hears of it, and the process ends before the poll is answered.
  registry.unansweredActions.add('GetRepoTagScanStatus');
  run(t, before);
  await before.clock.advance(20_000);
  t.is(before.outcomes.length, 21);
  registry.unansweredActions.clear();
  const after = await restart(before, { ...options, events: { feedMs: FEED_MS } });
  run(t, after);
  await after.clock.advance(2_000);
  t.deepEqual(after.outcomes, []);
  t.true(after.shown().includes('shop/api:v2 failed'));
});

test('events that were healthy are healthy from the start: complete tags are not polled early', async (t) => {
  const { registry, before, options } = await reading(t);
  const polls = () => registry.requests.get('GetRepoTagScanStatus') ?? 0;
  const first = polls();
  const after = await restart(before, { ...options, events: { feedMs: FEED_MS } });
  t.true(after.eventManager.statuses()[0]?.healthy);
  run(t, after);
  await after.clock.advance(HOUR_MS);
  t.is(polls(), first);
  const without = await restart(before, options);
  run(t, without);
  await without.clock.advance(HOUR_MS);
  t.true(polls() > first + 8);
});

test('a snapshot with a damaged memory of events is not believed, and one without is taken', (t) => {
  const names = { refused: [] };
  const health = { missedTooMany: false, webhookProven: true, feedWell: true };
  const read = (events: unknown) => readRecord({ kind: 'instance', id: 'cri-1', names, events });
  t.truthy(read(undefined));
  t.truthy(read({ health }));
  t.truthy(read({ health, cursor: { sinceMs: 5, ids: ['a'] } }));
  for (const events of [
    7,
    {},
    { health: { ...health, feedWell: 'yes' } },
    { health, cursor: { sinceMs: -1, ids: [] } },
    { health, cursor: { sinceMs: 5, ids: [7] } },
    { health, cursor: { sinceMs: 5, ids: 'a' } },
    { health, cursor: { sinceMs: 5, ids: ['x'.repeat(10_000)] } },
  ]) {
    t.is(read(events), undefined, JSON.stringify(events).slice(0, 80));
  }
});

test('a reload that changes the period goes on, one that removes the feed ends it, and complete tags are due as before', async (t) => {
  const { registry, before } = await reading(t);
  run(t, before);
  const records = () => registry.requests.get('ListEventCenterRecord') ?? 0;
  t.false(before.listen({ feedMs: 60_000 }));
  await before.clock.advance(FEED_MS);
  const first = records();
  await before.clock.advance(10 * 60_000);
  t.is(records() - first, 10);
  t.is(before.outcomes.length, 20, 'nothing is read twice');
  t.true(before.listen({ feedMs: 60_000 }, HOUR_MS), 'a shorter interval makes tags due earlier');
  t.true(before.listen({}), 'no interval for events any more');
  t.is(before.instance.tasks.size, 0);
  t.is(before.instance.completeMs, undefined);
  const last = records();
  await before.clock.advance(HOUR_MS);
  t.is(records(), last);
  t.deepEqual(before.eventManager.statuses(), []);
  t.true(recordsOf(before).length > 0);
});
