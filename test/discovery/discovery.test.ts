// Discovery around a scripted API and a manual clock: what it finds, and how it follows what changes.
import test from 'ava';
import { discovering, INTERVAL_MS, listings, many, polledTags, tags } from '../helpers/discovering.ts';
import { EVERYTHING, entry, type Pending } from '../helpers/scripted-pipeline.ts';

test('what the rules take is watched and polled at once, the rest is not asked for', async (t) => {
  const { watch, discover, settle, shown } = discovering(t);
  await watch();
  await discover({ ...EVERYTHING, excludeRepositories: ['*-cache'], tags: ['v*'] });
  const asked = await settle({ api: tags('v1', 'main', 'v2'), 'web-cache': tags('v1'), db: tags('v7') });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete', 'shop/db:v7 complete']);
  t.deepEqual(
    listings(asked).map(({ request }) => request.repoId),
    [undefined, 'crr-api', 'crr-db'],
  );
});

test('a push, a push of the same tag and a deletion are seen by the next pass, an interval after the last', async (t) => {
  const { watch, discover, settle, shown, clock, store, instance } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: [{ tag: 'moves', digest: 'a' }, { tag: 'stays' }, { tag: 'goes' }] });
  const stays = [...store.tags()].find(({ target }) => target.tag === 'stays');
  await clock.advance(INTERVAL_MS - 1);
  const registry = { api: [{ tag: 'moves', digest: 'b' }, { tag: 'stays' }, { tag: 'comes' }] };
  t.deepEqual(listings(await settle(registry)), []);
  await clock.advance(1);
  const asked = await settle(registry, ({ request }) => request.tag === 'moves');
  t.deepEqual(shown(), ['shop/api:comes complete', 'shop/api:moves unknown', 'shop/api:stays complete']);
  t.deepEqual(polledTags(asked).sort(), ['comes', 'moves'], 'what is new, or new under its name, is polled at once');
  t.is(asked.find(({ request }) => request.tag === 'moves')?.request.digest, 'b');
  t.is(
    [...store.tags()].find(({ target }) => target.tag === 'stays'),
    stays,
    'and the rest goes on as it is',
  );
  t.is(instance.discoveredTags, 3);
});

test('an image that was never scanned and is pushed again under the same tag is asked about at the scanning interval again', async (t) => {
  const { watch, discover, settle, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const neverScanned = ({ action, answer }: Pending) => {
    if (action === 'GetRepoTagScanStatus') answer.status('');
    return action === 'GetRepoTagScanStatus';
  };
  const before = { tag: 'v1', digest: 'a', updatedMs: clock.now() - 3_600_000 };
  await settle({ api: [before] }, neverScanned);
  await clock.advance(INTERVAL_MS);
  t.deepEqual(polledTags(await settle({ api: [before] }, neverScanned)), [], 'an old image waits longer than that');
  await clock.advance(INTERVAL_MS);
  const pushed = { ...before, updatedMs: clock.now() };
  await settle({ api: [pushed] }, neverScanned);
  await clock.advance(15_000);
  t.deepEqual(polledTags(await settle({ api: [pushed] }, neverScanned)), ['v1']);
});

const NO_SCAN: Readonly<Record<string, (answer: Pending['answer']) => void>> = {
  'an error': (answer) => answer.error('REPO_TAG_SCAN_NOT_EXIST', 'answered'),
  'no status': (answer) => answer.status(''),
};
for (const [what, answerNoScan] of Object.entries(NO_SCAN)) {
  test(`a tag that is pushed again between two runs keeps its status until discovery has its new image, where a former image gives ${what}`, async (t) => {
    const { watch, discover, settle, shown, clock } = discovering(t, { random: () => 0.9 });
    await watch();
    await discover(EVERYTHING);
    const before = { tag: 'v1', digest: 'a'.repeat(64) };
    const pushed = { tag: 'v1', digest: 'b'.repeat(64) };
    await settle({ api: [before] });
    await clock.advance(INTERVAL_MS);
    await settle({ api: [before] });
    await clock.advance(0.85 * INTERVAL_MS);
    const asked = await settle({ api: [pushed] }, ({ action, answer }) => {
      if (action === 'GetRepoTag') answer.tag(pushed.digest);
      else if (action === 'GetRepoTagScanStatus') answerNoScan(answer);
      else return false;
      return true;
    });
    const actions = asked.map(({ action }) => action);
    t.deepEqual(actions, ['GetRepoTagScanStatus', 'GetRepoTag'], 'discovery has not run');
    t.deepEqual(shown(), ['shop/api:v1 complete'], 'the old image was not said to be never scanned');
    await clock.advance(INTERVAL_MS);
    await settle({ api: [pushed] });
    t.deepEqual(shown(), ['shop/api:v1 complete'], 'this is the status of the new image');
  });
}

test('a list that does not say the digest of a tag says nothing of a push', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  for (const digest of ['', 'a', '', 'a']) {
    await settle({ api: [{ tag: 'v1', digest }] });
    await clock.advance(INTERVAL_MS);
  }
  t.deepEqual(polledTags(await settle({ api: [{ tag: 'v1', digest: 'a' }] })), ['v1'], 'the usual poll');
  t.deepEqual(shown(), ['shop/api:v1 complete']);
  await clock.advance(INTERVAL_MS);
  await settle({ api: [{ tag: 'v1', digest: 'b' }] }, ({ action }) => action === 'GetRepoTagScanStatus');
  t.deepEqual(shown(), ['shop/api:v1 unknown']);
});

