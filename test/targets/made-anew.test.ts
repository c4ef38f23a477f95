// A repository that is deleted and made anew under its names, with another id: what is known of its tags starts anew.
import test, { type ExecutionContext } from 'ava';
import type { TagState } from '../../src/state/tag-state.ts';
import { discovering, INTERVAL_MS, tags } from '../helpers/discovering.ts';
import { EVERYTHING, entry, type Pending } from '../helpers/scripted-pipeline.ts';

type Pipeline = ReturnType<typeof discovering>;
const BY_NAME = { namespace: 'shop', name: 'api' };

function stateOf({ store }: Pipeline, tag = 'v1'): TagState | undefined {
  return [...store.tags()].find(({ target }) => target.tag === tag)?.state;
}

function targetOf({ store }: Pipeline, tag = 'v1') {
  return [...store.tags()].find(({ target }) => target.tag === tag)?.target;
}

/** Nothing is known of the tag since now. */
function isFresh(t: ExecutionContext, pipeline: Pipeline, tag = 'v1'): void {
  t.like(stateOf(pipeline, tag), {
    status: 'unknown',
    sinceMs: pipeline.clock.now(),
    answered: false,
    lastPollMs: undefined,
    lastSuccessMs: undefined,
    lastError: undefined,
    failures: 0,
    scanService: '',
    vulnerabilities: undefined,
    summaryError: undefined,
    scanSeenAtMonotonicMs: undefined,
    scanStartsAreSeen: true,
  });
}

/** Answers everything that waits with this status, and the lookup of names with this id. */
function answer({ pending }: Pipeline, id: string, status: string): void {
  for (const { action, answer } of pending.splice(0)) {
    if (action === 'GetRepository') answer.repository(id, 'shop', 'api');
    else if (action === 'GetRepoTagScanSummary') answer.summary(3, 2, 1, 0);
    else answer.status(status);
  }
}

/** Listed by its names, found to be `crr-old`, complete with vulnerabilities; ten minutes later its tags are due. */
async function complete(t: ExecutionContext, ...names: readonly [string, ...string[]]): Promise<Pipeline> {
  const pipeline = discovering(t);
  const { watch, clock } = pipeline;
  await watch({ ...entry(BY_NAME, ...names), vulnerabilities: true });
  for (let round = 0; round < 3; round++) {
    await clock.advance(0);
    answer(pipeline, 'crr-old', 'COMPLETE');
  }
  await clock.advance(600_000);
  t.like(stateOf(pipeline), { status: 'complete', vulnerabilities: { high: 3 } });
  return pipeline;
}

test('tags start anew as soon as a lookup finds another id, and are polled at once', async (t) => {
  const pipeline = await complete(t, 'v1', 'v2');
  const { clock, pending, next, events } = pipeline;
  for (const { answer } of pending.splice(0)) answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(1_000);
  t.is(stateOf(pipeline)?.status, 'complete', 'which id is meant is not known yet');
  next().answer.repository('crr-new', 'shop', 'api');
  await clock.advance(0);
  for (const tag of ['v1', 'v2']) isFresh(t, pipeline, tag);
  t.deepEqual(
    pending.map(({ request }) => request),
    ['v1', 'v2'].map((tag) => ({ instanceId: 'cri-1', repoId: 'crr-new', tag })),
  );
  t.is(
    events.filter(
      (event) => event.startsWith('a repository was created again') && event.includes('"former_id":"crr-old"'),
    ).length,
    1,
  );
});

test('the back-off of the failures under the former id ends with it', async (t) => {
  const pipeline = await complete(t, 'v1', 'v2');
  const { clock, pending } = pipeline;
  const failAll = () => {
    for (const { action, answer } of pending.splice(0)) {
      if (action === 'GetRepository') answer.error('SystemError', 'transport');
      else answer.error('REPO_NOT_EXIST', 'answered');
    }
  };
  for (let second = 0; second < 1_200; second++) {
    failAll();
    await clock.advance(1_000);
  }
  t.true((stateOf(pipeline)?.failures ?? 0) > 5);
  while (!pending.some(({ action }) => action === 'GetRepository')) await clock.advance(1_000);
  answer(pipeline, 'crr-new', 'COMPLETE');
  await clock.advance(0);
  const anew = pending.splice(0).filter(({ request }) => request.repoId === 'crr-new');
  t.true(anew.length > 0);
  for (const { answer } of anew) answer.error('SystemError', 'transport');
  await clock.advance(0);
  t.deepEqual(
    anew.map(({ request }) => stateOf(pipeline, String(request.tag))?.failures),
    anew.map(() => 1),
  );
});

