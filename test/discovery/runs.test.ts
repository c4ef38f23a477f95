// Passes of discovery: pages that fail, lists that move or lie, what may not be listed, and when the next pass comes.
import test from 'ava';
import { discovering, INTERVAL_MS, listings, many, tags } from '../helpers/discovering.ts';
import { EVERYTHING, entry, type Pending } from '../helpers/scripted-pipeline.ts';

test('a page with a transient failure is requested again, with back-off, and nothing is lost', async (t) => {
  const { watch, discover, settle, store, clock, discoveryManager } = discovering(t);
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
  t.is(discoveryManager.statuses()[0]?.lastError, undefined);
});

test('a repository whose page 3 of 5 fails for good keeps its tags; others change, and the pass failed and is repeated with back-off', async (t) => {
  const { watch, discover, settle, shown, store, clock, discoveryManager, events } = discovering(t);
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
  const [status] = discoveryManager.statuses();
  t.is(status?.lastSuccessMs, lastSuccessMs);
  t.is(status?.lastError?.code, 'REPO_LOCKED');
  await clock.advance(1_000);
  t.true(
    events.some((event) => event.startsWith('tags of repositories are not listed') && event.includes('"shop/api"')),
  );
  await clock.advance(1_500);
  await settle(registry);
  t.is(store.size, 251);
  t.is(discoveryManager.statuses()[0]?.lastError, undefined);
  t.is(discoveryManager.statuses()[0]?.lastSuccessMs, clock.now());
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
  const { watch, discover, settle, store, clock, discoveryManager } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const registry = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`r${index}`, tags('v1')]));
  await settle(registry);
  await clock.advance(INTERVAL_MS);
  let asked = 0;
  for (let step = 0; step < 40 && discoveryManager.statuses()[0]?.lastError === undefined; step++) {
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
  t.is(discoveryManager.statuses()[0]?.lastError?.code, 'ConnectionRefused');
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
    const { watch, discover, settle, store, clock, discoveryManager, failures } = discovering(t);
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
    t.is(discoveryManager.statuses()[0]?.lastError?.code, 'InvalidResponse');
    t.deepEqual(failures, ['ListRepoTag InvalidResponse']);
  });
}

test('a repository that there is no right to list is left out and logged, and the pass still succeeds', async (t) => {
  const { watch, discover, settle, shown, clock, discoveryManager, events } = discovering(t);
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
  const [status] = discoveryManager.statuses();
  t.is(status?.lastSuccessMs, clock.now());
  t.is(status?.lastError?.code, 'NoPrivilege');
  await clock.advance(1_000);
  t.is(events.filter((event) => event.startsWith('tags of repositories are not listed')).length, 1);
  await clock.advance(INTERVAL_MS - 1_001);
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

test('what is gone from a list of one page is gone: it is not listed again', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: tags('v1', 'v2'), web: tags('v1') });
  await clock.advance(INTERVAL_MS);
  const asked = await settle({ api: tags('v1') });
  t.deepEqual(
    listings(asked).map(({ action }) => action),
    ['ListRepository', 'ListRepoTag'],
  );
  t.deepEqual(shown(), ['shop/api:v1 complete']);
});

test('what is gone from a list of several pages is gone when a second listing lacks it, too', async (t) => {
  const { watch, discover, settle, store, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: many(0, 150) });
  await clock.advance(INTERVAL_MS);
  const pages = (asked: readonly Pending[]) =>
    asked.filter(({ action }) => action === 'ListRepoTag').map(({ request }) => request.pageNo);
  t.deepEqual(pages(await settle({ api: many(1, 149) })), [1, 2, 1, 2]);
  t.is(store.size, 149);
  await clock.advance(INTERVAL_MS);
  t.deepEqual(pages(await settle({ api: many(1, 149) })), [1, 2], 'nothing seems to be gone');
});

