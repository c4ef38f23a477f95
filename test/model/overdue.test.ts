import test from 'ava';
import { isStale, isStuck } from '../../src/model/overdue.ts';

const NOW_MS = 100_000_000;
const MINUTE_MS = 60_000;
const ERROR = { code: 'SystemError', message: '', requestId: '', timeMs: 0 };

test('a scan is stuck after 30 minutes under way', (t) => {
  const after = (status: 'scanning' | 'retrying' | 'complete', minutes: number) =>
    isStuck({ status, sinceMs: NOW_MS - minutes * MINUTE_MS }, NOW_MS);
  t.deepEqual([after('scanning', 31), after('retrying', 31)], [true, true]);
  t.deepEqual([after('scanning', 30), after('complete', 31)], [false, false]);
});

test('a result is stale if the answer is older than an hour and polls since then fail or are late', (t) => {
  const old = { lastSuccessMs: NOW_MS - 61 * MINUTE_MS, lastError: undefined };
  t.true(isStale({ ...old, lastError: ERROR }, NOW_MS + MINUTE_MS, NOW_MS));
  t.true(isStale(old, NOW_MS - 11 * MINUTE_MS, NOW_MS));
  t.false(isStale(old, NOW_MS + MINUTE_MS, NOW_MS), 'its interval is longer, as with healthy events');
  t.false(isStale(old, undefined, NOW_MS), 'a poll is under way');
  t.false(isStale({ lastSuccessMs: NOW_MS - MINUTE_MS, lastError: ERROR }, NOW_MS, NOW_MS));
  t.false(isStale({ lastSuccessMs: undefined, lastError: ERROR }, NOW_MS, NOW_MS), 'unknown, not stale');
});