test('a repository that is gone keeps what is known of it, and so when it is back with the same id; with another one its tags start anew', async (t) => {
  for (const id of ['crr-old', 'crr-new']) {
    const pipeline = await complete(t, 'v1');
    const { clock, next, pending } = pipeline;
    const before = stateOf(pipeline);
    next().answer.error('REPO_NOT_EXIST', 'answered');
    await clock.advance(0);
    next().answer.error('REPO_NOT_EXIST', 'answered');
    await clock.advance(0);
    t.is(targetOf(pipeline)?.repository.id, '');
    t.like(stateOf(pipeline), { status: 'complete', sinceMs: before?.sinceMs, lastSuccessMs: before?.lastSuccessMs });
    await pipeline.watch({ ...entry(BY_NAME, 'v1'), vulnerabilities: true });
    while (pending.length === 0) await clock.advance(1_000);
    next().answer.repository(id, 'shop', 'api');
    await clock.advance(0);
    t.is(targetOf(pipeline)?.repository.id, id);
    if (id === 'crr-new') isFresh(t, pipeline);
    else t.like(stateOf(pipeline), { status: 'complete', sinceMs: before?.sinceMs, vulnerabilities: { high: 3 } });
    t.is(next().request.repoId, id);
  }
});

for (const by of ['poll', 'summary'] as const) {
  test(`the answer to a ${by} that was under way under the former id is not the new one’s, and no tag is asked twice at once`, async (t) => {
    const pipeline = await complete(t, 'v1', 'v2');
    const { clock, pending, next, scans } = pipeline;
    const [first, second] = pending.splice(0);
    let underWay = first;
    if (by === 'summary') {
      first?.answer.status('SCANNING');
      await clock.advance(15_000);
      next().answer.status('COMPLETE');
      await clock.advance(0);
      underWay = next();
      t.is(underWay.action, 'GetRepoTagScanSummary');
    }
    const scansBefore = scans.length;
    second?.answer.error('REPO_NOT_EXIST', 'answered');
    await clock.advance(0);
    next().answer.repository('crr-new', 'shop', 'api');
    await clock.advance(0);
    t.deepEqual(next().request, { instanceId: 'cri-1', repoId: 'crr-new', tag: 'v2' });
    if (by === 'poll') underWay?.answer.status('COMPLETE');
    else underWay?.answer.summary(9, 9, 9, 9);
    await clock.advance(0);
    isFresh(t, pipeline);
    t.is(scans.length, scansBefore, 'no scan has ended');
    t.deepEqual(next().request, { instanceId: 'cri-1', repoId: 'crr-new', tag: 'v1' });
  });
}

test('a scan that was under way in the former repository is not the one that the new repository has', async (t) => {
  const pipeline = await complete(t, 'v1');
  const { clock, next, scans } = pipeline;
  next().answer.status('SCANNING');
  await clock.advance(15_000);
  next().answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(0);
  next().answer.repository('crr-new', 'shop', 'api');
  await clock.advance(0);
  next().answer.status('COMPLETE');
  await clock.advance(0);
  t.is(stateOf(pipeline)?.status, 'complete');
  t.deepEqual(scans, []);
});

test('tags start anew when discovery lists a repository of the same names with another id', async (t) => {
  const pipeline = discovering(t);
  const { watch, discover, settle, clock, pending, store } = pipeline;
  await watch(entry(BY_NAME, 'v1', 'listed'));
  await discover(EVERYTHING);
  await settle([{ id: 'crr-old', name: 'api', tags: tags('v1', 'v2', 'v3') }]);
  t.is(targetOf(pipeline, 'v2')?.digest, 'sha256:v2');
  await clock.advance(INTERVAL_MS);
  // The new one has a v2 of which the list does not say the digest, and has no v3.
  const anew = [{ id: 'crr-new', name: 'api', tags: [{ tag: 'v1' }, { tag: 'v2', digest: '' }] }];
  await settle(anew, ({ action }) => action === 'GetRepoTagScanStatus');
  for (const tag of ['v1', 'v2', 'listed']) isFresh(t, pipeline, tag);
  t.deepEqual([...store.tags()].map(({ target }) => [target.tag, target.repository.id]).sort(), [
    ['listed', 'crr-new'],
    ['v1', 'crr-new'],
    ['v2', 'crr-new'],
  ]);
  t.is(targetOf(pipeline, 'v2')?.digest, '', 'the digest is that of the former repository');
  t.deepEqual(pending, []);
});