test('a listed repository that the registry lacks does not make every pass list all repositories twice', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t);
  await watch(entry({ namespace: 'shop', name: 'elsewhere', id: 'crr-elsewhere' }, 'v1'));
  await discover({ ...EVERYTHING, repositories: ['r1*'] });
  const registry = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`r${index}`, tags('v1')]));
  const lists = (asked: readonly Pending[]) => asked.filter(({ action }) => action === 'ListRepository').length;
  t.is(lists(await settle(registry)), 2);
  await clock.advance(INTERVAL_MS);
  t.is(lists(await settle(registry)), 2);
  const { r1, ...others } = registry;
  await clock.advance(INTERVAL_MS);
  t.is(lists(await settle(others)), 4, 'a found one that is missing does');
  t.false(shown().includes('shop/r1:v1 complete'));
  t.true(shown().includes('shop/elsewhere:v1 complete'));
});

/** Answers every listing of tags of these repositories with an error. */
const failing =
  (repositories: readonly string[], ...error: Parameters<Pending['answer']['error']>) =>
  ({ action, request, answer }: Pending) => {
    if (action !== 'ListRepoTag' || !repositories.includes(String(request.repoId))) return false;
    answer.error(...error);
    return true;
  };

test('repositories that cannot be listed end a pass only when three follow one another', async (t) => {
  const { watch, discover, settle, shown, clock, passes } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const registry = Object.fromEntries(
    ['f1', 'f2', 'ok1', 'f3', 'gone', 'f4', 'f5', 'ok2'].map((name) => [name, tags('v1')]),
  );
  const down = failing(['crr-f1', 'crr-f2', 'crr-f3', 'crr-f4', 'crr-f5'], 'ConnectionRefused', 'transport');
  const intercept = (request: Pending) => down(request) || failing(['crr-gone'], 'REPO_NOT_EXIST', 'answered')(request);
  for (let step = 0; step < 120 && passes.length === 0; step++) {
    await settle(registry, intercept);
    await clock.advance(1_000);
  }
  t.deepEqual(shown(), ['shop/ok1:v1 complete', 'shop/ok2:v1 complete']);
});

for (const [title, code, kind] of [
  ['that there is no right to list', 'NoPrivilege', 'denied'],
  ['whose listing the API refuses to give', 'REPO_LOCKED', 'answered'],
] as const) {
  test(`any number of repositories ${title} do not keep a pass from the others`, async (t) => {
    const { watch, discover, settle, shown } = discovering(t);
    await watch();
    await discover(EVERYTHING);
    const names = Array.from({ length: 6 }, (_, index) => `f${index}`);
    const registry = Object.fromEntries([...names, 'ok'].map((name) => [name, tags('v1')]));
    const asked = await settle(
      registry,
      failing(
        names.map((name) => `crr-${name}`),
        code,
        kind,
      ),
    );
    t.deepEqual(shown(), ['shop/ok:v1 complete']);
    t.is(asked.filter(({ action }) => action === 'ListRepoTag').length, 7, 'and each is asked once');
  });
}

test('a page that is refused because of the credentials is asked for again in the same pass', async (t) => {
  const { watch, discover, settle, shown, clock, passes, discoveryManager } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  let refusals = 0;
  for (let step = 0; step < 60 && passes.length === 0; step++) {
    await settle({ api: tags('v1'), web: tags('v1') }, ({ action, request, answer }) => {
      if (action !== 'ListRepoTag' || request.repoId !== 'crr-api' || refusals > 0) return false;
      refusals += 1;
      answer.error('InvalidAccessKeyId.NotFound', 'refused');
      return true;
    });
    if (passes.length === 0) await clock.advance(1_000);
  }
  t.is(refusals, 1);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/web:v1 complete']);
  t.is(discoveryManager.statuses()[0]?.lastSuccessMs, clock.now());
  t.is(discoveryManager.statuses()[0]?.lastError, undefined);
});

