// Lists by token and by page number, and what is being deleted.
import test from 'ava';
import { discovering, INTERVAL_MS, listings, many, tags } from '../helpers/discovering.ts';
import { EVERYTHING, type Pending } from '../helpers/scripted-pipeline.ts';

/** Gives lists by token, in pages of 40; each token names the list and where its page begins. */
function byToken(all: ReturnType<typeof many>) {
  return ({ action, request, answer }: Pending) => {
    if (action !== 'ListRepoTag') return false;
    const from = Number(String(request.nextToken ?? 'from-0').slice('from-'.length));
    answer.tags(all.slice(from, from + 40), all.length, from + 40 < all.length ? `from-${from + 40}` : '');
    return true;
  };
}

test('both kinds of paging are asked for at first, and an answer with a token is followed by token', async (t) => {
  const { watch, discover, settle, store } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const asked = listings(await settle({ api: [] }, byToken(many(0, 100))));
  const both = { instanceId: 'cri-1', pageNo: 1, pageSize: 100, maxResults: 100 };
  t.deepEqual(asked[0]?.request, { ...both, repoStatus: 'NORMAL' });
  t.deepEqual(asked[1]?.request, { ...both, repoId: 'crr-api' });
  t.deepEqual(
    asked.slice(1).map(({ request }) => request.nextToken),
    [undefined, 'from-40', 'from-80'],
  );
  t.true(asked.every(({ request }) => request.maxResults === 100));
  t.is(store.size, 100);
});

test('an API that ignores tokens is asked page by page', async (t) => {
  const { watch, discover, settle, store } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const asked = listings(await settle({ api: many(0, 250) }));
  t.deepEqual(
    asked.slice(1).map(({ request }) => [request.pageNo, request.nextToken]),
    [
      [1, undefined],
      [2, undefined],
      [3, undefined],
    ],
  );
  t.is(store.size, 250);
});

test('a list by token is that of one moment: what it lacks is gone, without a second look', async (t) => {
  const { watch, discover, settle, store, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: [] }, byToken(many(0, 100)));
  await clock.advance(INTERVAL_MS);
  const asked = listings(await settle({ api: [] }, byToken(many(1, 99))));
  t.is(store.size, 99);
  t.is(asked.length, 1 + 3);
});

test('tokens that lead in a circle remove nothing, and the pass fails', async (t) => {
  const { watch, discover, settle, store, clock, discoveryManager } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: many(0, 50) });
  await clock.advance(INTERVAL_MS);
  let answers = 0;
  await settle({ api: [] }, ({ action, answer }) => {
    if (action !== 'ListRepoTag') return false;
    answers += 1;
    answer.tags(tags('v1'), 50, 'the same');
    return true;
  });
  t.is(answers, 4, 'two pages, twice');
  t.is(store.size, 50);
  t.is(discoveryManager.statuses()[0]?.lastError?.code, 'InvalidResponse');
});

test('a tag that is being deleted is not watched, and one that begins to be is gone', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: [{ tag: 'v1' }, { tag: 'v2', isDeleting: true }, { tag: 'v3' }] });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v3 complete']);
  await clock.advance(INTERVAL_MS);
  await settle({ api: [{ tag: 'v1', isDeleting: true }, { tag: 'v3' }] });
  t.deepEqual(shown(), ['shop/api:v3 complete']);
});

test('a repository that is being deleted, or is, is not watched even where the API lists it', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const registry = (isGone: boolean) => [
    { id: 'crr-1', name: 'api', tags: tags('v1') },
    { id: 'crr-2', name: 'web', isGone, tags: tags('v1') },
  ];
  await settle(registry(false));
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/web:v1 complete']);
  await clock.advance(INTERVAL_MS);
  const asked = listings(await settle(registry(true)));
  t.deepEqual(shown(), ['shop/api:v1 complete']);
  t.deepEqual(
    asked.map(({ request }) => request.repoId),
    [undefined, 'crr-1'],
  );
});
