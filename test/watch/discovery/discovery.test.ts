// Discovery around a scripted API and a manual clock: what it finds, and how it follows what changes.
import test from 'ava';
import { discovering, INTERVAL_MS, listings, polledTags, tags } from '../../helpers/discovering.ts';
import { EVERYTHING } from '../../helpers/watching.ts';

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
    [...store.tallies()].map(({ repository }) => repository.id),
    ['crr-new'],
  );
});

test('a repository that is deleted in the middle of a pass is gone, and the pass goes on', async (t) => {
  const { watch, discover, settle, shown, clock, discoverer } = discovering(t);
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
  t.is(discoverer.statuses()[0]?.lastError, undefined);
});

test('an empty instance is a pass that succeeded and found nothing', async (t) => {
  const { watch, discover, settle, discoverer, passes, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({});
  t.deepEqual(discoverer.statuses(), [
    { instanceId: 'cri-1', tags: 0, truncated: false, lastSuccessMs: clock.now(), lastError: undefined },
  ]);
  t.deepEqual(passes, [0]);
});
