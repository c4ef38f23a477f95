import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { createScheduler, createScriptedPipeline, entry, ScriptedCredentials } from '../helpers/scripted-pipeline.ts';

function running(t: ExecutionContext) {
  const pipeline = createScriptedPipeline();
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void pipeline.scheduler.run(stop.signal);
  return pipeline;
}

const API = { namespace: 'shop', name: 'api', id: 'crr-api' };
const BY_NAME = { namespace: 'shop', name: 'api' };
const BY_ID = { id: 'crr-api' };

test('a repository given by name is looked up, and polled as soon as its id is known', async (t) => {
  const { watch, clock, next, pending, shown } = running(t);
  await watch(entry(BY_NAME, 'v1', 'v2'));
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:v1 unknown', 'shop/api:v2 unknown']);
  const lookup = next();
  t.deepEqual(lookup.request, { instanceId: 'cri-1', repoNamespaceName: 'shop', repoName: 'api' });
  lookup.answer.repository('crr-api', 'shop', 'api');
  await clock.advance(0);
  t.deepEqual(
    pending.map(({ request }) => request),
    ['v1', 'v2'].map((tag) => ({ instanceId: 'cri-1', repoId: 'crr-api', tag })),
  );
});

test('a repository given by id is polled at once, shows its id as its name, and keeps what is known when it gets its names', async (t) => {
  const { watch, clock, pending, shown, store } = running(t);
  await watch(entry(BY_ID, 'v1'));
  await clock.advance(0);
  t.deepEqual(shown(), ['/crr-api:v1 unknown']);
  const poll = pending.find(({ action }) => action === 'GetRepoTagScanStatus');
  const lookup = pending.find(({ action }) => action === 'GetRepository');
  t.deepEqual(lookup?.request, { instanceId: 'cri-1', repoId: 'crr-api' });
  poll?.answer.status('SCANNING');
  await clock.advance(1_000);
  lookup?.answer.repository('crr-api', 'shop', 'api');
  await clock.advance(1_000);
  t.deepEqual(shown(), ['shop/api:v1 scanning']);
  t.deepEqual(
    [...store.tags()].map(({ state }) => state.sinceMs),
    [clock.now() - 2_000],
  );
  t.deepEqual(
    [...store.repositories()].map(({ repository, counts }) => [repository.name, counts.scanning]),
    [['api', 1]],
  );
});

test('a lookup that fails is retried with back-off, and its tags count as polled without success with that error', async (t) => {
  const { watch, clock, next, pending, store, failures } = running(t);
  await watch(entry(BY_NAME, 'v1', 'v2'));
  await clock.advance(0);
  next().answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(2_499);
  t.is(pending.length, 0);
  t.deepEqual(
    [...store.tags()].map(({ state }) => state.lastError?.code),
    ['REPO_NOT_EXIST', 'REPO_NOT_EXIST'],
  );
  await clock.advance(1);
  next().answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(4_999);
  t.is(pending.length, 0);
  await clock.advance(1);
  t.is(pending.length, 1);
  t.deepEqual(failures, ['GetRepository REPO_NOT_EXIST', 'GetRepository REPO_NOT_EXIST']);
});

test('a repository that is not listed any more is not looked up any more', async (t) => {
  const { watch, clock, next, pending } = running(t);
  await watch(entry(BY_NAME, 'v1'));
  await clock.advance(0);
  next().answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(0);
  await watch();
  await clock.advance(3_600_000);
  t.is(pending.length, 0);
});

for (const [title, order] of [
  ['by id first', [BY_ID, BY_NAME]],
  ['by name first', [BY_NAME, BY_ID]],
] as const) {
  test(`two entries that turn out to be the same repository become one, the first keeps a tag that both list: ${title}`, async (t) => {
    const { watch, clock, pending, shown, events } = running(t);
    await watch(entry(order[0], 'both', 'first'), entry(order[1], 'both', 'second'));
    await clock.advance(0);
    for (let round = 0; round < 4; round++) {
      for (const { action, answer } of pending.splice(0)) {
        if (action === 'GetRepository') answer.repository('crr-api', 'shop', 'api');
        else answer.status('COMPLETE');
      }
      await clock.advance(0);
    }
    t.deepEqual(shown(), ['shop/api:both complete', 'shop/api:first complete', 'shop/api:second complete']);
    t.is(
      events.filter((event) => event.includes('two entries list the same tag') && event.includes('"both"')).length,
      1,
    );
    await clock.advance(600_000);
    t.deepEqual(pending.map(({ request }) => 'tag' in request && request.tag).sort(), ['both', 'first', 'second']);
  });
}

