// Discovery beside what the configuration lists: which of the two has the word.
import test from 'ava';
import { discovering, INTERVAL_MS, polledTags, tags } from '../helpers/discovering.ts';
import { EVERYTHING, entry, type Pending } from '../helpers/scripted-pipeline.ts';

test('a listed tag wins over a discovered one, whichever was there first', async (t) => {
  const { watch, discover, settle, shown, clock, store, instance } = discovering(t);
  const listed = { ...entry({ namespace: 'shop', name: 'api', id: 'crr-api' }, 'v1') };
  await watch({ ...listed, tags: [{ tag: 'v1', digest: 'sha256:pinned', scanTaskId: '' }] });
  await discover(EVERYTHING);
  await settle({ api: tags('v1', 'v2') });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
  t.is([...store.tags()].find(({ target }) => target.tag === 'v1')?.target.digest, 'sha256:pinned');
  t.is(instance.discoveredTags, 1);
  // v2 is listed now: what is known of it stays.
  await clock.advance(1_000);
  await watch({ ...listed, tags: [{ tag: 'v2', digest: '', scanTaskId: '' }] });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete'], 'and v1 is left to the rules');
  t.is(instance.discoveredTags, 1);
  await clock.advance(INTERVAL_MS);
  const asked = await settle({ api: tags('v1', 'v2') });
  t.deepEqual(polledTags(asked), ['v1'], 'whose image is another than the one that was listed');
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
  // And it stays listed when the registry has it no more.
  await clock.advance(INTERVAL_MS);
  await settle({ api: tags('v1') });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
});

test('a listed repository that waits for its lookup is known from discovery', async (t) => {
  const { watch, discover, clock, pending, settle, shown } = discovering(t);
  await watch(entry({ namespace: 'shop', name: 'api' }, 'v1'));
  await discover(EVERYTHING);
  await clock.advance(0);
  t.deepEqual(pending.map(({ action }) => action).sort(), ['GetRepository', 'ListRepository']);
  const [lookup] = pending.splice(
    pending.findIndex(({ action }) => action === 'GetRepository'),
    1,
  );
  await settle({ api: tags('v1', 'v2') });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
  lookup?.answer.repository('crr-api', 'shop', 'api');
  await settle({});
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
});

test('a tag that is not listed any more goes on as it is where a rule takes it, and goes where none does', async (t) => {
  const { watch, discover, settle, shown, clock, instance } = discovering(t);
  const listed = entry({ namespace: 'shop', name: 'api', id: 'crr-api' }, 'v1', 'main');
  await watch(listed);
  await discover({ ...EVERYTHING, tags: ['v*'] });
  const registry = { api: tags('v1', 'main') };
  await settle(registry);
  await watch();
  await discover({ ...EVERYTHING, tags: ['v*'] });
  t.deepEqual(shown(), ['shop/api:v1 complete']);
  t.is(instance.discoveredTags, 1);
  await clock.advance(INTERVAL_MS);
  t.deepEqual(polledTags(await settle(registry)), []);
  await clock.advance(INTERVAL_MS);
  await settle({ api: tags('v2') });
  t.deepEqual(shown(), ['shop/api:v2 complete']);
});

test('a listed repository that is made anew under its names is followed: the id that was looked up is another one now', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t);
  await watch(entry({ namespace: 'shop', name: 'api' }, 'v1'));
  await discover(EVERYTHING);
  await settle({ api: tags('v1', 'v2') });
  await clock.advance(INTERVAL_MS);
  const asked = await settle({}, ({ action, answer }) => {
    if (action === 'ListRepository') answer.repositories([{ id: 'crr-new', name: 'api' }]);
    else if (action === 'ListRepoTag') answer.tags(tags('v1', 'v3'));
    else return false;
    return true;
  });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v3 complete']);
  t.deepEqual(
    asked.filter(({ request }) => request.tag === 'v3').map(({ request }) => request.repoId),
    ['crr-new'],
  );
  t.deepEqual(
    asked.filter(({ request }) => request.tag === 'v1').map(({ request }) => request.repoId),
    ['crr-new'],
    'it starts anew, and is polled at once',
  );
});

