import test from 'ava';
import { neverAnswered, type TagEvent, type TagState, transition } from '../../src/state/tag-state.ts';

const ERROR = { code: 'SystemError', message: 'm', requestId: 'r', timeMs: 1 };

/** Applies events to a tag that was there before the process started, or to a new one. */
const follow = (...events: readonly TagEvent[]) => apply(neverAnswered(1_000_000, false), events);
const followNew = (...events: readonly TagEvent[]) => apply(neverAnswered(1_000_000, true), events);

/** Events come 10 s apart, on a wall clock that shows a million milliseconds more than the monotonic one. */
function apply(from: TagState, events: readonly TagEvent[]) {
  let state = from;
  const scans: number[] = [];
  events.forEach((event, index) => {
    const monotonicMs = (index + 1) * 10_000;
    const after = transition(state, event, { nowMs: 1_000_000 + monotonicMs, monotonicMs });
    state = after.state;
    if (after.scanDurationMs !== undefined) scans.push(after.scanDurationMs);
  });
  return { state, scans };
}

function answered(status: Exclude<TagState['status'], 'unknown'>): TagEvent {
  return { type: 'answered', status, scanService: 'ACR_SCAN_SERVICE' };
}
const failed: TagEvent = { type: 'failed', error: ERROR };
const unknownStatus: TagEvent = {
  type: 'unknown-status',
  error: { ...ERROR, code: 'UnknownStatus' },
  scanService: '',
};

test('a tag without an answer is unknown since it was added, with any errors', (t) => {
  const { state } = follow(failed, failed);
  t.is(state.status, 'unknown');
  t.is(state.sinceMs, 1_000_000);
  t.is(state.failures, 2);
  t.is(state.lastPollMs, 1_020_000);
  t.is(state.lastSuccessMs, undefined);
  t.false(state.answered);
});

test('a failed poll keeps the status, its start and the last success; the next answer clears the error', (t) => {
  const before = follow(answered('complete'));
  const after = follow(answered('complete'), failed);
  t.deepEqual(
    { ...after.state, lastPollMs: 0, lastError: undefined, failures: 0 },
    { ...before.state, lastPollMs: 0, lastError: undefined, failures: 0 },
  );
  t.is(after.state.lastError, ERROR);
  const { state } = follow(answered('complete'), failed, answered('complete'));
  t.is(state.lastError, undefined);
  t.is(state.failures, 0);
  t.is(state.sinceMs, 1_010_000);
  t.is(state.lastSuccessMs, 1_030_000);
});

test('the start of a status only changes when the status changes', (t) => {
  t.is(follow(answered('scanning'), answered('scanning')).state.sinceMs, 1_010_000);
  t.is(follow(answered('scanning'), answered('retrying')).state.sinceMs, 1_020_000);
});

test('an unknown status in an answer starts the status unknown, is not a success, and keeps the last success', (t) => {
  const { state } = follow(answered('complete'), unknownStatus);
  t.is(state.status, 'unknown');
  t.is(state.sinceMs, 1_020_000);
  t.is(state.lastSuccessMs, 1_010_000);
  t.is(state.lastError?.code, 'UnknownStatus');
  t.true(state.answered);
  t.is(state.failures, 1);
});

test('a scan is measured from its first SCANNING or RETRYING answer to COMPLETE or FAILED', (t) => {
  t.deepEqual(
    follow(answered('complete'), answered('scanning'), answered('retrying'), failed, answered('failed')).scans,
    [30_000],
  );
  t.deepEqual(follow(answered('failed'), answered('retrying'), answered('complete')).scans, [10_000]);
  t.deepEqual(
    follow(answered('complete'), answered('scanning'), answered('complete'), answered('scanning'), answered('complete'))
      .scans,
    [10_000, 10_000],
  );
});

test('a scan that already runs at the first answer after the start is not measured, nor is one that was never seen', (t) => {
  t.deepEqual(follow(answered('scanning'), answered('retrying'), answered('complete')).scans, []);
  t.deepEqual(follow(failed, answered('scanning'), answered('complete')).scans, []);
  t.deepEqual(follow(answered('complete'), answered('failed'), answered('complete')).scans, []);
});

test('for a tag that appeared after the start, the first answer with a running scan is its start', (t) => {
  t.deepEqual(followNew(answered('scanning'), answered('retrying'), answered('complete')).scans, [20_000]);
  t.deepEqual(followNew(failed, answered('retrying'), failed, answered('failed')).scans, [20_000]);
  t.deepEqual(followNew(unknownStatus, answered('scanning'), unknownStatus, answered('complete')).scans, [20_000]);
  t.deepEqual(followNew(answered('complete')).scans, []);
});

test('the first scan of an image that was never scanned is always measured', (t) => {
  for (const { scans } of [
    follow(answered('not_scanned'), answered('scanning'), answered('complete')),
    follow(failed, answered('not_scanned'), failed, answered('scanning'), answered('failed')),
    followNew(answered('not_scanned'), answered('scanning'), answered('complete')),
  ]) {
    t.deepEqual(scans, [10_000]);
  }
  t.deepEqual(follow(answered('scanning'), answered('not_scanned')).scans, []);
});

test('a running scan that becomes not scanned has no duration', (t) => {
  t.deepEqual(followNew(answered('scanning'), answered('not_scanned')).scans, []);
});

test('two scans without a seen end between them count as one, and errors do not end a scan', (t) => {
  t.deepEqual(
    follow(answered('complete'), answered('scanning'), unknownStatus, answered('scanning'), answered('complete')).scans,
    [30_000],
  );
});

test('not scanned is a successful poll: the status starts, the error is cleared, and the vulnerabilities of an older scan are removed', (t) => {
  const { state } = follow(
    answered('complete'),
    { type: 'summary', vulnerabilities: NUMBERS },
    failed,
    answered('not_scanned'),
  );
  t.is(state.status, 'not_scanned');
  t.is(state.sinceMs, 1_040_000);
  t.is(state.lastSuccessMs, 1_040_000);
  t.is(state.lastError, undefined);
  t.is(state.failures, 0);
  t.is(state.vulnerabilities, undefined);
});

const NUMBERS = { high: 1, medium: 2, low: 3, unknown: 4 };
const summary: TagEvent = { type: 'summary', vulnerabilities: NUMBERS };
const noSummary: TagEvent = { type: 'summary-failed', error: ERROR };

test('vulnerabilities stay while the scan is complete and while another one runs, also if polls fail', (t) => {
  for (const events of [
    [],
    [answered('complete')],
    [failed, failed],
    [answered('scanning'), answered('retrying'), failed, answered('scanning')],
  ]) {
    const { state } = follow(answered('complete'), summary, ...events);
    t.is(state.vulnerabilities, NUMBERS, JSON.stringify(events));
  }
});

test('vulnerabilities are removed when the next scan fails or its status is unknown', (t) => {
  for (const event of [answered('failed'), unknownStatus]) {
    const { state } = follow(
      answered('complete'),
      summary,
      noSummary,
      answered('scanning'),
      event,
      answered('scanning'),
    );
    t.is(state.vulnerabilities, undefined);
    t.is(state.summaryError, undefined);
  }
});

test('a summary changes nothing else, and a failed one keeps the last numbers and adds its error', (t) => {
  const before = follow(answered('complete')).state;
  const after = follow(answered('complete'), summary, noSummary).state;
  t.deepEqual(after, { ...before, vulnerabilities: NUMBERS, summaryError: ERROR });
  t.is(follow(answered('complete'), noSummary, summary).state.summaryError, undefined);
});