test('a repository that is gone takes its tags along, and one that is made anew under its names starts anew', async (t) => {
  const { watch, discover, settle, shown, clock, store } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: tags('v1'), web: tags('v1') });
  await clock.advance(INTERVAL_MS);
  await settle({ web: tags('v1') });
  t.deepEqual(shown(), ['shop/web:v1 complete']);
  await clock.advance(INTERVAL_MS);
  await settle({ web: tags('v1') }, ({ action, answer }) => {
    if (action === 'ListRepository') answer.repositories([{ id: 'crr-new', name: 'web' }]);
    else if (action === 'ListRepoTag') answer.tags(tags('v1'));
    else return true;
    return true;
  });
  t.deepEqual(shown(), ['shop/web:v1 unknown']);
  t.deepEqual(
    [...store.repositories()].map(({ repository }) => repository.id),
    ['crr-new'],
  );
});

test('a repository that is deleted in the middle of a pass is gone, and the pass goes on', async (t) => {
  const { watch, discover, settle, shown, clock, discoveryManager } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: tags('v1'), web: tags('v1'), zoo: tags('v1') });
  await clock.advance(INTERVAL_MS);
  await settle({ api: tags('v1'), zoo: tags('v1', 'v2') }, ({ action, answer }) => {
    if (action !== 'ListRepository') return false;
    answer.repositories(['api', 'web', 'zoo'].map((name) => ({ id: `crr-${name}`, name })));
    return true;
  });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/zoo:v1 complete', 'shop/zoo:v2 complete']);
  t.is(discoveryManager.statuses()[0]?.lastError, undefined);
});

test('an empty instance is a pass that succeeded and found nothing', async (t) => {
  const { watch, discover, settle, discoveryManager, passes, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({});
  t.deepEqual(discoveryManager.statuses(), [
    {
      instanceId: 'cri-1',
      tags: 0,
      truncated: false,
      lastSuccessMs: clock.now(),
      lastError: undefined,
      rules: [{ repositories: 0, tags: 0 }],
    },
  ]);
  t.deepEqual(passes, [0]);
});

test('a repository that is renamed keeps what is known of its tags, and is wanted as the rules want its new name', async (t) => {
  const { watch, discover, settle, shown, clock, store } = discovering(t);
  await watch();
  await discover({ ...EVERYTHING, repositories: ['safe-*'], vulnerabilities: true }, EVERYTHING);
  const named = (name: string) => [{ id: 'crr-1', name, tags: tags('v1') }];
  await settle(named('api'));
  const [before] = [...store.tags()].map(({ state }) => state);
  await clock.advance(INTERVAL_MS);
  await settle(named('safe-api'));
  t.deepEqual(shown(), ['shop/safe-api:v1 complete']);
  t.deepEqual(
    [...store.tags()].map(({ state }) => state),
    [before],
  );
  await clock.advance(INTERVAL_MS);
  const asked = await settle(named('safe-api'), ({ action, answer }) => {
    if (action === 'GetRepoTagScanSummary') answer.summary(1, 2, 3, 4);
    return action === 'GetRepoTagScanSummary';
  });
  t.true(asked.some(({ action }) => action === 'GetRepoTagScanSummary'));
  t.deepEqual(
    [...store.repositories()].map(({ summaries }) => summaries),
    [1],
  );
});

test('a repository that is renamed to a name that no rule takes is not watched any more', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t);
  await watch();
  await discover({ ...EVERYTHING, excludeRepositories: ['*-old'] });
  const web = { id: 'crr-2', name: 'web', tags: tags('v1') };
  await settle([{ id: 'crr-1', name: 'api', tags: tags('v1') }, web]);
  await clock.advance(INTERVAL_MS);
  await settle([{ id: 'crr-1', name: 'api-old', tags: tags('v1') }, web]);
  t.deepEqual(shown(), ['shop/web:v1 complete']);
});