test('found tags of a listed repository go on under its new id without the digest and the push that are of the former one', async (t) => {
  const pipeline = discovering(t);
  const { watch, discover, settle, clock, pending, instance } = pipeline;
  await watch(entry(BY_NAME, 'v1'));
  await discover(EVERYTHING);
  await settle([{ id: 'crr-old', name: 'api', tags: tags('v1', 'v2') }]);
  await clock.advance(600_000 - INTERVAL_MS);
  await settle([{ id: 'crr-old', name: 'api', tags: tags('v1', 'v2') }]);
  await clock.advance(INTERVAL_MS - 1);
  const held: Pending[] = [];
  const gone = ({ action, answer }: Pending) => {
    if (action === 'GetRepository') answer.repository('crr-new', 'shop', 'api');
    else answer.error('REPO_NOT_EXIST', 'answered');
    return true;
  };
  await settle([], (request) => {
    if (request.request.repoId === 'crr-new') return held.push(request) > 0;
    return request.action.startsWith('List') ? held.push(request) > 0 : gone(request);
  });
  await clock.advance(1);
  await settle([], (request) => {
    if (request.request.repoId === 'crr-new' || request.action.startsWith('List')) return held.push(request) > 0;
    return gone(request);
  });
  for (const tag of ['v1', 'v2']) isFresh(t, pipeline, tag);
  t.is(instance.discoveredTags, 1);
  const polled = held.filter(({ action }) => action === 'GetRepoTagScanStatus').map(({ request }) => request);
  t.deepEqual(
    polled.sort((one, other) => String(one.tag).localeCompare(String(other.tag))),
    ['v1', 'v2'].map((tag) => ({ instanceId: 'cri-1', repoId: 'crr-new', tag })),
  );
  // Whether v2 exists in the new one nothing has shown: an answer without a scan asks.
  const poll = held.find(({ request }) => request.tag === 'v2');
  poll?.answer.error('SCAN_NOT_EXIST', 'answered');
  await clock.advance(0);
  t.true(pending.some(({ action, request }) => action === 'GetRepoTag' && request.repoId === 'crr-new'));
});

test('an id that changes in the file starts anew, and so does one that is listed when its names were another’s', async (t) => {
  for (const forms of [
    [
      { ...BY_NAME, id: 'crr-old' },
      { ...BY_NAME, id: 'crr-new' },
    ],
    [BY_NAME, { ...BY_NAME, id: 'crr-new' }],
  ] as const) {
    const pipeline = discovering(t);
    const { watch, clock, pending, next } = pipeline;
    await watch(entry(forms[0], 'v1'));
    for (let round = 0; round < 3; round++) {
      await clock.advance(0);
      answer(pipeline, 'crr-old', 'COMPLETE');
    }
    await clock.advance(600_000);
    const underWay = next();
    await watch(entry(forms[1], 'v1'));
    isFresh(t, pipeline);
    underWay.answer.status('COMPLETE');
    await clock.advance(0);
    isFresh(t, pipeline);
    t.deepEqual(
      pending.map(({ request }) => request.repoId),
      ['crr-new'],
    );
  }
});

test('a repository that was gone and gets another id from the file starts anew', async (t) => {
  const pipeline = await complete(t, 'v1');
  const { clock, next, watch } = pipeline;
  next().answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(0);
  next().answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(0);
  await watch(entry({ ...BY_NAME, id: 'crr-new' }, 'v1'));
  isFresh(t, pipeline);
});

for (const [title, order] of [
  ['the names first', ['names', 'id']],
  ['the id first', ['id', 'names']],
] as const) {
  test(`of two entries that become one repository, by its new id, none keeps what it knew of the former one: ${title}`, async (t) => {
    const pipeline = discovering(t);
    const { watch, clock, pending } = pipeline;
    const entries = { names: entry(BY_NAME, 'by-names'), id: entry({ id: 'crr-new' }, 'by-id') };
    await watch(entries.names);
    for (let round = 0; round < 3; round++) {
      await clock.advance(0);
      answer(pipeline, 'crr-old', 'COMPLETE');
    }
    await clock.advance(599_000);
    await watch(...order.map((each) => entries[each]));
    // The lookup of the names of crr-new waits; its tag is answered.
    let held: Pending | undefined;
    const round = () => {
      for (const each of pending.splice(0)) {
        const { action, request, answer } = each;
        if (action === 'GetRepository' && 'repoId' in request) held = each;
        else if (action === 'GetRepository') answer.repository('crr-new', 'shop', 'api');
        else if (request.repoId === 'crr-old') answer.error('REPO_NOT_EXIST', 'answered');
        else if (request.tag === 'by-id') answer.status('FAILED');
      }
    };
    for (let step = 0; step < 4; step++) {
      round();
      await clock.advance(500);
    }
    held?.answer.repository('crr-new', 'shop', 'api');
    await clock.advance(0);
    t.is(targetOf(pipeline, 'by-names')?.repository.id, 'crr-new');
    t.like(stateOf(pipeline, 'by-names'), { status: 'unknown', lastSuccessMs: undefined });
    t.like(stateOf(pipeline, 'by-id'), { status: 'failed' }, 'this one was of the new id before');
  });
}

