import test, { type ExecutionContext } from 'ava';
import { ApiError } from '../../src/acr/api-error.ts';
import { NOT_QUEUED, type Outcome, type Task } from '../../src/scheduler/task.ts';
import { createScheduler, createScriptedPipeline, entry, ScriptedCredentials } from '../helpers/scripted-pipeline.ts';

const API = { namespace: 'shop', name: 'api', id: 'crr-api' };

async function running(t: ExecutionContext, ...tags: readonly string[]) {
  const pipeline = createScriptedPipeline();
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  await pipeline.watch(entry(API, ...tags));
  void pipeline.scheduler.run(stop.signal);
  await pipeline.clock.advance(0);
  return { ...pipeline, stop };
}

/** What asks for which tag, in order. */
function asked(pending: readonly { readonly request: object }[]): unknown[] {
  return pending.map(({ request }) => ('tag' in request ? request.tag : request));
}

test('first polls start at once; the next comes one interval after the end of the last', async (t) => {
  const { clock, pending, next, shown } = await running(t, 'v1');
  const { answer, request } = next();
  t.deepEqual(request, { instanceId: 'cri-1', repoId: 'crr-api', tag: 'v1' });
  await clock.advance(2_000);
  answer.status('SCANNING');
  await clock.advance(14_999);
  t.deepEqual(shown(), ['shop/api:v1 scanning']);
  t.is(pending.length, 0);
  await clock.advance(1);
  next().answer.status('COMPLETE');
  await clock.advance(599_999);
  t.is(pending.length, 0);
  await clock.advance(1);
  t.is(pending.length, 1);
});

test('a tag whose request is under way is not asked for again', async (t) => {
  const { clock, pending } = await running(t, 'v1');
  await clock.advance(3_600_000);
  t.is(pending.length, 1);
});

test('a failed poll backs off that tag alone and keeps what is known of it', async (t) => {
  const { clock, pending, shown, store, failures } = await running(t, 'v1', 'v2');
  for (const { answer } of pending.splice(0)) answer.status('COMPLETE');
  await clock.advance(600_000);
  const [first, second] = pending.splice(0);
  first?.answer.error('SystemError', 'transport');
  second?.answer.status('COMPLETE');
  await clock.advance(2_499);
  t.is(pending.length, 0);
  await clock.advance(1);
  t.deepEqual(asked(pending), [first && 'tag' in first.request ? first.request.tag : '']);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
  t.deepEqual(failures, ['GetRepoTagScanStatus SystemError']);
  t.is([...store.tags()].filter(({ state }) => state.lastError?.code === 'SystemError').length, 1);
});

test('retry-after stops all starts until it has passed', async (t) => {
  const { clock, pending, scheduler } = await running(t, 'v1', 'v2', 'v3');
  const [first, ...others] = pending.splice(0);
  for (const { answer } of others) answer.status('SCANNING');
  first?.answer.error('Throttling.User', 'throttled', 30_000);
  await clock.advance(29_999);
  t.is(pending.length, 0);
  t.is(scheduler.quota.adaptiveRate.current(clock.monotonic()), 7, 'halved to 5, and two steps of 1 back since then');
  await clock.advance(1);
  t.is(pending.length, 3);
});

for (const [code, kind] of [
  ['ServiceUnavailable', 'transport'],
  ['TAG_NOT_EXIST', 'answered'],
  ['NoPrivilege', 'denied'],
] as const) {
  test(`retry-after with ${code} stops all starts too, at the full rate afterwards`, async (t) => {
    const { clock, pending, scheduler } = await running(t, 'v1', 'v2', 'v3');
    const [first, ...others] = pending.splice(0);
    for (const { answer } of others) answer.status('SCANNING');
    first?.answer.error(code, kind, 30_000);
    await clock.advance(29_999);
    t.is(pending.length, 0);
    t.is(scheduler.quota.adaptiveRate.current(clock.monotonic()), 10);
    await clock.advance(1);
    t.is(pending.length, 3);
  });
}

