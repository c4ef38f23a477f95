// Discovery around a scripted API and a manual clock: what it finds, what it follows, and what it does not believe.
import test, { type ExecutionContext } from 'ava';
import { createWatching, EVERYTHING, entry, type Pending } from '../../helpers/watching.ts';

const INTERVAL_MS = 300_000;

type Tag = { readonly tag: string; readonly digest?: string; readonly updatedMs?: number };
/** What the registry has: tags by the name of the repository, whose id is `crr-NAME`. */
type Registry = Record<string, readonly Tag[]>;

const tags = (...names: readonly string[]): Tag[] => names.map((tag) => ({ tag }));

function running(t: ExecutionContext, options: Parameters<typeof createWatching>[0] = {}) {
  const watching = createWatching(options);
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void watching.lane.run(stop.signal);
  const { clock, pending } = watching;
  /** Answers one request as a registry would. */
  const answerFrom = (registry: Registry, { action, request, answer }: Pending) => {
    const from = (Number(request.pageNo ?? 1) - 1) * 100;
    const page = <Item>(all: readonly Item[]) => all.slice(from, from + 100);
    if (action === 'GetRepoTagScanStatus') answer.status('COMPLETE');
    else if (action === 'ListRepository') {
      const all = Object.keys(registry).map((name) => ({ id: `crr-${name}`, name }));
      answer.repositories(page(all), all.length);
    } else {
      const all = registry[String(request.repoId).slice(4)];
      if (all === undefined) answer.error('REPO_NOT_EXIST', 'answered');
      else answer.tags(page(all), all.length);
    }
  };
  return {
    ...watching,
    answerFrom,
    /** Answers everything that is asked now, until nothing more is; `intercept` may answer in place of the registry. */
    async settle(registry: Registry, intercept: (request: Pending) => boolean = () => false): Promise<Pending[]> {
      const asked: Pending[] = [];
      for (let idle = 0; idle < 3; ) {
        await clock.advance(0);
        const requests = pending.splice(0);
        idle = requests.length === 0 ? idle + 1 : 0;
        for (const each of requests) {
          asked.push(each);
          if (!intercept(each)) answerFrom(registry, each);
        }
      }
      return asked;
    },
  };
}

const listings = (asked: readonly Pending[]) => asked.filter(({ action }) => action.startsWith('List'));
const polledTags = (asked: readonly Pending[]) =>
  asked.filter(({ action }) => action === 'GetRepoTagScanStatus').map(({ request }) => String(request.tag));

test('what the rules take is watched and polled at once, the rest is not asked for', async (t) => {
  const { watch, discover, settle, shown } = running(t);
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
  const { watch, discover, settle, shown, clock, store, instance } = running(t);
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
  const { watch, discover, settle, shown, clock } = running(t);
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
  const { watch, discover, settle, shown, clock, store } = running(t);
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
  const { watch, discover, settle, shown, clock, discoverer } = running(t);
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
  const { watch, discover, settle, discoverer, passes, clock } = running(t);
  await watch();
  await discover(EVERYTHING);
  await settle({});
  t.deepEqual(discoverer.statuses(), [
    { instanceId: 'cri-1', tags: 0, truncated: false, lastSuccessMs: clock.now(), lastError: undefined },
  ]);
  t.deepEqual(passes, [0]);
});

const many = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ tag: `v${from + index}` }));

test('a page that fails for a reason that may pass is asked for again, with back-off, and nothing is lost', async (t) => {
  const { watch, discover, settle, store, clock, discoverer } = running(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: many(0, 450) });
  await clock.advance(INTERVAL_MS);
  const registry = { api: many(0, 450) };
  let failures = 0;
  const failing = ({ action, request, answer }: Pending) => {
    if (action !== 'ListRepoTag' || request.pageNo !== 3 || failures === 2) return false;
    failures += 1;
    answer.error('Throttling.User', 'transport');
    return true;
  };
  await settle(registry, failing);
  t.is(failures, 1);
  await clock.advance(2_499);
  t.deepEqual(listings(await settle(registry, failing)), []);
  await clock.advance(1);
  await settle(registry, failing);
  await clock.advance(5_000);
  await settle(registry, failing);
  t.is(failures, 2);
  t.is(store.size, 450);
  t.is(discoverer.statuses()[0]?.lastError, undefined);
});

