// What a tag is asked, and asked again, when the API knows no scan of it: with a scripted API and a manual clock.
import test, { type ExecutionContext } from 'ava';
import { kindOfAnswer } from '../../src/acr/error-codes.ts';
import { createScriptedPipeline, EVERYTHING, entry } from '../helpers/scripted-pipeline.ts';

const API = { namespace: 'shop', name: 'api', id: 'crr-api' };
const DIGITS = 'ab'.repeat(32);
const PREFIXED = `sha256:${DIGITS}`;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function running(t: ExecutionContext) {
  const pipeline = createScriptedPipeline();
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void pipeline.scheduler.run(stop.signal);
  const { clock, next, pending, store } = pipeline;
  return {
    ...pipeline,
    waiting: () => pending.map(({ action }) => action),
    state: () => [...store.tags()][0]?.state,
    /** Takes the request that waits, answers it, and lets what follows from it happen. */
    async reply(answer: (answerer: ReturnType<typeof next>['answer']) => void) {
      const { action, request, answer: answerer } = next();
      answer(answerer);
      await clock.advance(0);
      return { action, request };
    },
  };
}

function pinned(digest: string) {
  return { ...entry(API), tags: [{ tag: 'v1', digest, scanTaskId: '' }] };
}

type Answer = Parameters<ReturnType<typeof running>['reply']>[0];
const noStatus: Answer = (answer) => answer.status('');
const noTask: Answer = (answer) => answer.error('SCAN_TASK_NOT_EXIST', 'answered');
const noTag: Answer = (answer) => answer.error('REPO_TAG_NOT_EXIST', 'answered');
const denied: Answer = (answer) => answer.error('NoPrivilege', 'denied');
const complete: Answer = (answer) => answer.status('COMPLETE');

test('a success without a status means that the image was never scanned, and no other request is sent', async (t) => {
  const { watch, clock, reply, state, waiting, failures } = running(t);
  await watch(entry(API, 'v1'));
  await clock.advance(0);
  await reply(noStatus);
  t.like(state(), { status: 'not_scanned', lastError: undefined, failures: 0, lastSuccessMs: clock.now() });
  t.deepEqual(waiting(), []);
  t.deepEqual(failures, []);
});

test('a code that there is no such scan means not scanned if GetRepoTag shows the listed tag, and GetRepoTag is sent at most once an hour', async (t) => {
  const { watch, clock, reply, state, pending, failures } = running(t);
  await watch(entry(API, 'v1'));
  await clock.advance(0);
  await reply(noTask);
  t.is(state()?.status, 'unknown');
  const { action, request } = await reply((answer) => answer.tag(DIGITS, clock.now() - HOUR_MS));
  t.deepEqual([action, request], ['GetRepoTag', { instanceId: 'cri-1', repoId: 'crr-api', tag: 'v1' }]);
  t.like(state(), { status: 'not_scanned', lastError: undefined, failures: 0 });
  const actions: string[] = [];
  for (let minute = 0; minute < 60; minute += 10) {
    await clock.advance(10 * MINUTE_MS);
    for (const each of pending.splice(0)) {
      actions.push(each.action);
      if (each.action === 'GetRepoTag') each.answer.tag(DIGITS);
      else each.answer.error('SCAN_TASK_NOT_EXIST', 'answered');
    }
    await clock.advance(0);
  }
  t.deepEqual(actions, Array(6).fill('GetRepoTagScanStatus'));
  t.is((await reply((answer) => answer.tag(DIGITS))).action, 'GetRepoTag');
  t.deepEqual(failures, []);
});

test('if GetRepoTag does not know the tag, or it is being deleted, the poll fails with the code of the first request, which then counts as an error', async (t) => {
  for (const answer of [
    noTag,
    (answerer) => answerer.error('TagNotFound', 'answered'),
    (answerer) => answerer.tag(DIGITS, undefined, true),
  ] satisfies Answer[]) {
    const { watch, clock, reply, state, waiting, failures } = running(t);
    await watch(entry(API, 'v1'));
    await clock.advance(0);
    await reply(noTag);
    t.deepEqual(failures, []);
    await reply(answer);
    t.like(state(), { status: 'unknown', failures: 1, lastError: { code: 'REPO_TAG_NOT_EXIST' } });
    t.true(failures.includes('GetRepoTagScanStatus REPO_TAG_NOT_EXIST'));
    t.deepEqual(waiting(), []);
  }
});