test('a listed repository whose id is from the file stays what it is where a found one has its names', async (t) => {
  const { watch, discover, settle, shown, store, clock, discoveryManager } = discovering(t);
  await watch(entry({ namespace: 'shop', name: 'api', id: 'crr-file' }, 'v1'));
  await discover(EVERYTHING);
  const other = [{ id: 'crr-other', name: 'api', tags: tags('v1', 'v2') }];
  for (let pass = 0; pass < 2; pass++) {
    t.false(polledTags(await settle(other)).includes('v2'));
    t.deepEqual(shown(), ['shop/api:v1 complete']);
    t.is([...store.tags()][0]?.target.repository.id, 'crr-file');
    await clock.advance(INTERVAL_MS);
  }
  t.is(discoveryManager.statuses()[0]?.lastError, undefined);
});

test('an id that discovery found is known when its repository becomes listed by its names: nothing is looked up', async (t) => {
  const { watch, discover, settle, shown, clock, store } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const registry = { api: tags('v1', 'v2') };
  await settle(registry);
  const known = [...store.tags()].find(({ target }) => target.tag === 'v1');
  await watch(entry({ namespace: 'shop', name: 'api' }, 'v1', 'listed'));
  const asked = await settle(registry);
  t.deepEqual(
    asked.map(({ action, request }) => [action, request.repoId, request.tag]),
    [['GetRepoTagScanStatus', 'crr-api', 'listed']],
  );
  t.deepEqual(shown(), ['shop/api:listed complete', 'shop/api:v1 complete', 'shop/api:v2 complete']);
  t.is(
    [...store.tags()].find(({ target }) => target.tag === 'v1'),
    known,
    'what is known of it stays',
  );
  await clock.advance(INTERVAL_MS);
  await settle({});
  t.deepEqual(shown(), ['shop/api:listed complete', 'shop/api:v1 complete']);
});

for (const [title, after] of [
  ['is gone', {}],
  ['has no tags any more', { api: [] }],
] as const) {
  test(`an id that discovery found is forgotten when its repository ${title}: it is looked up when it becomes listed`, async (t) => {
    const { watch, discover, settle, clock, pending } = discovering(t);
    await watch();
    await discover(EVERYTHING);
    await settle({ api: tags('v1') });
    await clock.advance(INTERVAL_MS);
    await settle(after);
    await watch(entry({ namespace: 'shop', name: 'api' }, 'v1'));
    await clock.advance(0);
    t.deepEqual(
      pending.map(({ action }) => action),
      ['GetRepository'],
    );
  });
}

test('a repository that was made anew is known by its new id when it becomes listed', async (t) => {
  const { watch, discover, settle, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: tags('v1') });
  const anew = [{ id: 'crr-new', name: 'api', tags: tags('v1') }];
  await clock.advance(INTERVAL_MS);
  await settle(anew);
  await watch(entry({ namespace: 'shop', name: 'api' }, 'v2'));
  const asked = await settle(anew);
  t.deepEqual(
    asked.map(({ action, request }) => [action, request.repoId, request.tag]),
    [['GetRepoTagScanStatus', 'crr-new', 'v2']],
  );
});

test('a found repository that the API says does not exist is not looked up: the next pass tells', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const gone = ({ action, answer }: Pending) => {
    if (action !== 'GetRepoTagScanStatus') return false;
    answer.error('REPO_NOT_EXIST', 'answered');
    return true;
  };
  const asked = await settle({ api: tags('v1') }, gone);
  for (let seconds = 0; seconds < 120; seconds += 1) {
    await clock.advance(1_000);
    asked.push(...(await settle({ api: tags('v1') }, gone)));
  }
  t.true(polledTags(asked).length > 1);
  t.deepEqual(
    asked.filter(({ action }) => action === 'GetRepository'),
    [],
  );
  t.deepEqual(shown(), ['shop/api:v1 unknown']);
  await clock.advance(INTERVAL_MS);
  await settle({}, gone);
  t.deepEqual(shown(), []);
});

test('a listed repository that was made anew is known by its new id at a reload, and its old id is nobody’s', async (t) => {
  const { watch, discover, settle, clock, pending, shown } = discovering(t);
  const listed = entry({ namespace: 'shop', name: 'api' }, 'v1');
  await watch(listed);
  await discover(EVERYTHING);
  const made = (id: string) => [{ id, name: 'api', tags: tags('v1') }];
  const lookup = ({ action, answer }: Pending) => {
    if (action === 'GetRepository') answer.repository('crr-old', 'shop', 'api');
    return action === 'GetRepository';
  };
  await settle(made('crr-old'), lookup);
  await clock.advance(INTERVAL_MS);
  await settle(made('crr-new'), lookup);
  await watch(listed, entry({ id: 'crr-old' }, 'v9'));
  await clock.advance(0);
  t.deepEqual(
    pending.filter(({ action }) => action === 'GetRepository').map(({ request }) => request),
    [{ instanceId: 'cri-1', repoId: 'crr-old' }],
  );
  t.deepEqual(shown(), ['/crr-old:v9 unknown', 'shop/api:v1 complete']);
});

