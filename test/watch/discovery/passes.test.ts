// Passes of discovery: pages that fail, lists that move or lie, what may not be listed, and when the next pass comes.
import test from 'ava';
import { discovering, INTERVAL_MS, listings, many, tags } from '../../helpers/discovering.ts';
import { EVERYTHING, type Pending } from '../../helpers/watching.ts';

test('a page that fails for a reason that may pass is asked for again, with back-off, and nothing is lost', async (t) => {
  const { watch, discover, settle, store, clock, discoverer } = discovering(t);
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
  const { watch, discover, settle, shown, store, clock, discoverer, events } = discovering(t);
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
  const { watch, discover, settle, shown, clock } = discovering(t);
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
  const { watch, discover, settle, store, clock, discoverer } = discovering(t);
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
  const { watch, discover, settle, store, clock } = discovering(t);
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
    const { watch, discover, settle, store, clock } = discovering(t);
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

for (const [title, pages] of [
  ['its first page', 1],
  ['a page in the middle', 3],
] as const) {
  test(`a list that says that there is more and ends with nothing on ${title} is not believed`, async (t) => {
    const { watch, discover, settle, store, clock, discoverer, failures } = discovering(t);
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
  const { watch, discover, settle, shown, clock, discoverer, events } = discovering(t);
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

test('discovery without credentials waits like everything else, and goes on when they are there', async (t) => {
  const { watch, discover, settle, shown, clock, credentials, failures } = discovering(t);
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