test('if GetRepoTag is denied the poll fails, and GetRepoTag is not sent again for the repository for an hour', async (t) => {
  const { watch, clock, reply, state, pending, failures } = running(t);
  await watch(entry(API, 'v1', 'v2'));
  await clock.advance(0);
  for (const { answer } of pending.splice(0)) answer.error('SCAN_TASK_NOT_EXIST', 'answered');
  await clock.advance(0);
  for (const { answer } of pending.splice(0)) answer.error('NoPrivilege', 'denied');
  await clock.advance(0);
  t.is(state()?.lastError?.code, 'SCAN_TASK_NOT_EXIST');
  t.is(failures.filter((each) => each === 'GetRepoTag NoPrivilege').length, 2);
  const actions = new Set<string>();
  for (let minute = 0; minute < 59; minute++) {
    await clock.advance(MINUTE_MS);
    for (const { action, answer } of pending.splice(0)) {
      actions.add(action);
      answer.error('SCAN_TASK_NOT_EXIST', 'answered');
    }
  }
  t.deepEqual([...actions], ['GetRepoTagScanStatus']);
  await watch(entry(API, 'v1'));
  await clock.advance(HOUR_MS);
  await reply(noTask);
  await reply((answer) => answer.tag());
  t.is(state()?.status, 'not_scanned');
});

test('the error of a poll without a scan says whether the tag is missing, being deleted, or not known', async (t) => {
  const unknown = 'it is not known whether the tag exists: ';
  const denial = 'it cannot be checked whether the tag exists: GetRepoTag is denied (RAM action cr:ListRepositoryTag)';
  for (const [answer, doubt] of [
    [noTag, 'the tag does not exist: REPO_TAG_NOT_EXIST (GetRepoTag)'],
    [(answerer) => answerer.tag(DIGITS, undefined, true), 'the tag does not exist: it is being deleted (GetRepoTag)'],
    [denied, denial],
    [(answerer) => answerer.error('RequestTimeout', 'transport'), `${unknown}RequestTimeout (GetRepoTag)`],
    [(answerer) => answerer.error('Throttling.User', 'throttled'), `${unknown}Throttling.User (GetRepoTag)`],
  ] satisfies [Answer, string][]) {
    const { watch, clock, reply, state } = running(t);
    await watch(entry(API, 'v1'));
    await clock.advance(0);
    await reply(noTask);
    await reply(answer);
    t.like(state()?.lastError, { code: 'SCAN_TASK_NOT_EXIST' });
    t.true(state()?.lastError?.message.endsWith(`; ${doubt}`), state()?.lastError?.message);
    if (answer !== denied) continue;
    await clock.advance(5_000);
    await reply(noTask);
    t.true(state()?.lastError?.message.endsWith(`; ${denial}`), 'also while that is not asked again');
  }
});

test('after a poll that is denied or does not reach the API, GetRepoTag is not sent', async (t) => {
  for (const [code, kind] of [
    ['SCAN_TASK_NOT_EXIST', 'denied'],
    ['RequestTimeout', 'transport'],
    ['NAMESPACE_NOT_EXIST', 'answered'],
    ['InvalidAction.NotFound', 'transport'],
  ] as const) {
    const { watch, clock, reply, state, waiting, failures } = running(t);
    await watch(entry(API, 'v1'));
    await clock.advance(0);
    await reply((answer) => answer.error(code, kind));
    t.is(state()?.lastError?.code, code);
    t.deepEqual(failures, [`GetRepoTagScanStatus ${code}`]);
    t.deepEqual(waiting(), []);
  }
});

