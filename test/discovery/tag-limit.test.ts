// More tags than max_tags: which of them are watched, and what is said of the others.
import test from 'ava';
import { DiscoveredReconciler } from '../../src/discovery/reconcile-discovered.ts';
import { Rules } from '../../src/discovery/rules.ts';
import type { TagOverLimit } from '../../src/discovery/tag-limit.ts';
import { Mutex } from '../../src/util/mutex.ts';
import { YieldEvery } from '../../src/util/yield-every.ts';
import { discovering, INTERVAL_MS, type Registry, type Tag, tags } from '../helpers/discovering.ts';
import { EVERYTHING, entry, type Pending } from '../helpers/scripted-pipeline.ts';

type Discovering = ReturnType<typeof discovering>;

/** Tags that were pushed at these times. */
const pushed = (times: Readonly<Record<string, number>>): Tag[] =>
  Object.entries(times).map(([tag, updatedMs]) => ({ tag, updatedMs }));

test('tags over the limit are dropped at the end of the pass that found them', async (t) => {
  const { watch, discover, settle, shown, clock, pending, answerFrom } = discovering(t, { maxTags: 1 });
  await watch();
  await discover(EVERYTHING);
  const registry = {
    api: [
      { tag: 'old', updatedMs: 1 },
      { tag: 'new', updatedMs: 2 },
    ],
    web: tags('x'),
  };
  await clock.advance(0);
  for (const action of ['ListRepository', 'ListRepoTag']) {
    const index = pending.findIndex((each) => each.action === action);
    const [request] = pending.splice(index, 1);
    if (request) answerFrom(registry, request);
    await clock.advance(0);
  }
  await discover({ ...EVERYTHING, tags: ['old', 'x'] });
  await settle(registry);
  t.deepEqual(shown(), ['shop/api:old complete']);
});

test('tags over the limit of a repository that another replica has got meanwhile are not watched', async (t) => {
  let own: readonly string[] = ['api', 'web', 'db'];
  const { watch, discover, settle, shown } = discovering(t, {
    maxTags: 1,
    owns: (_id, { name }) => own.includes(name),
  });
  await watch();
  await discover(EVERYTHING);
  const registry = { api: pushed({ old: 1 }), web: pushed({ new: 2 }), db: [] };
  await settle(registry, ({ action, request }) => {
    // The last of the lists: the tag of `web` is over the limit by then.
    if (action === 'ListRepoTag' && request.repoId === 'crr-db') own = ['api'];
    return false;
  });
  t.deepEqual(shown(), ['shop/api:old complete']);
});

test('beyond max_tags the newest are watched, over all that was found, and a metric and a log line say so', async (t) => {
  const { watch, discover, settle, shown, clock, tagLimit, events } = discovering(t, { maxTags: 4 });
  await watch(entry({ namespace: 'shop', name: 'db', id: 'crr-db' }, 'listed'));
  await discover(EVERYTHING);
  const aged = (ages: Readonly<Record<string, number>>) =>
    Object.entries(ages).map(([tag, age]) => ({ tag, updatedMs: 1_000_000 - age }));
  const registry: Registry = { api: aged({ a1: 1, a5: 5, a6: 6 }), web: aged({ w2: 2, w3: 3, w9: 9 }) };
  await settle(registry);
  const names = () => shown().map((line) => line.replace(/^.*:(\S+) .*$/, '$1'));
  t.deepEqual(names(), ['a1', 'listed', 'w2', 'w3']);
  t.true(tagLimit.isTruncated('cri-1'));
  t.is(events.filter((event) => event.includes('more tags were found than max_tags allows')).length, 1);
  await clock.advance(INTERVAL_MS);
  await settle({ ...registry, web: aged({ w0: 0, w2: 2, w3: 3, w9: 9 }) });
  t.deepEqual(names(), ['a1', 'listed', 'w0', 'w2']);
  t.is(events.filter((event) => event.includes('more tags were found than max_tags allows')).length, 1);
  await clock.advance(INTERVAL_MS);
  await settle({ web: aged({ w0: 0, w9: 9 }) });
  t.deepEqual(names(), ['listed', 'w0', 'w9']);
  t.false(tagLimit.isTruncated('cri-1'));
});

