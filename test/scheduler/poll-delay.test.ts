import test from 'ava';
import type { Timing } from '../../src/model/settings.ts';
import { backoffDelayMs, groupOf, pollDelayMs, resumedDelayMs } from '../../src/scheduler/poll-delay.ts';
import { neverAnswered, type TagState } from '../../src/state/tag-state.ts';

const timing: Timing = {
  intervals: { scanningMs: 15_000, completeMs: 600_000, failedMs: 300_000, notScannedMs: 900_000 },
  backoff: { initialMs: 5_000, maxMs: 60_000 },
};

const OLD = Number.POSITIVE_INFINITY;

function answered(status: TagState['status']): TagState {
  return { ...neverAnswered(0, false), status, answered: true };
}

function failed(state: TagState, code: string, failures: number): TagState {
  return { ...state, failures, lastError: { code, message: '', requestId: '', timeMs: 0 } };
}

test('intervals follow the status and are shortened by up to a tenth', (t) => {
  const delays = (['scanning', 'retrying', 'complete', 'failed', 'not_scanned'] as const).map((status) =>
    [0, 0.5, 1].map((random) => pollDelayMs(answered(status), OLD, timing, random)),
  );
  t.deepEqual(delays, [
    [15_000, 14_250, 13_500],
    [15_000, 14_250, 13_500],
    [600_000, 570_000, 540_000],
    [300_000, 285_000, 270_000],
    [900_000, 855_000, 810_000],
  ]);
});

test('an image that was pushed less than ten minutes ago and is not scanned yet is asked about as one that is being scanned', (t) => {
  const delays = [0, 599_999, 600_000].map((ageMs) => pollDelayMs(answered('not_scanned'), ageMs, timing, 0));
  t.deepEqual(delays, [15_000, 15_000, 900_000]);
  t.is(pollDelayMs(answered('complete'), 0, timing, 0), 600_000);
  t.is(pollDelayMs(failed(answered('not_scanned'), 'SystemError', 1), 0, timing, 1), 5_000);
});

test('after n failures in a row the delay is (0.5 + 0.5 × random) × min(max, initial × 2ⁿ⁻¹)', (t) => {
  const delays = [1, 2, 3, 4, 5, 6, 5_000].map((failures) => backoffDelayMs(failures, timing.backoff, 1));
  t.deepEqual(delays, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  t.is(backoffDelayMs(3, timing.backoff, 0), 10_000);
  t.is(pollDelayMs(failed(answered('complete'), 'SystemError', 2), OLD, timing, 0.5), 7_500);
});

test('an unknown status backs off from the scanning interval, a later error of another kind from the initial back-off', (t) => {
  t.is(pollDelayMs(failed(answered('unknown'), 'UnknownStatus', 1), OLD, timing, 1), 15_000);
  t.is(pollDelayMs(failed(answered('unknown'), 'UnknownStatus', 2), OLD, timing, 1), 30_000);
  t.is(pollDelayMs(failed(answered('unknown'), 'SystemError', 1), OLD, timing, 1), 5_000);
});

test('scans under way are the most urgent group, then what was never answered, then the rest; failures do not move a tag', (t) => {
  const groups = [
    answered('scanning'),
    answered('retrying'),
    failed(answered('scanning'), 'SystemError', 3),
    neverAnswered(0, false),
    failed(neverAnswered(0, false), 'SystemError', 3),
    answered('complete'),
    answered('failed'),
    answered('not_scanned'),
    failed(answered('unknown'), 'UnknownStatus', 1),
  ].map(groupOf);
  t.deepEqual(groups, [
    'running',
    'running',
    'running',
    'unanswered',
    'unanswered',
    'settled',
    'settled',
    'settled',
    'settled',
  ]);
});

test('the delay of a poll that ended in a former process is one of those that are still possible, and is over if all are', (t) => {
  const delay = (state: TagState, elapsedMs: number, random: number) =>
    resumedDelayMs(state, OLD, timing, { random, elapsedMs });
  t.deepEqual(
    [0, 1].map((random) => delay(answered('complete'), 0, random)),
    [600_000, 540_000],
  );
  t.deepEqual(
    [0, 1].map((random) => delay(answered('complete'), 590_000, random)),
    [600_000, 590_000],
  );
  t.is(delay(answered('complete'), 700_000, 0.5), 600_000, 'overdue by 100 s');
  const failing = failed(answered('complete'), 'SystemError', 2);
  t.deepEqual(
    [0, 1].map((random) => delay(failing, 7_000, random)),
    [10_000, 7_000],
  );
});
