// Reloads while discovery is under way, or waits for its next pass.
import test from 'ava';
import { discovering, INTERVAL_MS, listings, many, tags } from '../helpers/discovering.ts';
import { createScheduler, EVERYTHING, entry, type Pending, ScriptedCredentials } from '../helpers/scripted-pipeline.ts';

test('a reload with other rules drops at once what they do not take, and looks at once for what they take', async (t) => {
  const { watch, discover, settle, shown } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const registry = { api: tags('v1', 'main'), web: tags('main') };
  await settle(registry);
  await discover({ ...EVERYTHING, tags: ['main'] }, { ...EVERYTHING, repositories: ['new'] });
  t.deepEqual(shown(), ['shop/api:main complete', 'shop/web:main complete']);
  t.is(listings(await settle({ ...registry, new: tags('v9') })).length, 4);
  t.deepEqual(shown(), ['shop/api:main complete', 'shop/new:v9 complete', 'shop/web:main complete']);
  await discover();
  t.deepEqual(shown(), []);
});

test('a reload in which nothing of discovery changed disturbs neither what was found nor the pass', async (t) => {
  const { watch, discover, settle, shown, clock, pending } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await clock.advance(0);
  const [list] = pending.splice(0);
  await watch(entry({ namespace: 'shop', name: 'db', id: 'crr-db' }, 'v1'));
  await discover(EVERYTHING);
  list?.answer.repositories([{ id: 'crr-api', name: 'api' }]);
  await settle({ api: tags('v1'), db: tags('v1') });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/db:v1 complete']);
});

test('a reload that wants no vulnerabilities any more, or fewer tags, holds at once', async (t) => {
  const { watch, discover, settle, store, discoveryManager, reconciler, shown } = discovering(t);
  await watch();
  await discover({ ...EVERYTHING, vulnerabilities: true });
  await settle({ api: ['a', 'b', 'c'].map((tag, index) => ({ tag, updatedMs: index })) }, ({ action, answer }) => {
    if (action === 'GetRepoTagScanSummary') answer.summary(1, 0, 0, 0);
    return action === 'GetRepoTagScanSummary';
  });
  const summaries = () => [...store.repositories()].map((totals) => totals.summaries);
  t.deepEqual(summaries(), [3]);
  await discover(EVERYTHING);
  t.deepEqual(summaries(), [0]);
  await reconciler.limit(2);
  t.deepEqual(shown(), ['shop/api:b complete', 'shop/api:c complete']);
  t.true(discoveryManager.statuses()[0]?.truncated);
});

test('an answer that comes when nothing is to be discovered any more is dropped', async (t) => {
  const { watch, discover, clock, pending, settle, shown } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await clock.advance(0);
  const [list] = pending.splice(0);
  await discover();
  list?.answer.repositories([{ id: 'crr-api', name: 'api' }]);
  t.deepEqual(await settle({ api: tags('v1') }), []);
  t.deepEqual(shown(), []);
});

test('how discovery stands is known over a reload with other rules, until a pass under those has ended', async (t) => {
  const { watch, discover, settle, clock, discoveryManager, events } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const registry = { api: tags('v1') };
  await settle(registry);
  const lastSuccessMs = clock.now();
  await clock.advance(INTERVAL_MS);
  await settle(registry, ({ action, answer }) => {
    if (action === 'ListRepository') answer.error('NoPrivilege', 'denied');
    return action === 'ListRepository';
  });
  const [before] = discoveryManager.statuses();
  t.is(before?.lastSuccessMs, lastSuccessMs);
  t.is(before?.lastError?.code, 'NoPrivilege');
  await discover({ ...EVERYTHING, tags: ['v*'] });
  t.deepEqual(discoveryManager.statuses(), before === undefined ? [] : [{ ...before, rules: undefined }]);
  await settle(registry);
  t.is(discoveryManager.statuses()[0]?.lastSuccessMs, clock.now());
  t.is(discoveryManager.statuses()[0]?.lastError, undefined);
  t.is(events.filter((event) => event.startsWith('discovered ')).length, 1, 'only the first success is news');
});

