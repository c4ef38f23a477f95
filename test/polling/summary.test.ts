// When a tag is asked what its scans found, with a scripted API and a manual clock.
import test, { type ExecutionContext } from 'ava';
import { createWatching, entry } from '../helpers/watching.ts';

const API = { ...entry({ namespace: 'shop', name: 'api', id: 'crr-api' }, 'v1'), vulnerabilities: true };
const MINUTE_MS = 60_000;
const NUMBERS = { high: 1, medium: 2, low: 3, unknown: 4 };

async function running(t: ExecutionContext, repository = API) {
  const watching = createWatching();
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void watching.scheduler.run(stop.signal);
  await watching.watch(repository);
  await watching.clock.advance(0);
  const { clock, next, pending, store } = watching;
  const [tag] = [...store.tags()];
  return {
    ...watching,
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
  const watching = await running(t, { ...API, tags: [{ tag: 'v1', digest: 'sha256:d', scanTaskId: 'task' }] });
  await watching.status('SCANNING');
  await watching.clock.advance(15_000);
  await watching.status('COMPLETE');
  t.deepEqual(watching.waiting(), ['GetRepoTagScanSummary']);
  const request = { instanceId: 'cri-1', repoId: 'crr-api', tag: 'v1', digest: 'sha256:d', scanTaskId: 'task' };
  t.deepEqual(watching.pending[0]?.request, request);
  await watching.clock.advance(5_000);
  await watching.summary();
  t.deepEqual(watching.state()?.vulnerabilities, NUMBERS);
  await watching.clock.advance(10 * MINUTE_MS - 5_001);
  t.deepEqual(watching.waiting(), []);
  await watching.clock.advance(1);
  t.deepEqual(watching.waiting(), ['GetRepoTagScanStatus']);
});

test('the summary of a tag that stays complete is requested again at the first poll after an hour', async (t) => {
  const watching = await running(t);
  await watching.status('COMPLETE');
  await watching.summary();
  const asked: number[] = [];
  for (let minutes = 10; minutes <= 130; minutes += 10) {
    await watching.clock.advance(10 * MINUTE_MS);
    await watching.status('COMPLETE');
    if (watching.waiting().length === 0) continue;
    asked.push(minutes);
    await watching.summary();
  }
  t.deepEqual(asked, [60, 120]);
});

test('the summary of a scan that runs again and completes is requested at once, and the old numbers stay until then', async (t) => {
  const watching = await running(t);
  await watching.status('COMPLETE');
  await watching.summary();
  await watching.clock.advance(10 * MINUTE_MS);
  await watching.status('SCANNING');
  t.deepEqual(watching.waiting(), []);
  t.deepEqual(watching.state()?.vulnerabilities, NUMBERS);
  await watching.clock.advance(15_000);
  await watching.status('COMPLETE');
  t.deepEqual(watching.waiting(), ['GetRepoTagScanSummary']);
});

test('the summary of a running or failed scan, or with vulnerabilities switched off, is not requested', async (t) => {
  for (const status of ['SCANNING', 'RETRYING', 'FAILED', 'QUEUED']) {
    const watching = await running(t);
    await watching.status(status);
    t.deepEqual(watching.waiting(), [], status);
  }
  const watching = await running(t, { ...API, vulnerabilities: false });
  await watching.status('COMPLETE');
  t.deepEqual(watching.waiting(), []);
});

test('a request for the numbers that fails is counted and repeated with back-off of up to an hour, and the poll goes on', async (t) => {
  const watching = await running(t);
  await watching.status('COMPLETE');
  const delays: number[] = [];
  for (let round = 0; round < 14; round++) {
    watching.next().answer.error('NoPrivilege', 'denied');
    await watching.clock.advance(0);
    const failedAtMs = watching.clock.monotonic();
    while (!watching.waiting().includes('GetRepoTagScanSummary')) {
      await watching.clock.advance(500);
      if (watching.waiting()[0] === 'GetRepoTagScanStatus') await watching.status('COMPLETE');
    }
    delays.push(watching.clock.monotonic() - failedAtMs);
  }
  // (0.5 + 0.5 × 0) × 5 s × 2ⁿ⁻¹, up to half of an hour.
  const expected = [2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800, 1800];
  t.deepEqual(
    delays.map((ms) => ms / 1_000),
    expected,
  );
  t.is(watching.failures.filter((failure) => failure === 'GetRepoTagScanSummary NoPrivilege').length, 14);
  t.is(watching.state()?.lastError, undefined, 'the poll was answered');
  t.is(watching.state()?.summaryError?.code, 'NoPrivilege');
  t.true(watching.events.some((event) => event.startsWith('scan summaries fail')));
  await watching.summary();
  t.deepEqual(watching.state()?.vulnerabilities, NUMBERS);
  t.is(watching.state()?.summaryError, undefined);
});