test('GetRepoTag is not sent for a discovered tag, which exists, unless it had a scan', async (t) => {
  const { watch, discover, clock, reply, state, pending, waiting, failures } = running(t);
  await watch();
  await discover(EVERYTHING);
  await clock.advance(0);
  await reply((answer) => answer.repositories([{ id: 'crr-api', name: 'api' }]));
  await reply((answer) => answer.tags([{ tag: 'v1', digest: '' }]));
  await reply(noTask);
  t.is(state()?.status, 'not_scanned');
  t.deepEqual(waiting(), []);
  await clock.advance(15_000);
  await reply(complete);
  t.is(state()?.status, 'complete');
  for (let minute = 0; minute < 10 && !waiting().includes('GetRepoTagScanStatus'); minute++) {
    await clock.advance(MINUTE_MS);
    for (const each of pending.splice(0)) {
      if (each.action === 'ListRepository') each.answer.repositories([{ id: 'crr-api', name: 'api' }]);
      else if (each.action === 'ListRepoTag') each.answer.tags([{ tag: 'v1', digest: '' }]);
      else pending.push(each);
    }
  }
  await clock.advance(0);
  for (const each of pending.splice(0)) if (each.action === 'GetRepoTagScanStatus') noTag(each.answer);
  await clock.advance(0);
  t.true(waiting().includes('GetRepoTag'));
  t.deepEqual(failures, []);
});

test('an image without a scan is polled in the interval of running scans for ten minutes after its push, or after it was first seen', async (t) => {
  for (const [pushedAgoMs, minutes] of [
    [undefined, 10],
    [4 * MINUTE_MS, 6],
    [-MINUTE_MS, 10],
    [HOUR_MS, 0],
  ] as const) {
    const { watch, clock, reply, pending } = running(t);
    await watch(entry(API, 'v1'));
    await clock.advance(0);
    await reply(noTask);
    await reply((answer) => answer.tag(DIGITS, pushedAgoMs === undefined ? undefined : clock.now() - pushedAgoMs));
    let polls = 0;
    for (let second = 0; second < 30 * 60; second += 5) {
      await clock.advance(5_000);
      for (const { answer } of pending.splice(0)) {
        polls += 1;
        answer.status('');
      }
      await clock.advance(0);
    }
    // Four a minute, and then one every ten minutes.
    const expected = 4 * minutes + Math.floor((30 - minutes) / 10);
    t.true(Math.abs(polls - expected) <= 1, `${polls} polls, expected ${expected}`);
  }
});

for (const digest of [DIGITS, PREFIXED]) {
  const other = digest === DIGITS ? PREFIXED : DIGITS;
  test(`a digest is sent in the form of the file, ${digest.slice(0, 8)}…, and in the other form if that finds no scan; the form that works is kept`, async (t) => {
    const { watch, clock, reply, state, pending, failures } = running(t);
    await watch(pinned(digest), { ...entry({ ...API, name: 'web', id: 'crr-web' }), tags: [] });
    await clock.advance(0);
    t.is((await reply(noStatus)).request.digest, digest);
    t.is((await reply(complete)).request.digest, other);
    t.is(state()?.status, 'complete');
    await clock.advance(10 * MINUTE_MS);
    t.is((await reply(complete)).request.digest, other);
    const more = { ...entry({ ...API, name: 'web', id: 'crr-web' }), tags: [{ tag: 'v2', digest, scanTaskId: '' }] };
    await watch(pinned(digest), more);
    await clock.advance(0);
    t.is((await reply(noStatus)).request.digest, other);
    t.deepEqual(pending, []);
    t.deepEqual(failures, []);
  });
}

test('if no form of digest is accepted, the scan is requested without one, and is used if the tag has this digest', async (t) => {
  const { watch, clock, reply, state, pending } = running(t);
  await watch(pinned(DIGITS));
  await clock.advance(0);
  const asked = [];
  for (const answer of [noStatus, noStatus, complete]) asked.push((await reply(answer)).request.digest);
  t.deepEqual(asked, [DIGITS, PREFIXED, undefined]);
  t.is((await reply((answer) => answer.tag(PREFIXED))).action, 'GetRepoTag');
  t.is(state()?.status, 'complete');
  await clock.advance(10 * MINUTE_MS);
  for (const answer of [noStatus, noStatus, complete]) await reply(answer);
  await clock.advance(10 * MINUTE_MS);
  t.is((await reply(complete)).request.digest, undefined, 'by now it is known that digests are not taken');
  t.deepEqual(pending, []);
});