test('another interval holds at once: there is a pass now, and the next one an interval later', async (t) => {
  const { watch, discover, settle, clock, discoveryManager, instances } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const registry = { api: tags('v1') };
  await settle(registry);
  const configs = [{ id: 'cri-1', domain: '', discover: [EVERYTHING] }];
  for (const intervalMs of [60_000, 900_000]) {
    await clock.advance(1_000);
    await discoveryManager.configure(configs, intervalMs, instances);
    t.is(listings(await settle(registry)).length, 2, 'at once');
    await clock.advance(intervalMs - 1);
    t.deepEqual(listings(await settle(registry)), []);
    await clock.advance(1);
    t.is(listings(await settle(registry)).length, 2);
  }
});

test('after a reload with other rules no pass comes when the old one would have come', async (t) => {
  const { watch, discover, settle, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const registry = { api: tags('v1') };
  await settle(registry);
  await clock.advance(200_000);
  await discover({ ...EVERYTHING, tags: ['v*'] });
  t.is(listings(await settle(registry)).length, 2);
  await clock.advance(INTERVAL_MS - 1);
  t.deepEqual(listings(await settle(registry)), []);
  await clock.advance(1);
  t.is(listings(await settle(registry)).length, 2);
});

test('a request that waits for its turn is not sent when a reload wants nothing of it any more', async (t) => {
  const { watch, discover, settle, clock, discoveryManager, instance, credentials } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: tags('v1') });
  t.true(instance.tasks.size > 0);
  await discover();
  t.is(instance.tasks.size, 0);
  t.deepEqual(discoveryManager.statuses(), []);
  const before = credentials.ensures;
  await clock.advance(2 * INTERVAL_MS);
  t.deepEqual(await settle({ api: tags('v1') }), []);
  t.is(credentials.ensures, before, 'and the scheduler does not come back to it');
});

test('another domain holds at once for what was found, and in the middle of a pass for what is found', async (t) => {
  const { watch, discover, settle, clock, watchList, discoveryManager, instances, store } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: tags('v1') });
  await clock.advance(INTERVAL_MS);
  let held: Pending | undefined;
  const registry = { api: tags('v1'), web: tags('v1') };
  await settle(registry, (request) => {
    if (request.request.repoId !== 'crr-web') return false;
    held = request;
    return true;
  });
  const rules = [EVERYTHING];
  const list = [{ id: 'cri-1', domain: 'new.example.com', discover: rules, repositories: [] }];
  await watchList.apply(list, instances);
  await discoveryManager.configure(list, INTERVAL_MS, instances);
  const domains = () =>
    [...store.tags()].map(({ target: { repository } }) => `${repository.name} ${repository.domain}`);
  t.deepEqual(domains(), ['api new.example.com']);
  held?.answer.tags(tags('v1'));
  await settle(registry);
  t.deepEqual(domains(), ['api new.example.com', 'web new.example.com']);
  await clock.advance(INTERVAL_MS);
  await settle(registry);
  t.deepEqual(domains(), ['api new.example.com', 'web new.example.com']);
});

test('an instance that gets credentials of its own takes its discovery along', async (t) => {
  const { watch, discover, settle, clock, watchList, instance, errors, credentials, shown } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: tags('v1') });
  const own = createScheduler('cri-1', { clock, errors, credentials: new ScriptedCredentials() });
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void own.run(stop.signal);
  await watchList.moveToScheduler(instance, own);
  credentials.unavailable = true;
  const before = credentials.ensures;
  await clock.advance(INTERVAL_MS);
  await settle({ api: tags('v1', 'v2') });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
  t.is(credentials.ensures, before, 'the old ones are not used any more');
});

test('a turn that comes while a reload is being applied is taken: every instance goes on being listed', async (t) => {
  const { watch, discover, settle, clock, discoveryManager } = discovering(t, { ids: ['cri-1', 'cri-2'] });
  await watch();
  await discover(EVERYTHING);
  // So many that the reload lets the event loop turn again and again.
  const registry = { api: many(0, 1_000) };
  await settle(registry);
  for (let pass = 0; pass < 3; pass++) {
    const atMs = clock.now() + INTERVAL_MS;
    const reload = discover(EVERYTHING);
    await clock.advance(INTERVAL_MS);
    await reload;
    for (let round = 0; round < 10; round++) await settle(registry);
    t.deepEqual(
      discoveryManager.statuses().map(({ instanceId, lastSuccessMs }) => [instanceId, lastSuccessMs]),
      [
        ['cri-1', atMs],
        ['cri-2', atMs],
      ],
    );
  }
});