test('the limit is for all instances together, and each instance that loses a tag is logged', async (t) => {
  const { watch, discover, settle, store, tagLimit, events, clock, answerFrom } = discovering(t, {
    maxTags: 3,
    ids: ['cri-1', 'cri-2'],
  });
  await watch();
  await discover(EVERYTHING);
  const old = { api: pushed({ a1: 1, a2: 2 }) };
  const settleBoth = (second: Registry) =>
    settle(old, (request) => {
      if (request.request.instanceId !== 'cri-2') return false;
      answerFrom(second, request);
      return true;
    });
  await settleBoth({ web: pushed({ w3: 3 }) });
  t.deepEqual([tagLimit.isTruncated('cri-1'), tagLimit.isTruncated('cri-2')], [false, false]);
  await clock.advance(INTERVAL_MS);
  await settleBoth({ web: pushed({ w3: 3, w4: 4 }) });
  const names = () => [...store.tags()].map(({ target }) => `${target.repository.instanceId} ${target.tag}`).sort();
  t.deepEqual(names(), ['cri-1 a2', 'cri-2 w3', 'cri-2 w4']);
  t.deepEqual([tagLimit.isTruncated('cri-1'), tagLimit.isTruncated('cri-2')], [true, false]);
  t.deepEqual(
    events.filter((event) => event.startsWith('more tags were found')),
    ['more tags were found than max_tags allows: the newest are watched {"instance_id":"cri-1","max_tags":3}'],
  );
});

test('an instance of which nothing is discovered any more is not truncated when it is discovered again', async (t) => {
  const { watch, discover, settle, discoveryManager, events } = discovering(t, { maxTags: 1 });
  await watch();
  await discover(EVERYTHING);
  await settle({ api: pushed({ a1: 1, a2: 2 }) });
  t.true(discoveryManager.statuses()[0]?.truncated);
  await discover();
  await discover({ ...EVERYTHING, tags: ['a1'] });
  t.false(discoveryManager.statuses()[0]?.truncated);
  await settle({ api: pushed({ a1: 1, a2: 2 }) });
  t.deepEqual(
    events.filter((event) => event.startsWith('all found tags are watched again')),
    [],
  );
});

for (const [title, cut] of [
  ['another instance', async () => {}],
  ['a lower limit', async ({ reconciler }: Discovering) => reconciler.limit(2)],
] as const) {
  test(`tags that ${title} takes away in the middle of a pass are left out, though that pass had room for them`, async (t) => {
    const pipeline = discovering(t, { maxTags: 3, ids: ['cri-1', 'cri-2'] });
    const { watch, discover, settle, store, clock, discoveryManager, reconciler, events, answerFrom } = pipeline;
    const registries: Record<string, Registry> = {
      'cri-1': { api: pushed({ a1: 1, a2: 2, a3: 3 }), web: [] },
      'cri-2': {},
    };
    let held: Pending | undefined;
    const settleAll = (hold = false) =>
      settle({}, (request) => {
        if (hold && request.request.repoId === 'crr-web') held = request;
        else answerFrom(registries[String(request.request.instanceId)] ?? {}, request);
        return true;
      });
    const tagsOf = (id: string) => [...store.tags()].filter(({ target }) => target.repository.instanceId === id).length;
    const truncated = () => discoveryManager.statuses()[0]?.truncated;
    await watch();
    await discover(EVERYTHING);
    await settleAll();
    t.is(tagsOf('cri-1'), 3);
    await clock.advance(INTERVAL_MS);
    if (title === 'another instance') registries['cri-2'] = { db: pushed({ d9: 9 }) };
    await settleAll(true);
    await cut(pipeline);
    t.is(tagsOf('cri-1'), 2);
    t.true(truncated());
    held?.answer.tags([]);
    await settleAll();
    t.true(truncated(), 'the end of that pass is no news');
    await clock.advance(INTERVAL_MS);
    await settleAll();
    t.true(truncated());
    await reconciler.limit(4);
    await clock.advance(INTERVAL_MS);
    await settleAll();
    t.is(tagsOf('cri-1'), 3);
    t.false(truncated());
    t.deepEqual(
      events.filter((event) => /tags/.test(event) && /found/.test(event)).map((event) => event.replace(/ \{.*$/, '')),
      ['more tags were found than max_tags allows: the newest are watched', 'all found tags are watched again'],
    );
  });
}

test('tags that become listed take the places of the oldest found ones, at the next pass at the latest', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t, { maxTags: 3 });
  await watch();
  await discover(EVERYTHING);
  const registry = { api: pushed({ a1: 1, a2: 2, a3: 3 }) };
  await settle(registry);
  await watch(entry({ namespace: 'shop', name: 'db', id: 'crr-db' }, 'x', 'y'));
  await settle(registry);
  await clock.advance(INTERVAL_MS);
  await settle(registry);
  t.deepEqual(shown(), ['shop/api:a3 complete', 'shop/db:x complete', 'shop/db:y complete']);
});