test('a scan that is found without the digest is not used if the tag has another digest by now', async (t) => {
  const { watch, clock, reply, state } = running(t);
  await watch(pinned(DIGITS));
  await clock.advance(0);
  for (const answer of [noStatus, noStatus, complete]) await reply(answer);
  await reply((answer) => answer.tag('cd'.repeat(32)));
  t.is(state()?.status, 'not_scanned');
});

test('a tag keeps its state when its digest changes to the other form, and the digest is sent in that form', async (t) => {
  const { watch, clock, reply, store, pending } = running(t);
  await watch(pinned(DIGITS));
  await clock.advance(0);
  await reply(complete);
  const [before] = store.tags();
  await watch(pinned(PREFIXED));
  const [after, ...more] = store.tags();
  t.is(after, before);
  t.deepEqual(more, []);
  t.is(after?.state.status, 'complete');
  t.deepEqual(pending, []);
});

test('another error about a form of digest counts as no scan, and an error about the repository ends the poll', async (t) => {
  const { watch, clock, reply, state, waiting } = running(t);
  await watch(pinned(DIGITS));
  await clock.advance(0);
  await reply(noStatus);
  await reply((answer) => answer.error('InvalidDigest', 'answered'));
  t.is((await reply(noStatus)).request.digest, undefined);
  t.is(state()?.status, 'not_scanned');
  await watch();
  await watch(pinned(DIGITS));
  await clock.advance(0);
  await reply(noStatus);
  await reply((answer) => answer.error('REPO_NOT_EXIST', 'answered'));
  t.is(state()?.lastError?.code, 'REPO_NOT_EXIST');
  t.deepEqual(waiting(), []);
});

test('a failure of the server in place of an answer about a form of digest decides nothing, however its code is written', async (t) => {
  for (const code of ['SystemError', 'SYSTEM_ERROR', 'SERVICE_UNAVAILABLE', 'INTERNAL_ERROR']) {
    const { watch, clock, reply, state, waiting } = running(t);
    await watch(pinned(DIGITS));
    await clock.advance(0);
    await reply((answer) => answer.error('REPO_TAG_NOT_EXIST', kindOfAnswer('REPO_TAG_NOT_EXIST', 200)));
    await reply((answer) => answer.tag(DIGITS));
    await reply((answer) => answer.error(code, kindOfAnswer(code, 200)));
    t.like(state(), { status: 'unknown', failures: 1, lastError: { code } });
    t.deepEqual(waiting(), []);
  }
});

test('a form of digest that the instance refuses is not an error if it accepts another one, and is not sent again for an hour', async (t) => {
  for (const refused of [DIGITS, PREFIXED]) {
    const { watch, clock, state, pending, failures } = running(t);
    await watch(pinned(DIGITS));
    await clock.advance(0);
    const sent: unknown[] = [];
    const answer = async () => {
      for (let step = 0; step < 4; step++) {
        for (const { action, request, answer } of pending.splice(0)) {
          if (action === 'GetRepoTag') answer.tag(DIGITS);
          else if (request.digest === refused) answer.error('InvalidParameter', 'answered');
          else answer.status('');
          sent.push(request.digest);
        }
        await clock.advance(0);
      }
    };
    await answer();
    t.like(state(), { status: 'not_scanned', lastError: undefined });
    t.is(sent.filter((digest) => digest === refused).length, 1);
    for (let minute = 0; minute < 59; minute++) {
      await clock.advance(MINUTE_MS);
      await answer();
    }
    t.is(sent.filter((digest) => digest === refused).length, 1, `${sent.length} requests`);
    t.is(state()?.status, 'not_scanned');
    t.deepEqual(failures, []);
  }
});