test('refused credentials stop everything but one probe at a time, and one success resumes all', async (t) => {
  const { clock, pending, scheduler } = await running(t, 'v1', 'v2', 'v3');
  for (const { answer } of pending.splice(0)) answer.error('InvalidAccessKeyId.NotFound', 'refused');
  await clock.advance(4_999);
  t.true(scheduler.breaker.isRefused);
  t.is(pending.length, 0);
  await clock.advance(1);
  t.is(pending.length, 1, 'the first probe');
  await clock.advance(60_000);
  t.is(pending.length, 1, 'no other while it is under way');
  pending.splice(0)[0]?.answer.error('SignatureDoesNotMatch', 'refused');
  await clock.advance(9_999);
  t.is(pending.length, 0);
  await clock.advance(1);
  pending.splice(0)[0]?.answer.status('COMPLETE');
  await clock.advance(0);
  t.false(scheduler.breaker.isRefused);
  t.is(pending.length, 2, 'those that had failed for this reason do not wait for their back-off');
});

test('an answer that the API gave to valid credentials resumes all, a network error does not', async (t) => {
  const { clock, pending, scheduler } = await running(t, 'v1', 'v2');
  for (const { answer } of pending.splice(0)) answer.error('InvalidAccessKeyId.NotFound', 'refused');
  await clock.advance(5_000);
  pending.splice(0)[0]?.answer.error('ConnectionReset', 'transport');
  await clock.advance(0);
  t.true(scheduler.breaker.isRefused);
  await clock.advance(10_000);
  pending.splice(0)[0]?.answer.error('NoPrivilege', 'denied');
  await clock.advance(0);
  t.false(scheduler.breaker.isRefused);
});

test('a changed secret file probes within 2 s', async (t) => {
  const { clock, pending, credentials } = await running(t, 'v1');
  for (let probe = 0; probe < 6; probe++) {
    pending.splice(0)[0]?.answer.error('SignatureDoesNotMatch', 'refused');
    await clock.advance(300_000);
  }
  pending.splice(0)[0]?.answer.error('SignatureDoesNotMatch', 'refused');
  await clock.advance(10_000);
  t.is(pending.length, 0);
  credentials.changed = true;
  await clock.advance(2_000);
  t.is(pending.length, 1);
});

test('secret files are read again before every probe', async (t) => {
  const { clock, pending, credentials } = await running(t, 'v1');
  pending.splice(0)[0]?.answer.error('SignatureDoesNotMatch', 'refused');
  await clock.advance(4_999);
  const before = credentials.refreshes;
  await clock.advance(1);
  t.is(pending.length, 1);
  t.true(credentials.refreshes > before);
});

test('without credentials no request is sent: one tag has the error, and all tags are polled when there are credentials', async (t) => {
  const pipeline = createScriptedPipeline();
  const { clock, pending, credentials, failures, scheduler, store } = pipeline;
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  credentials.unavailable = true;
  await pipeline.watch(entry(API, 'v1', 'v2', 'v3'));
  void scheduler.run(stop.signal);
  await clock.advance(4_999);
  t.deepEqual(failures, ['GetRepoTagScanStatus CredentialsUnavailable']);
  t.is([...store.tags()].filter(({ state }) => state.lastError !== undefined).length, 1);
  await clock.advance(1);
  t.is(failures.length, 2, 'the probe after 5 s');
  credentials.unavailable = false;
  await clock.advance(10_000);
  t.is(pending.length, 1, 'the probe after 10 s more');
  pending.splice(0)[0]?.answer.status('COMPLETE');
  await clock.advance(0);
  t.is(pending.length, 2);
});

test('the wall clock may be set back or forward by an hour without a burst or a stall', async (t) => {
  const { clock, pending } = await running(t, 'v1');
  for (const byMs of [-3_600_000, 7_200_000, -3_600_000]) {
    pending.splice(0)[0]?.answer.status('SCANNING');
    await clock.advance(1_000);
    clock.stepWallClock(byMs);
    await clock.advance(13_999);
    t.is(pending.length, 0);
    await clock.advance(1);
    t.is(pending.length, 1);
  }
});

