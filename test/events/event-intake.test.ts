// What becomes of an event: its tag is polled at once, or nothing changes.
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { EventChannel } from '../../src/model/events.ts';
import { scanCompleted } from '../helpers/event-registry.ts';
import { createScriptedPipeline, entry, type Pending } from '../helpers/scripted-pipeline.ts';

const API = { namespace: 'shop', name: 'api', id: 'crr-api' };

/** Tags `v1` and `v2` that were answered with COMPLETE, a minute ago. */
async function watching(t: ExecutionContext, options: Parameters<typeof createScriptedPipeline>[0] = {}) {
  const pipeline = createScriptedPipeline(options);
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void pipeline.scheduler.run(stop.signal);
  const { clock, pending, watch, eventManager } = pipeline;
  await watch(entry(API, 'v1', 'v2'));
  pipeline.listen({ hasWebhook: true });
  await clock.advance(0);
  for (const { answer } of pending.splice(0)) answer.status('COMPLETE');
  await clock.advance(60_000);
  let events = 0;
  return {
    ...pipeline,
    /** An event that the scan of a tag ended so many milliseconds ago. */
    send(tag: string, agoMs = 0, { id = '', channel = 'webhook' as EventChannel } = {}) {
      events += 1;
      return eventManager.intake.receive(scanCompleted(id || `e${events}`, tag, clock.now() - agoMs), channel);
    },
    async asked(): Promise<Pending[]> {
      await clock.advance(0);
      return pending.splice(0);
    },
  };
}

const tagsOf = (requests: readonly Pending[]) => requests.map(({ request }) => String(request.tag));

test('an event polls its tag at once, and no other', async (t) => {
  const { send, asked, shown, delays, outcomes, clock } = await watching(t);
  t.is(send('v2', 1_500), 'taken');
  const [poll, ...others] = await asked();
  t.deepEqual(tagsOf([...(poll ? [poll] : []), ...others]), ['v2']);
  await clock.advance(500);
  poll?.answer.status('FAILED');
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 failed']);
  t.deepEqual(delays, [['webhook', 2]]);
  t.deepEqual(outcomes, ['taken']);
  t.deepEqual(await asked(), []);
});

test('an event that changes nothing sends nothing and is counted with its reason', async (t) => {
  const { send, asked, eventManager, clock, outcomes, shown } = await watching(t);
  const before = shown();
  const { intake } = eventManager;
  t.is(send('v9'), 'unwatched');
  t.is(intake.receive({ ...scanCompleted('other', 'v1', clock.now()), instanceId: 'cri-9' }, 'webhook'), 'unwatched');
  const repository = { id: 'crr-x', namespace: 'shop', name: 'x' };
  t.is(intake.receive({ ...scanCompleted('repo', 'v1', clock.now()), repository }, 'webhook'), 'unwatched');
  t.is(send('v1', 62_000), 'outdated');
  t.is(send('v1', -60_001), 'future');
  t.is(intake.receive(scanCompleted('no time', 'v1', Number.NaN), 'feed'), 'invalid');
  t.deepEqual(await asked(), []);
  t.deepEqual(shown(), before);
  t.deepEqual(outcomes, ['unwatched', 'unwatched', 'unwatched', 'outdated', 'future', 'invalid']);
});

test('a repository is found by its id, and by its names where the event has no id or an older one', async (t) => {
  const { eventManager, clock, asked } = await watching(t);
  const receive = (id: string, repository: { id: string; namespace: string; name: string }) =>
    eventManager.intake.receive({ ...scanCompleted(id, 'v1', clock.now()), repository }, 'feed');
  t.is(receive('a', { id: '', namespace: 'shop', name: 'api' }), 'taken');
  t.is(receive('b', { id: 'crr-former', namespace: 'shop', name: 'api' }), 'taken');
  t.is(receive('c', { id: 'crr-api', namespace: '', name: '' }), 'taken');
  t.deepEqual(tagsOf(await asked()), ['v1'], 'one poll answers all of them');
});

test('an event with a known id is a duplicate, for a day; each channel and each instance has its own ids', async (t) => {
  const { send, asked, clock, eventManager } = await watching(t);
  const ofAnother = { ...scanCompleted('one', 'v1', clock.now()), instanceId: 'cri-9' };
  t.is(send('v1', 0, { id: 'one' }), 'taken');
  t.is(send('v1', 0, { id: 'one' }), 'duplicate');
  t.is(eventManager.intake.receive(ofAnother, 'webhook'), 'unwatched');
  for (const { answer } of await asked()) answer.status('COMPLETE');
  await clock.advance(30_000);
  t.is(send('v1', 0, { id: 'one' }), 'duplicate');
  t.is(send('v1', 0, { id: 'one', channel: 'feed' }), 'taken');
  await clock.advance(86_400_000);
  t.is(send('v1', 0, { id: 'one' }), 'taken');
});

