// Discovery beside what the configuration lists: which of the two has the word.
import test from 'ava';
import { discovering, INTERVAL_MS, polledTags, tags } from '../../helpers/discovering.ts';
import { EVERYTHING, entry } from '../../helpers/watching.ts';

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
  await clock.advance(INTERVAL_MS);
  const later = await settle({}, ({ answer, action }) => {
    if (action === 'ListRepository') answer.repositories([{ id: 'crr-new', name: 'api' }]);
    else if (action === 'ListRepoTag') answer.tags(tags('v1', 'v3'));
    else return false;
    return true;
  });
  t.deepEqual(
    later.filter(({ request }) => request.tag === 'v1').map(({ request }) => request.repoId),
    ['crr-new'],
  );
});
