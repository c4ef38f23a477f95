// What a scheduler tells the other replicas that use its credentials, and what it does about what they tell.
import test, { type ExecutionContext } from 'ava';
import { createScriptedPipeline, entry } from '../helpers/scripted-pipeline.ts';

const API = { namespace: 'shop', name: 'api', id: 'crr-api' };
const RATE = 10;

async function replica(t: ExecutionContext, ...tags: readonly string[]) {
  const told: string[] = [];
  const others = { share: RATE };
  const pipeline = createScriptedPipeline({
    group: {
      share: () => others.share,
      throttled: (retryAfterMs) => void told.push(`throttled ${retryAfterMs ?? ''}`.trim()),
      refused: () => void told.push('refused'),
    },
  });
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  await pipeline.watch(entry(API, ...tags));
  void pipeline.scheduler.run(stop.signal);
  await pipeline.clock.advance(0);
  const { pending, clock, scheduler } = pipeline;
  const refuseAll = async (code: string) => {
    for (const { answer } of pending.splice(0)) answer.error(code, 'refused');
    await clock.advance(0);
  };
  return { ...pipeline, told, others, refuseAll, rate: () => scheduler.rate.current };
}

test('a refused key is told once, whatever more requests and probes are refused, and again after it was accepted', async (t) => {
  const { clock, pending, told, refuseAll } = await replica(t, 'v1', 'v2', 'v3');
  await refuseAll('InvalidAccessKeyId.NotFound');
  t.deepEqual(told, ['refused']);
  await clock.advance(5_000);
  t.is(pending.length, 1);
  await refuseAll('SignatureDoesNotMatch');
  t.deepEqual(told, ['refused']);
  await clock.advance(10_000);
  for (const { answer } of pending.splice(0)) answer.status('SCANNING');
  await clock.advance(0);
  for (const { answer } of pending.splice(0)) answer.status('SCANNING');
  await clock.advance(15_000);
  await refuseAll('InvalidAccessKeyId.Inactive');
  t.deepEqual(told, ['refused', 'refused']);
});

for (const code of ['InvalidTimeStamp.Expired', 'InvalidTimeStamp.Format']) {
  test(`${code} stops this replica alone: its clock is wrong, and the others have their own`, async (t) => {
    const { clock, pending, scheduler, told, refuseAll } = await replica(t, 'v1', 'v2');
    await refuseAll(code);
    t.true(scheduler.breaker.isRefused);
    await clock.advance(5_000);
    t.is(pending.length, 1, 'a probe');
    await refuseAll(code);
    t.deepEqual(told, []);
  });
}

test('missing credentials stop this replica alone: others may have theirs', async (t) => {
  const { clock, pending, scheduler, credentials, told } = await replica(t, 'v1');
  pending.splice(0)[0]?.answer.status('SCANNING');
  credentials.unavailable = true;
  await clock.advance(15_000);
  t.true(scheduler.breaker.isRefused);
  t.deepEqual(told, []);
});

test('a refusal elsewhere stops all but a probe, which is not told when it is refused too, and resumes all when it is not', async (t) => {
  const { clock, pending, scheduler, told, refuseAll } = await replica(t, 'v1', 'v2', 'v3');
  for (const { answer } of pending.splice(0)) answer.status('SCANNING');
  await clock.advance(14_000);
  scheduler.refusedElsewhere();
  await clock.advance(4_999);
  t.is(pending.length, 0);
  await clock.advance(1);
  t.is(pending.length, 1);
  await refuseAll('InvalidAccessKeyId.NotFound');
  t.deepEqual(told, []);
  await clock.advance(10_000);
  pending.splice(0)[0]?.answer.status('SCANNING');
  await clock.advance(0);
  t.false(scheduler.breaker.isRefused);
  t.is(pending.length, 2);
});

test('throttling is told once an episode, with the pause that the API asks for', async (t) => {
  const { clock, pending, told, rate } = await replica(t, 'v1', 'v2', 'v3');
  await clock.advance(100);
  for (const { answer } of pending.splice(0)) answer.error('Throttling.User', 'throttled', 2_000);
  await clock.advance(0);
  t.deepEqual(told, ['throttled 2000']);
  t.is(rate(), RATE / 2);
  await clock.advance(5_000);
  t.true(pending.length > 1);
  await clock.advance(100);
  for (const { answer } of pending.splice(0)) answer.error('Throttling.User', 'throttled');
  await clock.advance(0);
  t.deepEqual(told, ['throttled 2000', 'throttled']);
  t.is(rate(), RATE / 4);
});

test('throttling elsewhere halves the rate once, also when several replicas tell, and requests from before are throttled', async (t) => {
  const { clock, pending, scheduler, told, rate } = await replica(t, 'v1', 'v2');
  await clock.advance(100);
  scheduler.throttledElsewhere(undefined);
  t.is(rate(), RATE / 2);
  await clock.advance(999);
  scheduler.throttledElsewhere(undefined);
  for (const { answer } of pending.splice(0)) answer.error('Throttling.User', 'throttled');
  await clock.advance(0);
  t.is(rate(), RATE / 2, 'one episode');
  t.deepEqual(told, []);
  await clock.advance(1);
  scheduler.throttledElsewhere(undefined);
  t.is(rate(), RATE / 4, 'another');
});

test('a pause that the API asks of another replica stops all starts', async (t) => {
  const { clock, pending, scheduler } = await replica(t, 'v1', 'v2');
  for (const { answer } of pending.splice(0)) answer.status('SCANNING');
  await clock.advance(14_000);
  scheduler.throttledElsewhere(10_000);
  await clock.advance(9_999);
  t.is(pending.length, 0);
  await clock.advance(1);
  t.is(pending.length, 2);
});

test('a replica uses its share of what throttling leaves, and starts nothing without a share until it gets one', async (t) => {
  const { clock, pending, scheduler, others, rate } = await replica(t, 'v1');
  pending.splice(0)[0]?.answer.status('SCANNING');
  others.share = 4;
  scheduler.shareChanged();
  t.deepEqual(scheduler.rate, { configured: 4, current: 4 });
  scheduler.throttledElsewhere(undefined);
  t.is(rate(), 2);
  others.share = 0;
  scheduler.shareChanged();
  await clock.advance(60_000);
  t.is(pending.length, 0);
  others.share = 1;
  scheduler.shareChanged();
  await clock.advance(0);
  t.is(pending.length, 1);
});