for (const [title, after] of [
  ['two repositories swap their names', { 'crr-1': 'b', 'crr-2': 'a', 'crr-3': 'c' }],
  ['three pass their names on', { 'crr-1': 'b', 'crr-2': 'c', 'crr-3': 'a' }],
  ['a repository takes over the name of one that is deleted', { 'crr-1': 'b', 'crr-3': 'c' }],
  [
    'a new repository takes over the name of one that is renamed',
    { 'crr-1': 'd', 'crr-2': 'b', 'crr-3': 'c', 'crr-4': 'a' },
  ],
] as const) {
  test(`no series is there twice while ${title}, and at the end each is as it should be`, async (t) => {
    const { watch, discover, settle, store, clock } = discovering(t);
    await watch();
    await discover(EVERYTHING);
    const registry = (names: Readonly<Record<string, string>>) =>
      Object.entries(names).map(([id, name]) => ({ id, name, tags: tags('v1', `only-${id}`) }));
    await settle(registry({ 'crr-1': 'a', 'crr-2': 'b', 'crr-3': 'c' }));
    await clock.advance(INTERVAL_MS);
    const series = () =>
      [...store.tags()]
        .map(({ target }) => `${target.repository.name}:${target.tag} of ${target.repository.id}`)
        .sort();
    const looks: string[][] = [];
    const look = () => {
      looks.push(series().map((each) => each.replace(/ of .*$/, '')));
      return false;
    };
    await settle(registry(after), look);
    look();
    for (const seen of looks) t.is(new Set(seen).size, seen.length, seen.join(' '));
    const expected = Object.entries(after).flatMap(([id, name]) => [
      `${name}:v1 of ${id}`,
      `${name}:only-${id} of ${id}`,
    ]);
    t.deepEqual(series(), expected.sort());
    t.true([...store.tags()].every(({ state }) => state.status === 'complete'));
  });
}

test('thousands of tags are taken in, and dropped, a few hundred in one turn of the event loop', async (t) => {
  const { watch, discover, settle, store } = discovering(t);
  await watch();
  const sizes: number[] = [];
  let isOver = false;
  t.teardown(() => {
    isOver = true;
  });
  const sample = () => {
    sizes.push(store.size);
    if (!isOver) setImmediate(sample);
  };
  await discover(EVERYTHING);
  sample();
  for (let round = 0; round < 100 && store.size < 3_000; round++) await settle({ api: many(0, 3_000) });
  t.is(store.size, 3_000);
  await discover();
  sizes.push(store.size);
  isOver = true;
  t.is(store.size, 0);
  const steps = sizes.slice(1).map((size, index) => Math.abs(size - (sizes[index] ?? 0)));
  t.true(Math.max(...steps) <= 300, `${Math.max(...steps)} in one turn`);
});

test('a tag that is deleted fails until the next pass: that is no news, other failures are', async (t) => {
  const { watch, discover, settle, shown, clock, events, failures } = discovering(t);
  await watch(entry({ namespace: 'shop', name: 'db', id: 'crr-db' }, 'listed'));
  await discover(EVERYTHING);
  const registry = { api: tags('gone', 'locked'), web: tags('v1'), db: tags('listed') };
  await settle(registry);
  const codes: Readonly<Record<string, string>> = {
    gone: 'TAG_NOT_EXIST',
    v1: 'REPO_NOT_EXIST',
    locked: 'TAG_LOCKED',
    listed: 'TAG_NOT_EXIST',
  };
  // No pass succeeds meanwhile.
  await clock.advance(600_000);
  await settle(registry, ({ action, request, answer }) => {
    if (action === 'ListRepository') answer.error('NoPrivilege', 'denied');
    else answer.error(codes[String(request.tag)] ?? 'Unexpected', 'answered');
    return true;
  });
  const polls = failures.filter((failure) => failure.startsWith('GetRepoTagScanStatus'));
  const expected = Object.values(codes).map((code) => `GetRepoTagScanStatus ${code}`);
  t.deepEqual([...new Set(polls)].sort(), [...new Set(expected)].sort(), 'all are counted');
  await clock.advance(1_000);
  const told = events
    .filter((event) => event.startsWith('polls fail'))
    .map((event) => /"tags":1,"example":"shop\/\w+:(\w+)"/.exec(event)?.[1]);
  t.deepEqual(told.sort(), ['listed', 'locked']);
  t.is(shown().length, 4, 'and nothing goes because of it');
});
