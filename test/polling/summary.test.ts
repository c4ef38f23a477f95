// When a tag is asked what its scans found, with a scripted API and a manual clock.
import test, { type ExecutionContext } from 'ava';
import { createScriptedPipeline, entry } from '../helpers/scripted-pipeline.ts';

const API = { ...entry({ namespace: 'shop', name: 'api', id: 'crr-api' }, 'v1'), vulnerabilities: true };
const MINUTE_MS = 60_000;
const NUMBERS = { high: 1, medium: 2, low: 3, unknown: 4 };

async function running(t: ExecutionContext, repository = API) {
  const pipeline = createScriptedPipeline();
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void pipeline.scheduler.run(stop.signal);
  await pipeline.watch(repository);
  await pipeline.clock.advance(0);
  const { clock, next, pending, store } = pipeline;
  const [tag] = [...store.tags()];
  return {
    ...pipeline,
    state: () => tag?.state,
    /** Answers the request that waits, and lets what follows from it happen. */
    async status(status: string) {
      next().answer.status(status);
      await clock.advance(0);
    },
    async summary() {
      next().answer.summary(1, 2, 3, 4);
      await clock.advance(0);
    },
    waiting: () => pending.map(({ action }) => action),
  };
}

test('the summary of a tag that becomes complete is requested at once, and its next poll is not moved', async (t) => {
  const pipeline = await running(t, { ...API, tags: [{ tag: 'v1', digest: 'sha256:d', scanTaskId: 'task' }] });
  await pipeline.status('SCANNING');
  await pipeline.clock.advance(15_000);
  await pipeline.status('COMPLETE');
  t.deepEqual(pipeline.waiting(), ['GetRepoTagScanSummary']);
  const request = { instanceId: 'cri-1', repoId: 'crr-api', tag: 'v1', digest: 'sha256:d', scanTaskId: 'task' };
  t.deepEqual(pipeline.pending[0]?.request, request);
  await pipeline.clock.advance(5_000);
  await pipeline.summary();
  t.deepEqual(pipeline.state()?.vulnerabilities, NUMBERS);
  await pipeline.clock.advance(10 * MINUTE_MS - 5_001);
  t.deepEqual(pipeline.waiting(), []);
  await pipeline.clock.advance(1);
  t.deepEqual(pipeline.waiting(), ['GetRepoTagScanStatus']);
});

test('the summary of a tag that stays complete is requested again at the first poll after an hour', async (t) => {
  const pipeline = await running(t);
  await pipeline.status('COMPLETE');
  await pipeline.summary();
  const asked: number[] = [];
  for (let minutes = 10; minutes <= 130; minutes += 10) {
    await pipeline.clock.advance(10 * MINUTE_MS);
    await pipeline.status('COMPLETE');
    if (pipeline.waiting().length === 0) continue;
    asked.push(minutes);
    await pipeline.summary();
  }
  t.deepEqual(asked, [60, 120]);
});

test('the summary of a scan that runs again and completes is requested at once, and the old numbers stay until then', async (t) => {
  const pipeline = await running(t);
  await pipeline.status('COMPLETE');
  await pipeline.summary();
  await pipeline.clock.advance(10 * MINUTE_MS);
  await pipeline.status('SCANNING');
  t.deepEqual(pipeline.waiting(), []);
  t.deepEqual(pipeline.state()?.vulnerabilities, NUMBERS);
  await pipeline.clock.advance(15_000);
  await pipeline.status('COMPLETE');
  t.deepEqual(pipeline.waiting(), ['GetRepoTagScanSummary']);
});

test('the summary of a running or failed scan, or with vulnerabilities switched off, is not requested', async (t) => {
  for (const status of ['SCANNING', 'RETRYING', 'FAILED', 'QUEUED']) {
    const pipeline = await running(t);
    await pipeline.status(status);
    t.deepEqual(pipeline.waiting(), [], status);
  }
  const pipeline = await running(t, { ...API, vulnerabilities: false });
  await pipeline.status('COMPLETE');
  t.deepEqual(pipeline.waiting(), []);
});

test('a request for the numbers that fails is counted and repeated with back-off of up to an hour, and the poll goes on', async (t) => {
  const pipeline = await running(t);
  await pipeline.status('COMPLETE');
  const delays: number[] = [];
  for (let round = 0; round < 14; round++) {
    pipeline.next().answer.error('NoPrivilege', 'denied');
    await pipeline.clock.advance(0);
    const failedAtMs = pipeline.clock.monotonic();
    while (!pipeline.waiting().includes('GetRepoTagScanSummary')) {
      await pipeline.clock.advance(500);
      if (pipeline.waiting()[0] === 'GetRepoTagScanStatus') await pipeline.status('COMPLETE');
    }
    delays.push(pipeline.clock.monotonic() - failedAtMs);
  }
  // (0.5 + 0.5 × 0) × 5 s × 2ⁿ⁻¹, up to half of an hour.
  const expected = [2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800, 1800];
  t.deepEqual(
    delays.map((ms) => ms / 1_000),
    expected,
  );
  t.is(pipeline.failures.filter((failure) => failure === 'GetRepoTagScanSummary NoPrivilege').length, 14);
  t.is(pipeline.state()?.lastError, undefined, 'the poll was answered');
  t.is(pipeline.state()?.summaryError?.code, 'NoPrivilege');
  t.true(pipeline.events.some((event) => event.startsWith('scan summaries fail')));
  await pipeline.summary();
  t.deepEqual(pipeline.state()?.vulnerabilities, NUMBERS);
  t.is(pipeline.state()?.summaryError, undefined);
});