test('a lower limit leaves the newest, a higher one lets the others in at the next pass', async (t) => {
  const { watch, discover, settle, shown, clock, discoveryManager, reconciler } = discovering(t, { maxTags: 10 });
  await watch();
  await discover(EVERYTHING);
  const registry = { api: pushed({ a1: 1, a4: 4 }), web: pushed({ w2: 2, w3: 3 }) };
  const names = () => shown().map((line) => line.replace(/^.*:(\S+) .*$/, '$1'));
  await settle(registry);
  t.deepEqual(names(), ['a1', 'a4', 'w2', 'w3']);
  await reconciler.limit(2);
  t.deepEqual(names(), ['a4', 'w3']);
  t.true(discoveryManager.statuses()[0]?.truncated);
  await clock.advance(INTERVAL_MS);
  await settle(registry);
  t.deepEqual(names(), ['a4', 'w3']);
  await reconciler.limit(3);
  await clock.advance(INTERVAL_MS);
  await settle(registry);
  t.deepEqual(names(), ['a4', 'w2', 'w3']);
  t.true(discoveryManager.statuses()[0]?.truncated);
  await reconciler.limit(4);
  await clock.advance(INTERVAL_MS);
  await settle(registry);
  t.deepEqual(names(), ['a1', 'a4', 'w2', 'w3']);
  t.false(discoveryManager.statuses()[0]?.truncated);
});

test('a tag that was pushed again as the same image is as new as its last push', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t, { maxTags: 2 });
  await watch();
  await discover(EVERYTHING);
  await settle({ api: pushed({ again: 1, once: 2 }) });
  await clock.advance(INTERVAL_MS);
  await settle({ api: pushed({ again: 10, once: 2 }), web: pushed({ between: 5 }) });
  t.deepEqual(shown(), ['shop/api:again complete', 'shop/web:between complete']);
});

test('a repository whose place a listed one with another id has taken gets no tags of the old one', async (t) => {
  const { watch, discover, settle, shown } = discovering(t, { maxTags: 2 });
  await watch();
  await discover(EVERYTHING);
  const registry = { api: pushed({ a1: 1, a2: 2, a3: 3 }), web: [] };
  let held: Pending | undefined;
  await settle(registry, (request) => {
    if (request.request.repoId !== 'crr-web') return false;
    held = request;
    return true;
  });
  t.deepEqual(shown(), ['shop/api:a1 complete', 'shop/api:a2 complete'], 'there was no room for a3 yet');
  await watch(entry({ namespace: 'shop', name: 'api', id: 'crr-listed' }, 'x'));
  held?.answer.tags([]);
  await settle(registry);
  t.deepEqual(shown(), ['shop/api:x complete']);
});

test('a repository without a tag among the newest is not kept, and one that gets one is known when it becomes listed', async (t) => {
  const { watch, discover, settle, shown, watchList } = discovering(t, { maxTags: 1 });
  await watch();
  await discover(EVERYTHING);
  const registry = { api: pushed({ a1: 1 }), web: pushed({ w2: 2 }) };
  await settle(registry);
  const instanceTargets = watchList.targetsOf('cri-1');
  t.deepEqual(
    [...(instanceTargets?.repositories ?? [])].map(({ repository }) => repository.name),
    ['web'],
  );
  t.is(instanceTargets?.repositoryIds.idOf({ namespace: 'shop', name: 'api' }), undefined);
  await watch(entry({ namespace: 'shop', name: 'web' }, 'w2'));
  const asked = await settle(registry);
  t.deepEqual(
    asked.filter(({ action }) => action === 'GetRepository'),
    [],
  );
  t.deepEqual(shown(), ['shop/web:w2 complete']);
});

test('of the tags over the limit at most about twice the limit are kept, and the newest are among them', async (t) => {
  const { watch, discover, watchList, tagLimit, store, clock } = discovering(t, { maxTags: 4 });
  await watch();
  await discover(EVERYTHING);
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const options = {
    watchList,
    tagLimit,
    logger,
    mutex: new Mutex(() => {}),
    now: () => clock.now(),
    yieldEvery: new YieldEvery(async () => {}),
  };
  const reconciler = new DiscoveredReconciler(options);
  const settings = { instanceId: 'cri-1', domain: '', rules: new Rules([EVERYTHING]) };
  const overLimit: TagOverLimit[] = [];
  const repositories = new Map<string, object>();
  const times: number[] = [];
  for (let index = 0; index < 50; index++) {
    const repository = { id: `crr-${index}`, namespace: 'shop', name: `r${index}` };
    // In no order: 1009 is a prime.
    const found = Array.from({ length: 10 }, (_, tag) => ({
      tag: `v${tag}`,
      digest: '',
      updatedMs: ((index * 10 + tag + 1) * 367) % 1_009,
    }));
    times.push(...found.map(({ updatedMs }) => updatedMs));
    repositories.set(repository.id, repository);
    await reconciler.found(
      settings,
      { repository, tags: new Map(found.map((each) => [each.tag, each])) },
      { overLimit, counts: [] },
    );
    t.true(overLimit.length <= 8, `${overLimit.length} are kept`);
  }
  await reconciler.listed(settings, repositories, overLimit);
  const watched = [...watchList.polls()].map(({ discovered }) => discovered?.updatedMs ?? 0);
  t.is(store.size, 4);
  t.deepEqual(
    watched.sort((one, other) => other - one),
    times.sort((one, other) => other - one).slice(0, 4),
  );
});