test('one line is logged when all repositories can be listed again or are gone', async (t) => {
  const { watch, discover, settle, clock, events } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const registry = { api: tags('v1'), web: tags('v1'), zoo: tags('v1') };
  await settle(registry, failing(['crr-api', 'crr-web'], 'NoPrivilege', 'denied'));
  await clock.advance(INTERVAL_MS);
  await settle({ api: tags('v1'), zoo: tags('v1') });
  await clock.advance(INTERVAL_MS);
  await settle(registry);
  t.deepEqual(
    events.flatMap(
      (event) => /^tags of repositories (.*?) \{.*("repositories":\d+)/.exec(event)?.slice(1).join(' ') ?? [],
    ),
    ['are not listed "repositories":2', 'are listed again "repositories":2'],
  );
});

test('after passes that fail the next one comes ever later, and no later than the interval', async (t) => {
  const { watch, discover, settle, clock } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const startedMs: number[] = [];
  for (let second = 0; second < 1_800; second += 0.5) {
    await settle({}, ({ action, answer }) => {
      if (action !== 'ListRepository') return false;
      startedMs.push(clock.monotonic());
      answer.error('NoPrivilege', 'denied');
      return true;
    });
    await clock.advance(500);
  }
  const delays = startedMs.slice(1).map((ms, index) => (ms - (startedMs[index] ?? 0)) / 1_000);
  // (0.5 + 0.5 × 0) × 5 s × 2ⁿ⁻¹, up to half of the interval of 300 s, not to half of `backoff.max`, which is 600 s.
  t.deepEqual(delays.slice(0, 10), [2.5, 5, 10, 20, 40, 80, 150, 150, 150, 150]);
});

test('a list that never ends is given up: the pass fails with a line that says so, and nothing that is watched goes', async (t) => {
  const { watch, discover, settle, shown, clock, discoveryManager, events } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: tags('v1') });
  for (const [action, name] of [
    ['ListRepository', 'discovery'],
    ['ListRepoTag', 'tags of repositories'],
  ] as const) {
    await clock.advance(INTERVAL_MS);
    let pages = 0;
    const endless = (each: Pending) => {
      if (each.action !== action) return false;
      pages += 1;
      const names = Array.from({ length: 100 }, (_, index) => `${pages}-${index}`);
      if (action === 'ListRepository')
        each.answer.repositories(
          names.map((id) => ({ id, name: id })),
          100 * pages + 1,
        );
      else
        each.answer.tags(
          names.map((tag) => ({ tag })),
          100 * pages + 1,
        );
      return true;
    };
    await settle({ api: tags('v1') }, endless);
    t.is(pages, 1_000);
    const [status] = discoveryManager.statuses();
    t.is(status?.lastError?.code, 'InvalidResponse');
    t.regex(
      status?.lastError?.message ?? '',
      /^expected the end of the list within 1000 pages, found another page after 100000 items/,
    );
    await clock.advance(60_000);
    t.true(
      events.some((event) => event.startsWith(name) && event.includes('expected the end of the list')),
      events.join(),
    );
    t.deepEqual(shown(), ['shop/api:v1 complete']);
  }
});

for (const [what, empty] of [
  ['the list of repositories', (each: Pending) => each.action === 'ListRepository' && each.answer.repositories([], 0)],
  ['the list of tags', (each: Pending) => each.action === 'ListRepoTag' && each.answer.tags([], 0)],
] as const) {
  test(`where ${what} is empty once, it is asked for again, and nothing goes`, async (t) => {
    const { watch, discover, settle, shown, clock, events } = discovering(t);
    await watch();
    await discover(EVERYTHING);
    const registry = { api: tags('v1', 'v2') };
    await settle(registry);
    await clock.advance(INTERVAL_MS);
    let times = 0;
    await settle(registry, (each) => {
      if (times > 0 || empty(each) === false) return false;
      times += 1;
      return true;
    });
    t.is(times, 1);
    t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
    t.false(events.some((event) => event.includes('are gone')));
  });

  test(`where ${what} is empty twice, everything goes, with one line that says how much`, async (t) => {
    const { watch, discover, settle, shown, clock, events } = discovering(t);
    await watch();
    await discover(EVERYTHING);
    const registry = { api: tags('v1', 'v2') };
    await settle(registry);
    for (let pass = 0; pass < 3; pass++) {
      await clock.advance(INTERVAL_MS);
      await settle(registry, (each) => empty(each) !== false);
    }
    t.deepEqual(shown(), []);
    const lines = events.filter((event) => event.includes('are gone'));
    t.is(lines.length, 1);
    t.regex(lines[0] ?? '', what.includes('tags') ? /"tags":2/ : /"repositories":1/);
  });
}

