// In which order tags are polled that events make due.
import test from 'ava';
import type { RegistryEvent } from '../../src/model/events.ts';
import { createScriptedPipeline, entry } from '../helpers/scripted-pipeline.ts';

const TAGS = ['v1', 'v2', 'v3', 'v4', 'v5'];
const MINUTE_MS = 60_000;

test('of tags that events make due, the one whose event happened first is polled first, however long each was overdue', async (t) => {
  const pipeline = createScriptedPipeline();
  const { clock, scheduler, pending, eventManager } = pipeline;
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  await pipeline.watch(entry({ namespace: 'shop', name: 'api', id: 'crr-api' }, ...TAGS));
  void scheduler.run(stop.signal);
  await clock.advance(0);
  // Each is answered a second after the one before, so that each is due a second later.
  for (const { answer } of pending.splice(0)) {
    answer.status('COMPLETE');
    await clock.advance(1_000);
  }
  // All are overdue before any may be polled again.
  await clock.advance(9.5 * MINUTE_MS);
  scheduler.quota.adaptiveRate.pause(clock.monotonic(), 2 * MINUTE_MS);
  await clock.advance(MINUTE_MS);
  t.is(pending.length, 0);
  const agesMs: Readonly<Record<string, number>> = { v1: 3_000, v2: 9_000, v3: 1_000, v4: 7_000, v5: 5_000 };
  for (const [tag, ageMs] of Object.entries(agesMs)) {
    const event: RegistryEvent = {
      id: tag,
      type: 'ScanCompleted',
      instanceId: 'cri-1',
      repository: { id: 'crr-api', namespace: 'shop', name: 'api' },
      tag,
      timeMs: clock.now() - ageMs,
    };
    t.is(eventManager.intake.receive(event, 'webhook'), 'taken');
  }
  await clock.advance(MINUTE_MS);
  t.deepEqual(
    pending.map(({ request }) => request.tag),
    ['v2', 'v4', 'v5', 'v1', 'v3'],
  );
});