test('a repository whose page 3 of 5 fails for good keeps its tags; others change, and the pass failed and is repeated with back-off', async (t) => {
  const { watch, discover, settle, shown, store, clock, discoverer, events } = running(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: many(0, 450), web: tags('v1') });
  const lastSuccessMs = clock.now();
  await clock.advance(INTERVAL_MS);
  const registry = { api: many(200, 250), web: tags('v2') };
  const broken = ({ action, request, answer }: Pending) => {
    if (action !== 'ListRepoTag' || request.repoId !== 'crr-api' || request.pageNo !== 3) return false;
    answer.error('REPO_LOCKED', 'answered');
    return true;
  };
  await settle(registry, broken);
  t.is(shown().filter((line) => line.startsWith('shop/api:')).length, 450);
  t.deepEqual(
    shown().filter((line) => line.startsWith('shop/web:')),
    ['shop/web:v2 complete'],
  );
  const [status] = discoverer.statuses();
  t.is(status?.lastSuccessMs, lastSuccessMs);
  t.is(status?.lastError?.code, 'REPO_LOCKED');
  t.true(events.some((event) => event.includes('tags of a repository not listed') && event.includes('"api"')));
  await clock.advance(2_500);
  await settle(registry);
  t.is(store.size, 251);
  t.is(discoverer.statuses()[0]?.lastError, undefined);
  t.is(discoverer.statuses()[0]?.lastSuccessMs, clock.now());
});

test('when the list of repositories fails nothing is removed', async (t) => {
  const { watch, discover, settle, shown, clock } = running(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: tags('v1'), web: tags('v1') });
  await clock.advance(INTERVAL_MS);
  await settle({ web: tags('v1') }, ({ action, answer }) => {
    if (action === 'ListRepository') answer.error('NoPrivilege', 'denied');
    return action === 'ListRepository';
  });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/web:v1 complete']);
});

test('when the API is down the pass ends after three repositories in a row, not after all of them', async (t) => {
  const { watch, discover, settle, store, clock, discoverer } = running(t);
  await watch();
  await discover(EVERYTHING);
  const registry = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`r${index}`, tags('v1')]));
  await settle(registry);
  await clock.advance(INTERVAL_MS);
  let asked = 0;
  for (let step = 0; step < 40 && discoverer.statuses()[0]?.lastError === undefined; step++) {
    await settle(registry, ({ action, answer }) => {
      if (action !== 'ListRepoTag') return false;
      asked += 1;
      answer.error('ConnectionRefused', 'transport');
      return true;
    });
    await clock.advance(1_000);
  }
  t.is(asked, 9, 'three repositories, three attempts each');
  t.is(store.size, 20);
  t.is(discoverer.statuses()[0]?.lastError?.code, 'ConnectionRefused');
});

test('a list that moves between two pages neither doubles nor removes a tag', async (t) => {
  const { watch, discover, settle, store, clock } = running(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: many(0, 250) });
  await clock.advance(INTERVAL_MS);
  // v5 is deleted after the first page was given: v100 is on neither of the first two pages.
  const after = many(0, 250).filter(({ tag }) => tag !== 'v5');
  let pages = 0;
  await settle({ api: after }, ({ action, request, answer }) => {
    if (action !== 'ListRepoTag') return false;
    pages += 1;
    if (pages > 1) return false;
    answer.tags(many(0, 250).slice((Number(request.pageNo) - 1) * 100, 100), 250);
    return true;
  });
  t.true([...store.tags()].some(({ target }) => target.tag === 'v100'));
  t.is(store.size, 250, 'v5 was on a page, so it is watched until the next pass');
  await clock.advance(INTERVAL_MS);
  // A push makes every item move on by one: v99 is on two pages.
  let first = true;
  await settle({ api: [{ tag: 'new' }, ...after] }, ({ action, answer }) => {
    if (action !== 'ListRepoTag' || !first) return false;
    first = false;
    answer.tags(after.slice(0, 100), 249);
    return true;
  });
  t.is(new Set([...store.tags()].map(({ target }) => target.tag)).size, store.size);
  t.false([...store.tags()].some(({ target }) => target.tag === 'v5'));
});