test('of two entries that turn out to be the same repository the first counts, whichever is looked up', async (t) => {
  const other = { namespace: 'Shop', name: 'Api' };
  for (const [names, shownName] of [
    [[API, other], 'shop/api'],
    [[other, API], 'Shop/Api'],
    [[BY_ID, other], 'Shop/Api'],
  ] as const) {
    const { watch, clock, pending, shown, store } = running(t);
    const [first, second] = names;
    await watch({ ...entry(first, 'v1'), vulnerabilities: true }, entry(second, 'v2'));
    await clock.advance(0);
    const lookups = pending.splice(0).filter(({ action }) => action === 'GetRepository');
    // By names first: then the entry that is known by its id is there to be met.
    lookups.sort((one, next) => Number('repoId' in one.request) - Number('repoId' in next.request));
    for (const { answer } of lookups) {
      answer.repository('crr-api', 'shop', 'api');
      await clock.advance(0);
    }
    t.deepEqual(shown(), [`${shownName}:v1 unknown`, `${shownName}:v2 unknown`]);
    t.deepEqual(
      [...store.repositories()].map(({ repository }) => [repository.id, repository.vulnerabilities]),
      [['crr-api', true]],
    );
  }
});

test('a reload keeps what is known of tags in both files, forgets removed ones and polls new ones at once', async (t) => {
  const { watch, clock, pending, next, shown, store } = running(t);
  await watch(entry(API, 'stays', 'goes'));
  await clock.advance(0);
  for (const { answer } of pending.splice(0)) answer.status('SCANNING');
  await clock.advance(5_000);
  const [before] = [...store.tags()];
  await watch(entry(API, 'comes', 'stays'));
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:comes unknown', 'shop/api:stays scanning']);
  t.is([...store.tags()].find(({ target }) => target.tag === 'stays')?.state, before?.state);
  t.deepEqual(next().request, { instanceId: 'cri-1', repoId: 'crr-api', tag: 'comes' });
  await clock.advance(9_999);
  t.is(pending.length, 0, 'the kept tag is polled when it would have been');
  await clock.advance(1);
  t.is(pending.length, 1);
});

test('after a reload tags and repositories are in the order of the file', async (t) => {
  const { watch, watchList } = running(t);
  const order = () => [...watchList.polls()].map(({ tag: { target } }) => `${target.repository.name}:${target.tag}`);
  await watch(entry(API, 'v2', 'v3'), entry({ ...API, name: 'web', id: 'crr-web' }, 'v1'));
  t.deepEqual(order(), ['api:v2', 'api:v3', 'web:v1']);
  await watch(entry({ ...API, name: 'web', id: 'crr-web' }, 'v1'), entry(API, 'v1', 'v3', 'v2'));
  t.deepEqual(order(), ['web:v1', 'api:v1', 'api:v3', 'api:v2']);
});

test('a tag whose digest or scan task changes loses its state', async (t) => {
  for (const change of [{ digest: 'sha256:new' }, { scanTaskId: 'task-2' }]) {
    const { watch, clock, pending, next, shown } = running(t);
    const tag = { tag: 'v1', digest: '', scanTaskId: '' };
    await watch({ ...entry(API), tags: [tag] });
    await clock.advance(0);
    next().answer.status('COMPLETE');
    await clock.advance(1_000);
    await watch({ ...entry(API), tags: [{ ...tag, ...change }] });
    t.deepEqual(shown(), ['shop/api:v1 unknown']);
    await clock.advance(0);
    t.deepEqual(
      pending.map(({ request }) => request),
      [{ instanceId: 'cri-1', repoId: 'crr-api', tag: 'v1', ...change }],
    );
  }
});

test('an answer for a tag that was removed meanwhile is dropped', async (t) => {
  const { watch, clock, next, pending, shown } = running(t);
  await watch(entry(API, 'goes'));
  await clock.advance(0);
  const { answer } = next();
  await watch(entry(API, 'comes'));
  answer.status('COMPLETE');
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:comes unknown']);
  await clock.advance(3_600_000);
  t.deepEqual(
    pending.map(({ request }) => 'tag' in request && request.tag),
    ['comes'],
  );
});