test('a reload that turns vulnerabilities off takes the numbers away, one that turns them on asks at the next poll', async (t) => {
  const pipeline = await running(t);
  await pipeline.status('COMPLETE');
  await pipeline.summary();
  const summaries = () => [...pipeline.store.repositories()].map((totals) => totals.summaries);
  t.deepEqual(summaries(), [1]);
  await pipeline.watch({ ...API, vulnerabilities: false });
  t.deepEqual(summaries(), [0]);
  t.is(pipeline.state()?.status, 'complete', 'and leaves the rest alone');
  await pipeline.clock.advance(70 * MINUTE_MS);
  await pipeline.status('COMPLETE');
  t.deepEqual(pipeline.waiting(), []);
  await pipeline.watch(API);
  await pipeline.clock.advance(10 * MINUTE_MS);
  await pipeline.status('COMPLETE');
  t.deepEqual(pipeline.waiting(), ['GetRepoTagScanSummary']);
});

test('shorter intervals bring the next poll forward also while the numbers are asked for', async (t) => {
  const { watchList, polls, clock, ...pipeline } = await running(t);
  await pipeline.status('COMPLETE');
  t.deepEqual(pipeline.waiting(), ['GetRepoTagScanSummary']);
  polls.timing = { ...polls.timing, intervals: { ...polls.timing.intervals, completeMs: 30_000 } };
  await watchList.hasten();
  await pipeline.summary();
  await clock.advance(29_999);
  t.deepEqual(pipeline.waiting(), []);
  await clock.advance(1);
  t.deepEqual(pipeline.waiting(), ['GetRepoTagScanStatus']);
});

test('a request for the numbers that cannot be sent is no failed poll', async (t) => {
  const pipeline = await running(t);
  pipeline.credentials.unavailable = true;
  await pipeline.status('COMPLETE');
  t.deepEqual(pipeline.waiting(), []);
  t.is(pipeline.state()?.status, 'complete');
  t.is(pipeline.state()?.lastError, undefined);
  t.is(pipeline.state()?.failures, 0);
  t.is(pipeline.state()?.summaryError?.code, 'CredentialsUnavailable');
  t.deepEqual(pipeline.failures, ['GetRepoTagScanSummary CredentialsUnavailable']);
});

test('a poll that cannot be sent is no failed request for the numbers', async (t) => {
  const pipeline = await running(t);
  await pipeline.status('COMPLETE');
  await pipeline.summary();
  pipeline.credentials.unavailable = true;
  await pipeline.clock.advance(10 * MINUTE_MS);
  t.is(pipeline.state()?.lastError?.code, 'CredentialsUnavailable');
  t.is(pipeline.state()?.summaryError, undefined);
  t.deepEqual(pipeline.failures, ['GetRepoTagScanStatus CredentialsUnavailable']);
});

test('numbers that a reload does not want any more are not asked for, though it was time to', async (t) => {
  const pipeline = await running(t);
  await pipeline.status('COMPLETE');
  pipeline.next().answer.error('NoPrivilege', 'denied');
  await pipeline.clock.advance(0);
  await pipeline.watch({ ...API, vulnerabilities: false });
  const asked: string[] = [];
  for (let seconds = 0; seconds < 3_600; seconds++) {
    await pipeline.clock.advance(1_000);
    if (pipeline.waiting().length === 0) continue;
    asked.push(...pipeline.waiting());
    await pipeline.status('COMPLETE');
  }
  t.true(asked.length >= 6, 'the polls go on');
  t.deepEqual(new Set(asked), new Set(['GetRepoTagScanStatus']));
});

test('a poll that fails asks for no numbers, however long the last ones have been there', async (t) => {
  const pipeline = await running(t);
  await pipeline.status('COMPLETE');
  await pipeline.summary();
  for (let minutes = 10; minutes <= 50; minutes += 10) {
    await pipeline.clock.advance(10 * MINUTE_MS);
    await pipeline.status('COMPLETE');
  }
  await pipeline.clock.advance(10 * MINUTE_MS);
  pipeline.next().answer.error('TAG_NOT_EXIST', 'answered');
  await pipeline.clock.advance(0);
  pipeline.next().answer.error('TAG_NOT_EXIST', 'answered');
  await pipeline.clock.advance(0);
  t.deepEqual(pipeline.waiting(), []);
  t.deepEqual(pipeline.state()?.vulnerabilities, NUMBERS, 'the last known numbers stay');
  await pipeline.clock.advance(2_500);
  t.deepEqual(pipeline.waiting(), ['GetRepoTagScanStatus']);
  await pipeline.status('COMPLETE');
  t.deepEqual(pipeline.waiting(), ['GetRepoTagScanSummary']);
});