test('found tags of a repository whose names a listed id has taken over do not keep what was known of them', async (t) => {
  const pipeline = discovering(t);
  const { watch, discover, settle, clock } = pipeline;
  await watch();
  await discover(EVERYTHING);
  await settle([{ id: 'crr-old', name: 'api', tags: tags('v1', 'v2') }]);
  await watch(entry({ id: 'crr-new' }, 'listed'));
  await clock.advance(0);
  answer(pipeline, 'crr-new', 'FAILED');
  await clock.advance(0);
  t.is(targetOf(pipeline, 'v2')?.repository.id, 'crr-new');
  for (const tag of ['v1', 'v2']) t.like(stateOf(pipeline, tag), { status: 'unknown', lastSuccessMs: undefined });
  t.is(targetOf(pipeline, 'v2')?.digest, '');
  t.is(stateOf(pipeline, 'listed')?.status, 'failed');
});

test('tags of a former repository that there was no room for are not added to the new one', async (t) => {
  const pipeline = discovering(t, { maxTags: 2 });
  const { watch, discover, settle, clock, shown, next } = pipeline;
  await watch(entry(BY_NAME, 'listed'));
  await discover(EVERYTHING);
  const having = (...names: readonly string[]) => [
    { id: 'crr-old', name: 'api', tags: names.map((tag, index) => ({ tag, updatedMs: index + 1 })) },
    { id: 'crr-web', name: 'web', tags: [] },
  ];
  await settle(having('a'));
  await clock.advance(INTERVAL_MS);
  await settle(having('a'));
  await clock.advance(INTERVAL_MS);
  // `b`, which is newer than `a`, waits for the end of the pass.
  const held: Pending[] = [];
  await settle(having('a', 'b'), (request) => {
    const { repoId, tag } = request.request;
    return (repoId === 'crr-web' || tag === 'listed') && held.push(request) > 0;
  });
  const answerHeld = (action: string, give: (answer: Pending['answer']) => void) => {
    const index = held.findIndex((each) => each.action === action);
    for (const { answer } of held.splice(index, 1)) give(answer);
  };
  answerHeld('GetRepoTagScanStatus', (answer) => answer.error('REPO_NOT_EXIST', 'answered'));
  await clock.advance(0);
  next().answer.repository('crr-new', 'shop', 'api');
  await clock.advance(0);
  t.is(targetOf(pipeline, 'listed')?.repository.id, 'crr-new');
  answerHeld('ListRepoTag', (answer) => answer.tags([]));
  await clock.advance(0);
  t.false(shown().some((line) => line.startsWith('shop/api:b')));
});

test('the existence of a tag in the former repository does not count for the new one', async (t) => {
  const pipeline = await complete(t, 'v1', 'v2');
  const { clock, pending, next } = pipeline;
  const [first, second] = pending.splice(0);
  first?.answer.error('SCAN_NOT_EXIST', 'answered');
  await clock.advance(0);
  const existence = next();
  t.is(existence.action, 'GetRepoTag');
  second?.answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(0);
  next().answer.repository('crr-new', 'shop', 'api');
  await clock.advance(0);
  next().answer.status('COMPLETE');
  existence.answer.tag('', clock.now());
  await clock.advance(0);
  const anew = pending.splice(0).find(({ request }) => request.tag === 'v1');
  t.is(anew?.request.repoId, 'crr-new');
  anew?.answer.error('SCAN_NOT_EXIST', 'answered');
  await clock.advance(0);
  t.true(pending.some(({ action, request }) => action === 'GetRepoTag' && request.repoId === 'crr-new'));
});

test('a missing right to GetRepoTag in the former repository does not count for the new one', async (t) => {
  const pipeline = await complete(t, 'v1');
  const { clock, next } = pipeline;
  next().answer.error('SCAN_NOT_EXIST', 'answered');
  await clock.advance(0);
  next().answer.error('NoPrivilege', 'denied');
  await clock.advance(5_000);
  next().answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(0);
  next().answer.repository('crr-new', 'shop', 'api');
  await clock.advance(0);
  next().answer.error('SCAN_NOT_EXIST', 'answered');
  await clock.advance(0);
  t.like(next(), { action: 'GetRepoTag', request: { repoId: 'crr-new' } });
});