test('a tag that is removed and added again while its request is under way is asked for again only when that has ended', async (t) => {
  const { watch, clock, next, pending, shown } = running(t);
  await watch(entry(API, 'v1', 'v2'));
  await clock.advance(0);
  const old = pending.splice(0).find(({ request }) => 'tag' in request && request.tag === 'v1');
  await watch(entry(API, 'v2'));
  await watch(entry(API, 'v1', 'v2'));
  await clock.advance(1_000);
  t.is(pending.length, 0);
  old?.answer.status('COMPLETE');
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:v1 unknown', 'shop/api:v2 unknown'], 'the old answer is not the new tag’s');
  next().answer.status('SCANNING');
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:v1 scanning', 'shop/api:v2 unknown']);
});

test('what a lookup found survives a reload: nothing is looked up twice', async (t) => {
  const { watch, clock, next, pending, shown } = running(t);
  await watch(entry(BY_NAME, 'v1'));
  await clock.advance(0);
  next().answer.repository('crr-api', 'shop', 'api');
  await clock.advance(0);
  next().answer.status('COMPLETE');
  await clock.advance(0);
  await watch(entry(BY_ID, 'v1'), entry(BY_NAME, 'v2'));
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 unknown']);
  t.deepEqual(
    pending.map(({ request }) => request),
    [{ instanceId: 'cri-1', repoId: 'crr-api', tag: 'v2' }],
  );
});

test('a lookup that ends in the middle of a reload loses and doubles nothing', async (t) => {
  const { watchList, instance, clock, pending, shown, hooks } = running(t);
  const tags = Array.from({ length: 1_500 }, (_, index) => `v${index}`);
  const list = [{ id: 'cri-1', domain: '', discover: [], repositories: [entry(BY_NAME, ...tags)] }];
  const instances = new Map([[instance.id, instance]]);
  await watchList.apply(list, instances);
  await clock.advance(0);
  const [lookup] = pending.splice(0);
  let breaths = 0;
  hooks.turn = async () => {
    breaths += 1;
    if (breaths === 1) lookup?.answer.repository('crr-api', 'shop', 'api');
    await clock.advance(0);
  };
  await watchList.apply(
    [{ id: 'cri-1', domain: 'example.com', discover: [], repositories: [entry(BY_NAME, ...tags, 'new')] }],
    instances,
  );
  await clock.advance(0);
  t.true(breaths >= 2);
  for (let round = 0; round < 10; round++) await clock.advance(0);
  t.is(shown().length, 1_501);
  t.deepEqual(new Set(pending.map(({ request }) => 'tag' in request && request.tag)).size, 1_501);
  t.is(pending.length, 1_501);
});

test('an instance that gets credentials of its own takes its tasks along', async (t) => {
  const { watch, clock, next, watchList, instance, errors, pending, scheduler } = running(t);
  await watch(entry(API, 'v1'));
  await clock.advance(0);
  next().answer.status('COMPLETE');
  await clock.advance(0);
  const own = createScheduler('cri-1', { clock, errors, credentials: new ScriptedCredentials() });
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void own.run(stop.signal);
  await watchList.moveToScheduler(instance, own);
  t.deepEqual([scheduler.backlog(1e9).background.due, own.backlog(1e9).background.due], [0, 1]);
  await clock.advance(600_000);
  t.is(pending.length, 1);
});