test('an event during a poll that was sent before it makes the tag be asked once more, and one of before it does not', async (t) => {
  const { send, asked, shown, clock, delays } = await watching(t);
  send('v1');
  const [first] = await asked();
  await clock.advance(5_000);
  t.is(send('v1'), 'taken');
  t.deepEqual(await asked(), [], 'a tag never has two requests under way');
  first?.answer.status('SCANNING');
  const [second] = await asked();
  t.is(second?.request.tag, 'v1');
  t.deepEqual(delays, [], 'the first answer may not contain the news');
  await clock.advance(1_000);
  t.is(send('v1', 5_000), 'taken');
  second?.answer.status('COMPLETE');
  t.deepEqual(await asked(), []);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
  t.deepEqual(delays, [['webhook', 6]]);
});

test('the clocks of exporter and registry may differ: an event a little older than the answer, or ahead of the clock, polls once', async (t) => {
  const { send, asked, clock } = await watching(t);
  t.is(send('v1', 61_500), 'taken', 'the answer of a minute ago may be older than the scan');
  for (const { answer } of await asked()) answer.status('COMPLETE');
  await clock.advance(10_000);
  t.is(send('v1', -59_000), 'taken');
  for (const { answer } of await asked()) answer.status('COMPLETE');
  t.deepEqual(await asked(), [], 'and is not asked again until its time has come');
});

test('the second channel that announces a scan costs no request', async (t) => {
  const { send, asked, clock } = await watching(t);
  t.is(send('v1', 500), 'taken');
  for (const { answer } of await asked()) answer.status('COMPLETE');
  await clock.advance(1_000);
  t.is(send('v1', 1_400, { channel: 'feed' }), 'outdated');
  t.is(send('v1', 0), 'taken', 'another scan by the same channel');
});

test('an event is kept over failures that pass, and given up after one that does not', async (t) => {
  const { send, asked, clock, delays, pending } = await watching(t);
  send('v1');
  (await asked())[0]?.answer.error('SystemError', 'transport');
  await clock.advance(5_000);
  const [again] = pending.splice(0);
  again?.answer.status('COMPLETE');
  await clock.advance(0);
  t.deepEqual(delays, [['webhook', 5]]);
  send('v2');
  (await asked())[0]?.answer.error('NoPrivilege', 'denied');
  await clock.advance(5_000);
  pending.splice(0)[0]?.answer.status('COMPLETE');
  await clock.advance(0);
  t.is(delays.length, 1);
});

test('an announced tag goes before all others, however overdue they are', async (t) => {
  const pipeline = await watching(t);
  const { send, watch, clock, pending } = pipeline;
  const names = Array.from({ length: 500 }, (_, index) => `w${index}`);
  await watch(entry(API, 'v1', 'v2', ...names));
  await clock.advance(0);
  for (const { answer } of pending.splice(0)) answer.status('SCANNING');
  // The credentials are refused for an hour: everything is overdue then.
  pipeline.credentials.unavailable = true;
  await clock.advance(3_600_000);
  t.is(send('v2'), 'taken');
  pipeline.credentials.unavailable = false;
  await clock.advance(600_000);
  t.true(tagsOf(pending.slice(0, 6)).includes('v2'), tagsOf(pending.slice(0, 6)).join());
});

test('an event during a change of the watch list is decided after it', async (t) => {
  const { eventManager, watch, clock, hooks, outcomes, pending } = await watching(t);
  const names = Array.from({ length: 1_000 }, (_, index) => `w${index}`);
  let isSent = false;
  hooks.turn = async () => {
    if (!isSent) t.is(eventManager.intake.receive(scanCompleted('x', 'w999', clock.now()), 'webhook'), 'taken');
    isSent = true;
  };
  await watch(entry(API, 'v1', 'v2', ...names));
  await clock.advance(0);
  t.true(isSent);
  t.deepEqual(outcomes, ['taken']);
  t.true(tagsOf(pending).includes('w999'));
});

test('events in any order and number about a tag end with an answer that was requested after the last of them', async (t) => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('event' as const), agoMs: fc.nat(20_000) }),
    fc.record({ type: fc.constant('answer' as const), status: fc.constantFrom('SCANNING', 'COMPLETE', 'FAILED') }),
    fc.record({ type: fc.constant('advance' as const), ms: fc.nat(4_000) }),
  );
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { send, clock, pending } = await watching(t);
        let [lastEventMs, sentMs] = [0, 0];
        const answer = (status: string) => {
          const [first, ...others] = pending.splice(0);
          if (others.length > 0) throw new Error('a tag has two requests under way');
          first?.answer.status(status);
        };
        for (const each of steps) {
          if (each.type === 'event' && send('v1', each.agoMs) === 'taken')
            lastEventMs = Math.max(lastEventMs, clock.now() - each.agoMs);
          else if (each.type === 'answer') answer(each.status);
          else if (each.type === 'advance') await clock.advance(each.ms);
          const before = pending.length;
          await clock.advance(0);
          if (pending.length > before) sentMs = clock.now();
        }
        for (let i = 0; i < 4; i += 1) {
          answer('COMPLETE');
          await clock.advance(0);
          if (pending.length > 0) sentMs = clock.now();
        }
        return sentMs >= lastEventMs && pending.length === 0;
      }),
      { numRuns: 60 },
    ),
  );
});