test('a poll that the API refuses in every form fails with the first error', async (t) => {
  const { watch, clock, reply, state, waiting, failures } = running(t);
  await watch(pinned(DIGITS));
  await clock.advance(0);
  const invalid: Answer = (answer) => answer.error('InvalidParameter', 'answered');
  await reply(invalid);
  t.is((await reply((answer) => answer.tag(DIGITS))).action, 'GetRepoTag');
  t.is((await reply(invalid)).request.digest, PREFIXED);
  t.is((await reply(invalid)).request.digest, undefined);
  t.like(state(), { status: 'unknown', failures: 1, lastError: { code: 'InvalidParameter' } });
  t.deepEqual(waiting(), []);
  t.deepEqual(failures, ['GetRepoTagScanStatus InvalidParameter', 'GetRepoTagScanStatus InvalidParameter']);
});

test('an old image does not become new when the clock is set back', async (t) => {
  const { watch, discover, clock, reply, state, pending } = running(t);
  await watch();
  await discover(EVERYTHING);
  await clock.advance(0);
  const pushedMs = clock.now() - 24 * HOUR_MS;
  await reply((answer) => answer.repositories([{ id: 'crr-api', name: 'api' }]));
  await reply((answer) => answer.tags([{ tag: 'v1', digest: '', updatedMs: pushedMs }]));
  await reply(noStatus);
  clock.stepWallClock(-30 * 24 * HOUR_MS);
  let polls = 0;
  for (let minute = 0; minute < 60; minute++) {
    await clock.advance(MINUTE_MS);
    for (const { action, answer } of pending.splice(0)) {
      if (action === 'ListRepository') answer.repositories([{ id: 'crr-api', name: 'api' }]);
      else if (action === 'ListRepoTag') answer.tags([{ tag: 'v1', digest: '', updatedMs: pushedMs }]);
      else {
        polls += 1;
        answer.status('');
      }
    }
  }
  t.is(state()?.status, 'not_scanned');
  t.true(polls >= 5 && polls <= 6, `${polls} polls in an hour`);
});

test('vulnerabilities are requested with the form of digest that this operation accepts', async (t) => {
  const { watch, clock, reply, state, failures } = running(t);
  await watch({ ...pinned(DIGITS), vulnerabilities: true });
  await clock.advance(0);
  t.is((await reply(complete)).request.digest, DIGITS);
  t.deepEqual((await reply(noTask)).request.digest, DIGITS);
  const { action, request } = await reply((answer) => answer.summary(1, 2, 3, 4));
  t.deepEqual([action, request.digest], ['GetRepoTagScanSummary', PREFIXED]);
  t.deepEqual(state()?.vulnerabilities, { high: 1, medium: 2, low: 3, unknown: 4 });
  t.deepEqual(failures, []);
  await clock.advance(10 * MINUTE_MS);
  t.is((await reply(complete)).request.digest, DIGITS);
});

test('a summary that is not found in any form fails with the first code, which is counted once', async (t) => {
  const { watch, clock, reply, state, failures, waiting } = running(t);
  await watch({ ...entry(API, 'v1'), vulnerabilities: true });
  await clock.advance(0);
  await reply(complete);
  await reply(noTask);
  t.is(state()?.summaryError?.code, 'SCAN_TASK_NOT_EXIST');
  t.deepEqual(failures, ['GetRepoTagScanSummary SCAN_TASK_NOT_EXIST']);
  t.deepEqual(waiting(), []);
});

test('an unfinished poll sends no further request when its tag is removed', async (t) => {
  const { watch, clock, next, pending, failures } = running(t);
  await watch(entry(API, 'v1'));
  await clock.advance(0);
  const { answer } = next();
  await watch();
  noTask(answer);
  await clock.advance(HOUR_MS);
  t.deepEqual(pending, []);
  t.deepEqual(failures, []);
});

test('a poll whose next request cannot be sent fails for that reason', async (t) => {
  const { watch, clock, reply, state, credentials, failures } = running(t);
  await watch(entry(API, 'v1'));
  await clock.advance(0);
  credentials.unavailable = true;
  await reply(noTask);
  t.is(state()?.lastError?.code, 'CredentialsUnavailable');
  t.deepEqual(failures, ['GetRepoTag CredentialsUnavailable']);
  credentials.unavailable = false;
  await clock.advance(5_000);
  t.is((await reply(denied)).action, 'GetRepoTagScanStatus');
});