for (const total of [0, 3, 1_000]) {
  test(`a total of ${total} where there are 150 removes and doubles nothing`, async (t) => {
    const { watch, discover, settle, store, clock } = running(t);
    await watch();
    await discover(EVERYTHING);
    const registry = { api: many(0, 150) };
    const lying = ({ action, request, answer }: Pending) => {
      if (action !== 'ListRepoTag') return false;
      const from = (Number(request.pageNo) - 1) * 100;
      answer.tags(registry.api.slice(from, from + 100), total);
      return true;
    };
    await settle(registry, lying);
    t.is(store.size, 150);
    await clock.advance(INTERVAL_MS);
    await settle(registry, lying);
    t.is(store.size, 150);
  });
}

test('a listed tag wins over a discovered one, whichever was there first', async (t) => {
  const { watch, discover, settle, shown, clock, store, instance } = running(t);
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
  const { watch, discover, clock, pending, settle, shown } = running(t);
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

test('a reload with other rules drops at once what they do not take, and looks at once for what they take', async (t) => {
  const { watch, discover, settle, shown } = running(t);
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
  const { watch, discover, settle, shown, clock, pending } = running(t);
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

test('a tag that is not listed any more goes on as it is where a rule takes it, and goes where none does', async (t) => {
  const { watch, discover, settle, shown, clock, instance } = running(t);
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
  const { watch, discover, settle, shown, clock } = running(t);
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

for (const [title, pages] of [
  ['its first page', 1],
  ['a page in the middle', 3],
] as const) {
  test(`a list that says that there is more and ends with nothing on ${title} is not believed`, async (t) => {
    const { watch, discover, settle, store, clock, discoverer, failures } = running(t);
    await watch();
    await discover(EVERYTHING);
    const registry = { api: many(0, 450) };
    await settle(registry);
    await clock.advance(INTERVAL_MS);
    await settle(registry, ({ action, request, answer }) => {
      if (action !== 'ListRepoTag' || request.pageNo !== pages) return false;
      answer.tags([], 450);
      return true;
    });
    t.is(store.size, 450);
    t.is(discoverer.statuses()[0]?.lastError?.code, 'InvalidResponse');
    t.deepEqual(failures, ['ListRepoTag InvalidResponse']);
  });
}

test('a repository that there is no right to list is left out and told, which does not make the pass a failure', async (t) => {
  const { watch, discover, settle, shown, clock, discoverer, events } = running(t);
  await watch();
  await discover(EVERYTHING);
  const registry = { api: tags('v1'), secret: tags('v1') };
  const denied = ({ action, request, answer }: Pending) => {
    if (action !== 'ListRepoTag' || request.repoId !== 'crr-secret') return false;
    answer.error('NoPrivilege', 'denied');
    return true;
  };
  await settle(registry, denied);
  t.deepEqual(shown(), ['shop/api:v1 complete']);
  const [status] = discoverer.statuses();
  t.is(status?.lastSuccessMs, clock.now());
  t.is(status?.lastError?.code, 'NoPrivilege');
  t.is(events.filter((event) => event.includes('tags of a repository not listed')).length, 1);
  await clock.advance(INTERVAL_MS - 1);
  t.deepEqual(listings(await settle(registry, denied)), [], 'nor does it shorten the interval');
});

test('a reload that wants no vulnerabilities any more, or fewer tags, holds at once', async (t) => {
  const { watch, discover, settle, store, discoverer, shown } = running(t);
  await watch();
  await discover({ ...EVERYTHING, vulnerabilities: true });
  await settle({ api: ['a', 'b', 'c'].map((tag, index) => ({ tag, updatedMs: index })) }, ({ action, answer }) => {
    if (action === 'GetRepoTagScanSummary') answer.summary(1, 0, 0, 0);
    return action === 'GetRepoTagScanSummary';
  });
  const summaries = () => [...store.tallies()].map((tally) => tally.summaries);
  t.deepEqual(summaries(), [3]);
  await discover(EVERYTHING);
  t.deepEqual(summaries(), [0]);
  await discoverer.limit(2);
  t.deepEqual(shown(), ['shop/api:b complete', 'shop/api:c complete']);
  t.true(discoverer.statuses()[0]?.truncated);
});

test('what there was no room for is forgotten with the pass that found it', async (t) => {
  const { watch, discover, settle, shown, clock, pending, answerFrom } = running(t, { maxTags: 1 });
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

test('an answer that comes when nothing is to be discovered any more is dropped', async (t) => {
  const { watch, discover, clock, pending, settle, shown } = running(t);
  await watch();
  await discover(EVERYTHING);
  await clock.advance(0);
  const [list] = pending.splice(0);
  await discover();
  list?.answer.repositories([{ id: 'crr-api', name: 'api' }]);
  t.deepEqual(await settle({ api: tags('v1') }), []);
  t.deepEqual(shown(), []);
});

test('beyond max_tags the newest are watched, over all that was found, and a metric and a log line say so', async (t) => {
  const { watch, discover, settle, shown, clock, bounds, events } = running(t, { maxTags: 4 });
  await watch(entry({ namespace: 'shop', name: 'db', id: 'crr-db' }, 'listed'));
  await discover(EVERYTHING);
  const aged = (ages: Readonly<Record<string, number>>) =>
    Object.entries(ages).map(([tag, age]) => ({ tag, updatedMs: 1_000_000 - age }));
  const registry: Registry = { api: aged({ a1: 1, a5: 5, a6: 6 }), web: aged({ w2: 2, w3: 3, w9: 9 }) };
  await settle(registry);
  const names = () => shown().map((line) => line.replace(/^.*:(\S+) .*$/, '$1'));
  t.deepEqual(names(), ['a1', 'listed', 'w2', 'w3']);
  t.true(bounds.isTruncated('cri-1'));
  t.is(events.filter((event) => event.includes('more tags were found than max_tags allows')).length, 1);
  await clock.advance(INTERVAL_MS);
  await settle({ ...registry, web: aged({ w0: 0, w2: 2, w3: 3, w9: 9 }) });
  t.deepEqual(names(), ['a1', 'listed', 'w0', 'w2']);
  t.is(events.filter((event) => event.includes('more tags were found than max_tags allows')).length, 1);
  await clock.advance(INTERVAL_MS);
  await settle({ web: aged({ w0: 0, w9: 9 }) });
  t.deepEqual(names(), ['listed', 'w0', 'w9']);
  t.false(bounds.isTruncated('cri-1'));
});

test('discovery without credentials waits like everything else, and goes on when they are there', async (t) => {
  const { watch, discover, settle, shown, clock, credentials, failures } = running(t);
  credentials.unavailable = true;
  await watch();
  await discover(EVERYTHING);
  await settle({});
  t.deepEqual(failures, ['ListRepository CredentialsUnavailable']);
  credentials.unavailable = false;
  for (let step = 0; step < 30; step++) {
    await clock.advance(1_000);
    await settle({ api: tags('v1') });
  }
  t.deepEqual(shown(), ['shop/api:v1 complete']);
});