test('a reload that turns vulnerabilities off takes the numbers away, one that turns them on asks at the next poll', async (t) => {
  const watching = await running(t);
  await watching.status('COMPLETE');
  await watching.summary();
  const summaries = () => [...watching.store.repositories()].map((totals) => totals.summaries);
  t.deepEqual(summaries(), [1]);
  await watching.watch({ ...API, vulnerabilities: false });
  t.deepEqual(summaries(), [0]);
  t.is(watching.state()?.status, 'complete', 'and leaves the rest alone');
  await watching.clock.advance(70 * MINUTE_MS);
  await watching.status('COMPLETE');
  t.deepEqual(watching.waiting(), []);
  await watching.watch(API);
  await watching.clock.advance(10 * MINUTE_MS);
  await watching.status('COMPLETE');
  t.deepEqual(watching.waiting(), ['GetRepoTagScanSummary']);
});

test('a request for the numbers that cannot be sent is no failed poll', async (t) => {
  const watching = await running(t);
  watching.credentials.unavailable = true;
  await watching.status('COMPLETE');
  t.deepEqual(watching.waiting(), []);
  t.is(watching.state()?.status, 'complete');
  t.is(watching.state()?.lastError, undefined);
  t.is(watching.state()?.failures, 0);
  t.is(watching.state()?.summaryError?.code, 'CredentialsUnavailable');
  t.deepEqual(watching.failures, ['GetRepoTagScanSummary CredentialsUnavailable']);
});

test('a poll that cannot be sent is no failed request for the numbers', async (t) => {
  const watching = await running(t);
  await watching.status('COMPLETE');
  await watching.summary();
  watching.credentials.unavailable = true;
  await watching.clock.advance(10 * MINUTE_MS);
  t.is(watching.state()?.lastError?.code, 'CredentialsUnavailable');
  t.is(watching.state()?.summaryError, undefined);
  t.deepEqual(watching.failures, ['GetRepoTagScanStatus CredentialsUnavailable']);
});

test('numbers that a reload does not want any more are not asked for, though it was time to', async (t) => {
  const watching = await running(t);
  await watching.status('COMPLETE');
  watching.next().answer.error('NoPrivilege', 'denied');
  await watching.clock.advance(0);
  await watching.watch({ ...API, vulnerabilities: false });
  const asked: string[] = [];
  for (let seconds = 0; seconds < 3_600; seconds++) {
    await watching.clock.advance(1_000);
    if (watching.waiting().length === 0) continue;
    asked.push(...watching.waiting());
    await watching.status('COMPLETE');
  }
  t.true(asked.length >= 6, 'the polls go on');
  t.deepEqual(new Set(asked), new Set(['GetRepoTagScanStatus']));
});

test('a poll that fails asks for no numbers, however long the last ones have been there', async (t) => {
  const watching = await running(t);
  await watching.status('COMPLETE');
  await watching.summary();
  for (let minutes = 10; minutes <= 50; minutes += 10) {
    await watching.clock.advance(10 * MINUTE_MS);
    await watching.status('COMPLETE');
  }
  await watching.clock.advance(10 * MINUTE_MS);
  watching.next().answer.error('TAG_NOT_EXIST', 'answered');
  await watching.clock.advance(0);
  watching.next().answer.error('TAG_NOT_EXIST', 'answered');
  await watching.clock.advance(0);
  t.deepEqual(watching.waiting(), []);
  t.deepEqual(watching.state()?.vulnerabilities, NUMBERS, 'the last known numbers stay');
  await watching.clock.advance(2_500);
  t.deepEqual(watching.waiting(), ['GetRepoTagScanStatus']);
  await watching.status('COMPLETE');
  t.deepEqual(watching.waiting(), ['GetRepoTagScanSummary']);
});