test('a listed repository that a lookup finds to be a found one takes that over: nobody listed a tag twice', async (t) => {
  const { watch, discover, settle, shown, instance, events } = discovering(t);
  await watch(entry({ namespace: 'Shop', name: 'Api' }, 'v1'));
  await discover(EVERYTHING);
  let lookup: Pending | undefined;
  await settle({ api: tags('v1', 'v2') }, (request) => {
    if (request.action === 'GetRepository') lookup = request;
    return request.action === 'GetRepository';
  });
  t.deepEqual(shown(), ['Shop/Api:v1 unknown', 'shop/api:v1 complete', 'shop/api:v2 complete']);
  lookup?.answer.repository('crr-api', 'shop', 'api');
  await settle({ api: tags('v1', 'v2') });
  t.deepEqual(shown(), ['Shop/Api:v1 complete', 'Shop/Api:v2 complete']);
  t.is(instance.discoveredTags, 1);
  t.deepEqual(
    events.filter((event) => event.startsWith('two entries list the same tag')),
    [],
  );
});

test('where two listed entries turn out to be one repository, a tag that one lists wins over the same tag found in the other', async (t) => {
  const { watch, discover, settle, shown, store, instance, clock, events } = discovering(t);
  const pinned = { tag: 'v2', digest: 'sha256:pinned', scanTaskId: '' };
  await watch(entry({ namespace: 'shop', name: 'api', id: 'crr-api' }, 'v1'), {
    ...entry({ namespace: 'Shop', name: 'Api' }),
    tags: [pinned],
  });
  await discover(EVERYTHING);
  const registry = { api: tags('v1', 'v2', 'v3') };
  let lookup: Pending | undefined;
  await settle(registry, (request) => {
    if (request.action !== 'GetRepository') return false;
    lookup = request;
    return true;
  });
  t.deepEqual(shown(), ['Shop/Api:v2 unknown', 'shop/api:v1 complete', 'shop/api:v2 complete', 'shop/api:v3 complete']);
  lookup?.answer.repository('crr-api', 'shop', 'api');
  await settle(registry);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete', 'shop/api:v3 complete']);
  t.is([...store.tags()].find(({ target }) => target.tag === 'v2')?.target.digest, 'sha256:pinned');
  t.is(instance.discoveredTags, 1);
  t.deepEqual(
    events.filter((event) => event.startsWith('two entries list the same tag')),
    [],
    'nobody listed it twice',
  );
  await clock.advance(INTERVAL_MS);
  await settle({ api: [] });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete'], 'listed tags stay');
});

test('a listed id stays when its repository is created again with another id: the new one is left out, with a warning', async (t) => {
  const { watch, discover, settle, shown, store, clock, events } = discovering(t);
  const listed = entry({ id: 'crr-old' }, 'v1');
  await watch(listed);
  await discover(EVERYTHING);
  const lookup = ({ action, answer }: Pending) => {
    if (action === 'GetRepository') answer.repository('crr-old', 'shop', 'api');
    return action === 'GetRepository';
  };
  await settle([{ id: 'crr-old', name: 'api', tags: tags('v1') }], lookup);
  const anew = [{ id: 'crr-new', name: 'api', tags: tags('v1', 'v2') }];
  const gone = ({ action, request, answer }: Pending) => {
    const isOld = action === 'GetRepoTagScanStatus' && request.repoId === 'crr-old';
    if (isOld) answer.error('REPO_NOT_EXIST', 'answered');
    return isOld;
  };
  for (let pass = 0; pass < 3; pass++) {
    await clock.advance(INTERVAL_MS);
    await settle(anew, gone);
    await watch(listed);
    await discover(EVERYTHING);
    await settle(anew, gone);
    t.deepEqual(shown(), ['shop/api:v1 complete']);
    t.is([...store.tags()][0]?.target.repository.id, 'crr-old');
    t.is([...store.tags()][0]?.state.lastError?.code, pass === 0 ? undefined : 'REPO_NOT_EXIST');
  }
  const told = events.filter((event) => event.startsWith('a new repository has the names'));
  t.is(told.length, 1);
  t.regex(told.join(), /"repo_id":"crr-new","listed_id":"crr-old"/);
});