test('after a stop no poll starts, and answers to requests under way are still applied', async (t) => {
  const { clock, pending, stop, shown } = await running(t, 'v1', 'v2');
  stop.abort();
  for (const { answer } of pending.splice(0)) answer.status('SCANNING');
  await clock.advance(60_000);
  t.is(pending.length, 0);
  t.deepEqual(shown(), ['shop/api:v1 scanning', 'shop/api:v2 scanning']);
});

test('a refusal is probed after 5 s, and a changed secret within 2 s, also while nothing is due for long', async (t) => {
  const { clock, pending, polls, credentials, scheduler } = await running(t, 'v1', 'v2');
  polls.timing = { ...polls.timing, backoff: { initialMs: 3_600_000, maxMs: 3_600_000 } };
  const [first, second] = pending.splice(0);
  first?.answer.status('COMPLETE');
  await clock.advance(1_000);
  second?.answer.error('InvalidAccessKeyId.NotFound', 'refused');
  await clock.advance(4_999);
  t.is(pending.length, 0);
  await clock.advance(1);
  pending.splice(0)[0]?.answer.error('InvalidAccessKeyId.NotFound', 'refused');
  await clock.advance(1_000);
  credentials.changed = true;
  await clock.advance(2_000);
  t.is(pending.length, 1);
  t.true(scheduler.breaker.isRefused);
});

test('credentials that come while a slot is waited for are looked at before anything is sent', async (t) => {
  const pipeline = createScriptedPipeline();
  const { clock, pending, failures } = pipeline;
  const slots: (() => void)[] = [];
  const limiter = {
    inFlight: 0,
    limits: { requestsPerSecond: 1, maxConcurrent: 1 },
    async start(job: () => Promise<void>) {
      await new Promise<void>((resolve) => slots.push(resolve));
      void job();
      return true;
    },
  };
  const scheduler = createScheduler('default', { ...pipeline, limiter });
  pipeline.instance.scheduler = scheduler;
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  await pipeline.watch(entry(API, 'v1'));
  void scheduler.run(stop.signal);
  await clock.advance(0);
  const fresh = new ScriptedCredentials();
  scheduler.useCredentials(fresh);
  slots.splice(0)[0]?.();
  await clock.advance(0);
  t.is(pending.length, 0, 'the slot is given back');
  t.is(fresh.ensures, 1);
  slots.splice(0)[0]?.();
  await clock.advance(0);
  t.is(pending.length, 1);
  t.deepEqual(failures, []);
});

test('a refusal of a request that was sent with the credentials before these does not count', async (t) => {
  const { clock, pending, scheduler } = await running(t, 'v1', 'v2');
  const [first] = pending.splice(0);
  await clock.advance(1_000);
  scheduler.useCredentials(new ScriptedCredentials());
  await clock.advance(1_000);
  first?.answer.error('InvalidAccessKeyId.NotFound', 'refused');
  await clock.advance(0);
  t.false(scheduler.breaker.isRefused);
});

test('an error of our own code in a poll is counted and logged, and the tag is polled again', async (t) => {
  const { clock, pending, next, shown, internalErrors, events, failures } = await running(t, 'v1');
  next().answer.throws(new RangeError('Maximum call stack size exceeded'));
  await clock.advance(29_999);
  t.deepEqual(internalErrors, ['polling']);
  t.is(events.filter((event) => event.startsWith('internal error')).length, 1);
  t.regex(events.join(), /"component":"polling".*"tag":"v1".*"error":"RangeError: Maximum call.*"stack":"RangeError/);
  t.deepEqual(failures, [], 'it is no error of the API');
  t.is(pending.length, 0);
  await clock.advance(1);
  next().answer.status('COMPLETE');
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:v1 complete']);
});