for (const action of ['ListRepository', 'ListRepoTag'] as const) {
  test(`an error of our own in the answer of ${action} costs that request a delay, not the discovery`, async (t) => {
    const { watch, discover, settle, shown, clock, internalErrors, discoveryManager } = discovering(t);
    await watch();
    await discover(EVERYTHING);
    let thrown = 0;
    await settle({ api: tags('v1') }, (each) => {
      if (each.action !== action || thrown > 0) return false;
      thrown += 1;
      each.answer.throws(new RangeError('Maximum call stack size exceeded'));
      return true;
    });
    t.deepEqual(internalErrors, ['discovery']);
    t.deepEqual(shown(), []);
    await clock.advance(30_000);
    await settle({ api: tags('v1') });
    t.deepEqual(shown(), ['shop/api:v1 complete']);
    t.is(discoveryManager.statuses()[0]?.lastError, undefined);
  });
}

test('an error of our own in what is made of a list fails the pass, and the next one comes after a back-off', async (t) => {
  const { watch, discover, settle, store, clock, internalErrors, discoveryManager, hooks } = discovering(t);
  await watch();
  await discover(EVERYTHING);
  const { turn } = hooks;
  hooks.turn = () => Promise.reject(new TypeError('of our own'));
  const registry = { api: many(0, 400) };
  await settle(registry);
  t.deepEqual(internalErrors, ['discovery']);
  t.like(discoveryManager.statuses()[0]?.lastError, { code: 'InternalError' });
  hooks.turn = turn;
  await clock.advance(2_499);
  t.deepEqual(listings(await settle(registry)), []);
  await clock.advance(1);
  await settle(registry);
  t.is(store.size, 400);
  t.is(discoveryManager.statuses()[0]?.lastError, undefined);
});

test('a pass that tries refused credentials before it is due took no time before it began', async (t) => {
  const { watch, discover, settle, clock, passes } = discovering(t);
  const registry = { api: tags('v1', 'v2', 'v3') };
  await watch();
  await discover(EVERYTHING);
  const refuse = ({ action, answer }: Pending) => {
    if (action !== 'GetRepoTagScanStatus') return false;
    answer.error('InvalidAccessKeyId.NotFound', 'refused');
    return true;
  };
  await settle(registry, refuse);
  const before = passes.length;
  const startMs = clock.monotonic();
  while (passes.length === before && clock.monotonic() - startMs < INTERVAL_MS) {
    await clock.advance(1_000);
    await settle(registry, refuse);
  }
  t.true(clock.monotonic() - startMs < 0.9 * INTERVAL_MS, 'the pass did not begin early');
  t.deepEqual(passes.slice(before), [0]);
});

test('what another replica owns by now is not watched by a pass that is under way, and not listed any more', async (t) => {
  const registry = { api: tags('v1'), web: tags('v1'), db: tags('v1') };
  for (const [owned, listed] of [
    [
      ['web', 'db'],
      ['crr-api', 'crr-web', 'crr-db'],
    ],
    [['api'], ['crr-api']],
  ] as const) {
    let own: readonly string[] = ['api', 'web', 'db'];
    const { watch, discover, settle, shown } = discovering(t, { owns: (_id, { name }) => own.includes(name) });
    await watch();
    await discover(EVERYTHING);
    const asked = await settle(registry, ({ action }) => {
      if (action === 'ListRepoTag') own = owned;
      return false;
    });
    t.deepEqual(
      listings(asked).flatMap(({ request }) => request.repoId ?? []),
      [...listed],
    );
    t.deepEqual(shown(), owned.map((name) => `shop/${name}:v1 complete`).sort());
  }
});