test('whatever is listed, by names, by id or both, and in whatever order lookups end: each tag of each repository is watched once', async (t) => {
  const form = fc.constantFrom('names', 'id', 'both');
  const listing = fc.array(
    fc.record({
      repository: fc.constantFrom('a', 'b', 'c'),
      form,
      tags: fc.uniqueArray(fc.constantFrom('1', '2', '3'), { minLength: 1 }),
    }),
    {
      minLength: 1,
      maxLength: 6,
    },
  );
  const property = fc.asyncProperty(
    fc.array(listing, { minLength: 1, maxLength: 3 }),
    fc.infiniteStream(fc.nat()),
    async (lists, dice) => {
      const pipeline = running(t);
      for (const list of lists) {
        await pipeline.watch(
          ...list.map(({ repository, form: given, tags }) => {
            const names = given === 'id' ? {} : { namespace: 'ns', name: repository };
            return entry({ ...names, ...(given !== 'names' && { id: `crr-${repository}` }) }, ...tags);
          }),
        );
        for (let step = 0; step < 40; step++) {
          await pipeline.clock.advance(0);
          if (pipeline.pending.length === 0) break;
          const [request] = pipeline.pending.splice((dice.next().value ?? 0) % pipeline.pending.length, 1);
          if (request?.action === 'GetRepository') {
            const asked = request.request;
            const repository = 'repoId' in asked ? String(asked.repoId).slice(4) : String(asked.repoName);
            request.answer.repository(`crr-${repository}`, 'ns', repository);
          } else request?.answer.status('COMPLETE');
        }
        const expected = new Set(
          list.flatMap(({ repository, tags }) => tags.map((tag) => `ns/${repository}:${tag} complete`)),
        );
        t.deepEqual(pipeline.shown(), [...expected].sort());
      }
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

test('a task that waits for the end of another one does not change the state of the credentials', async (t) => {
  const { watch, clock, pending, scheduler } = running(t);
  await watch(entry(API, 'v1', 'v2'));
  await clock.advance(0);
  await watch(entry(API, 'v2'));
  pending
    .find(({ request }) => 'tag' in request && request.tag === 'v2')
    ?.answer.error('SignatureDoesNotMatch', 'refused');
  await clock.advance(0);
  await watch(entry(API, 'v1', 'v2'));
  await clock.advance(20_000);
  t.true(scheduler.breaker.isRefused);
});

test('a task that moves to another scheduler during its request is started only by that scheduler', async (t) => {
  const { watch, clock, pending, watchList, instance, errors, scheduler } = running(t);
  await watch(entry(API, 'v1', 'v2', 'v3'));
  await clock.advance(0);
  const own = createScheduler('cri-1', { clock, errors, credentials: new ScriptedCredentials() });
  await watchList.moveToScheduler(instance, own);
  for (const { answer } of pending.splice(0)) answer.error('SignatureDoesNotMatch', 'refused');
  await clock.advance(60_000);
  t.is(scheduler.backlog(1e9).urgent.due, 0);
  t.is(own.backlog(1e9).urgent.due, 3);
  t.is(pending.length, 0, 'the other scheduler does not run');
});

test('three entries of which the last says that the others are the same repository are one from the start', async (t) => {
  for (const order of [
    [BY_NAME, BY_ID, API],
    [BY_ID, BY_NAME, API],
    [API, BY_ID, BY_NAME],
  ]) {
    const { watch, clock, pending, store, shown } = running(t);
    await watch(...order.map((names, index) => entry(names, `v${index}`)));
    await clock.advance(0);
    t.deepEqual(shown(), ['shop/api:v0 unknown', 'shop/api:v1 unknown', 'shop/api:v2 unknown']);
    t.is([...store.repositories()].length, 1);
    t.deepEqual(new Set(pending.map(({ action }) => action)), new Set(['GetRepoTagScanStatus']));
  }
});

test('a repository that was looked up and is created again is looked up again, and keeps its state meanwhile', async (t) => {
  const { watch, clock, next, pending, shown } = running(t);
  await watch(entry(BY_NAME, 'v1'));
  await clock.advance(0);
  next().answer.repository('crr-old', 'Shop', 'Api');
  await clock.advance(0);
  next().answer.status('COMPLETE');
  await clock.advance(600_000);
  next().answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:v1 complete']);
  const lookup = next();
  t.deepEqual(lookup.request, { instanceId: 'cri-1', repoNamespaceName: 'shop', repoName: 'api' });
  lookup.answer.repository('crr-new', 'shop', 'api');
  await clock.advance(0);
  t.deepEqual(
    pending.map(({ request }) => request),
    [{ instanceId: 'cri-1', repoId: 'crr-new', tag: 'v1' }],
  );
});

test('a tag whose answers say that its repository is gone causes lookups at growing intervals, and does not affect the other tags', async (t) => {
  const { watch, clock, next, pending } = running(t);
  const healthy = Array.from({ length: 200 }, (_, index) => `v${index}`);
  await watch(entry(BY_NAME, ...healthy, 'odd'));
  await clock.advance(0);
  next().answer.repository('crr-api', 'shop', 'api');
  await clock.advance(0);
  let [lookups, polls] = [0, 0];
  for (let second = 0; second < 3_600; second += 5) {
    for (const { action, request, answer } of pending.splice(0)) {
      if (action === 'GetRepository') {
        lookups += 1;
        answer.repository('crr-api', 'shop', 'api');
      } else if (request.tag === 'odd') answer.error('REPO_NOT_EXIST', 'answered');
      else {
        polls += 1;
        answer.status('COMPLETE');
      }
    }
    await clock.advance(5_000);
  }
  t.is(polls, 6 * healthy.length);
  t.true(lookups >= 1 && lookups <= 7, `${lookups} lookups in an hour`);
});

test('a repository that is created again is looked up within a minute, however often the API wrongly said before that it is gone', async (t) => {
  const { watch, clock, next, pending } = running(t);
  await watch(entry(BY_NAME, 'v1'));
  await clock.advance(0);
  next().answer.repository('crr-old', 'shop', 'api');
  await clock.advance(0);
  for (let alarm = 0; alarm < 6; alarm++) {
    next().answer.status('COMPLETE');
    await clock.advance(600_000);
    next().answer.error('REPO_NOT_EXIST', 'answered');
    await clock.advance(0);
    next().answer.repository('crr-old', 'shop', 'api');
    await clock.advance(5_000);
  }
  next().answer.status('COMPLETE');
  let lookups = 0;
  // The interval of a tag whose scan is complete, and a minute.
  for (let second = 0; second < 660; second += 5) {
    await clock.advance(5_000);
    for (const { action, answer } of pending.splice(0)) {
      if (action === 'GetRepository') lookups += 1;
      else answer.error('REPO_NOT_EXIST', 'answered');
    }
  }
  t.is(lookups, 1);
});

test('a tag that does not exist has its repository looked up never', async (t) => {
  for (const code of ['REPO_TAG_NOT_EXIST', 'TAG_NOT_EXIST', 'RepoTagNotExist']) {
    const { watch, clock, next, pending, store } = running(t);
    await watch(entry(BY_NAME, 'v1'));
    await clock.advance(0);
    next().answer.repository('crr-api', 'shop', 'api');
    const actions = new Set<string>();
    for (let second = 0; second < 600; second += 5) {
      await clock.advance(5_000);
      for (const { action, answer } of pending.splice(0)) {
        actions.add(action);
        answer.error(code, 'answered');
      }
    }
    t.deepEqual([...actions].sort(), ['GetRepoTag', 'GetRepoTagScanStatus'], code);
    t.is([...store.tags()][0]?.state.lastError?.code, code);
  }
});

test('a repository whose id cannot be checked is still polled; one that is gone is not polled until one has its names again', async (t) => {
  const { watch, clock, next, pending, shown, store } = running(t);
  await watch(entry(BY_NAME, 'v1', 'v2'));
  await clock.advance(0);
  next().answer.repository('crr-old', 'shop', 'api');
  await clock.advance(0);
  for (const { answer } of pending.splice(0)) answer.status('COMPLETE');
  await clock.advance(600_000);
  for (const { answer } of pending.splice(0)) answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(0);
  next().answer.error('NoPrivilege', 'denied');
  await clock.advance(2_500);
  const both = pending.splice(0);
  t.deepEqual(both.map(({ action }) => action).sort(), [
    'GetRepoTagScanStatus',
    'GetRepoTagScanStatus',
    'GetRepository',
  ]);
  for (const { action, answer } of both) {
    if (action === 'GetRepository') answer.error('NAMESPACE_NOT_EXIST', 'answered');
    else answer.error('REPO_NOT_EXIST', 'answered');
  }
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
  const codes = [...store.tags()].map(({ state }) => state.lastError?.code);
  t.deepEqual(codes, ['NAMESPACE_NOT_EXIST', 'NAMESPACE_NOT_EXIST']);
  const later: string[] = [];
  for (let second = 0; second < 60 && pending.length === 0; second++) await clock.advance(1_000);
  for (const { action, answer } of pending.splice(0)) {
    later.push(action);
    answer.repository('crr-new', 'shop', 'api');
  }
  await clock.advance(0);
  t.deepEqual(later, ['GetRepository']);
  t.deepEqual(
    pending.map(({ request }) => request),
    ['v1', 'v2'].map((tag) => ({ instanceId: 'cri-1', repoId: 'crr-new', tag })),
  );
});

test('an answer about the former repository of a tag is ignored, and no tag has two requests at a time', async (t) => {
  const { watch, clock, next, pending, shown } = running(t);
  await watch(entry(BY_NAME, 'v1', 'v2'));
  await clock.advance(0);
  next().answer.repository('crr-old', 'shop', 'api');
  await clock.advance(0);
  const [first, second] = pending.splice(0);
  second?.answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(0);
  next().answer.repository('crr-new', 'shop', 'api');
  await clock.advance(0);
  t.deepEqual(next().request, { instanceId: 'cri-1', repoId: 'crr-new', tag: 'v2' });
  first?.answer.status('FAILED');
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:v1 unknown', 'shop/api:v2 unknown']);
  t.deepEqual(next().request, { instanceId: 'cri-1', repoId: 'crr-new', tag: 'v1' });
});

test('a repository that is found and yet does not exist does not use up the quota', async (t) => {
  const { watch, clock, pending } = running(t);
  await watch(entry(BY_NAME, 'v1'));
  let requests = 0;
  for (let step = 0; step < 3_600; step++) {
    await clock.advance(1_000);
    for (const { action, answer } of pending.splice(0)) {
      requests += 1;
      if (action === 'GetRepository') answer.repository('crr-api', 'shop', 'api');
      else answer.error('REPO_NOT_EXIST', 'answered');
    }
  }
  t.true(requests < 60, `${requests} in an hour`);
});

test('an id that the file gives is not looked up, whatever the API says of it', async (t) => {
  const { watch, clock, next, pending } = running(t);
  await watch(entry(API, 'v1'));
  await clock.advance(0);
  next().answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(2_500);
  t.deepEqual(
    pending.map(({ action }) => action),
    ['GetRepoTagScanStatus'],
  );
});

test('shorter intervals bring scheduled polls forward, longer ones leave them', async (t) => {
  const { watch, clock, next, pending, watchList, polls } = running(t);
  await watch(entry(API, 'v1'));
  await clock.advance(0);
  next().answer.status('COMPLETE');
  await clock.advance(1_000);
  polls.timing = { ...polls.timing, intervals: { ...polls.timing.intervals, completeMs: 86_400_000 } };
  await watchList.hasten();
  polls.timing = { ...polls.timing, intervals: { ...polls.timing.intervals, completeMs: 30_000 } };
  await watchList.hasten();
  await clock.advance(29_999);
  t.is(pending.length, 0);
  await clock.advance(1);
  t.is(pending.length, 1);
});

test('a repository that is listed by its id stays that one when its names come to be those of another, over reloads too', async (t) => {
  const { watch, clock, next, shown, store, pending } = running(t);
  await watch(entry({ id: 'crr-old' }, 'v1'));
  await clock.advance(0);
  for (const { action, answer } of pending.splice(0)) {
    if (action === 'GetRepository') answer.repository('crr-old', 'shop', 'api');
    else answer.status('COMPLETE');
  }
  await clock.advance(600_000);
  next().answer.error('REPO_NOT_EXIST', 'answered');
  await clock.advance(0);
  t.deepEqual(pending, [], 'its names are not looked up: they may be those of another by now');
  await watch(entry({ id: 'crr-old' }, 'v1'));
  await clock.advance(0);
  t.deepEqual(shown(), ['shop/api:v1 complete']);
  t.is([...store.tags()][0]?.target.repository.id, 'crr-old');
  await clock.advance(600_000);
  t.is(next().request.repoId, 'crr-old');
});

test('failed lookups do not lengthen the back-off of the first polls after them', async (t) => {
  const { watch, clock, next, pending, scheduler, shown } = running(t);
  await watch(entry(BY_NAME, 'v1'));
  await clock.advance(0);
  t.is(scheduler.backlog(clock.monotonic()).urgent.due, 0);
  for (let failures = 0; failures < 6; failures++) {
    next().answer.error('SystemError', 'transport');
    await clock.advance(600_000);
    t.deepEqual(shown(), ['shop/api:v1 unknown']);
  }
  next().answer.repository('crr-api', 'shop', 'api');
  await clock.advance(0);
  next().answer.error('SystemError', 'transport');
  await clock.advance(2_499);
  t.is(pending.length, 0);
  await clock.advance(1);
  t.is(pending.length, 1, 'half of the initial 5 s, as after a first failure');
});

test('lookups that are due are not among the tags that are due', async (t) => {
  const { watch, clock, scheduler } = createScriptedPipeline();
  await watch(entry(BY_NAME, 'v1'), entry({ id: 'crr-web' }, 'v1'));
  await clock.advance(1_000);
  t.is(scheduler.backlog(clock.monotonic()).urgent.due, 1, 'the tag of which the id is known');
});