test('an error of our own code in a probe of refused credentials is followed by the next probe, not by a burst', async (t) => {
  const { clock, pending, next, scheduler } = await running(t, 'v1', 'v2');
  for (const { answer } of pending.splice(0)) answer.error('InvalidAccessKeyId.NotFound', 'refused');
  await clock.advance(5_000);
  next().answer.throws(new TypeError('of our own'));
  await clock.advance(9_999);
  t.is(pending.length, 0);
  await clock.advance(1);
  next().answer.status('COMPLETE');
  await clock.advance(0);
  t.false(scheduler.breaker.isRefused);
});

test('a loop that throws is started again after a second, and is not running meanwhile', async (t) => {
  const pipeline = createScriptedPipeline();
  const { clock, pending, credentials, internalErrors, scheduler } = pipeline;
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  t.false(scheduler.isRunning);
  credentials.broken = true;
  await pipeline.watch(entry(API, 'v1', 'v2'));
  void scheduler.run(stop.signal);
  await clock.advance(999);
  t.false(scheduler.isRunning);
  t.deepEqual(internalErrors, ['scheduler']);
  credentials.broken = false;
  await clock.advance(1);
  t.true(scheduler.isRunning);
  t.is(pending.length, 2);
  stop.abort();
  await clock.advance(0);
  t.false(scheduler.isRunning);
});

/** A scheduler that performs one task, which does what the test says. */
function scheduling(t: ExecutionContext, outcomes: readonly Outcome[]) {
  const { clock, errors, internalErrors, credentials } = createScriptedPipeline();
  const scheduler = createScheduler('default', { clock, errors, credentials });
  const done: string[] = [];
  let isOver = false;
  const task: Task = {
    ...NOT_QUEUED,
    component: 'polling',
    scheduler,
    perform: async () => {
      done.push('performed');
      return outcomes[done.length - 1] ?? { kind: 'sent', error: undefined };
    },
    fail: () => void done.push('failed'),
    isOutstanding: () => !isOver,
    logFields: () => ({}),
  };
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  scheduler.schedule(task, 'unanswered', clock.monotonic());
  void scheduler.run(stop.signal);
  const end = () => {
    isOver = true;
    scheduler.withdraw(task);
  };
  return { clock, internalErrors, credentials, done, end };
}

test('a task that is neither scheduled again nor over when its turn ends is reported as a defect, and put back', async (t) => {
  const { clock, internalErrors, credentials, done, end } = scheduling(t, []);
  await clock.advance(0);
  t.deepEqual(internalErrors, ['polling']);
  await clock.advance(30_000);
  t.deepEqual(done, ['performed', 'performed']);
  credentials.unavailable = true;
  await clock.advance(30_000);
  t.is(done.at(-1), 'failed');
  t.is(internalErrors.length, 3, 'also when there was nothing to send it with');
  end();
  await clock.advance(600_000);
  t.is(internalErrors.length, 3, 'a task that is over is not missed');
});

test('a task that is put back keeps its place, and is performed in the next slot', async (t) => {
  const { clock, internalErrors, done, end } = scheduling(t, [{ kind: 'put-back' }, { kind: 'ended' }]);
  await clock.advance(0);
  t.deepEqual(done, ['performed', 'performed']);
  end();
  await clock.advance(60_000);
  t.is(internalErrors.length, 1, 'the second turn forgot it while it was not over');
});

test('a renewal of credentials that the end of the scheduler aborts fails no tag', async (t) => {
  const pipeline = createScriptedPipeline();
  const { scheduler, clock, failures } = pipeline;
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  await pipeline.watch(entry(API, 'v1'));
  const none = new ApiError({ code: 'CredentialsUnavailable', kind: 'refused', message: 'no longer in use' });
  scheduler.useCredentials({
    ensure: () => new Promise((_, reject) => stop.signal.addEventListener('abort', () => reject(none))),
    refresh: async () => false,
  });
  const run = scheduler.run(stop.signal);
  await clock.advance(0);
  stop.abort();
  await run;
  t.deepEqual(failures, []);
  t.false(scheduler.breaker.isRefused);
});
