// What each rule takes: a rule that takes nothing is told once, and again when it takes something.
import test from 'ava';
import { discovering, INTERVAL_MS, tags } from '../helpers/discovering.ts';
import { EVERYTHING } from '../helpers/scripted-pipeline.ts';

const TYPO = { ...EVERYTHING, repositories: ['^ap.*'] };

const told = (events: readonly string[]) => events.filter((event) => event.startsWith('a discovery rule'));

test('a rule that matches nothing is a warning with the counts, once, and so is one of which no tag matches', async (t) => {
  const { watch, discover, settle, clock, discoveryManager, events } = discovering(t);
  await watch();
  await discover({ ...EVERYTHING, tags: ['v*'] }, TYPO, { ...EVERYTHING, repositories: ['web'], tags: ['main'] });
  t.is(discoveryManager.statuses()[0]?.rules, undefined);
  const registry = { api: tags('v1', 'v2'), web: tags('v1'), db: tags('x') };
  for (let pass = 0; pass < 3; pass++) {
    await settle(registry);
    await clock.advance(INTERVAL_MS);
  }
  t.deepEqual(discoveryManager.statuses()[0]?.rules, [
    { repositories: 3, tags: 3 },
    { repositories: 0, tags: 0 },
    { repositories: 1, tags: 0 },
  ]);
  const [second, third, ...others] = told(events);
  t.regex(
    second ?? '',
    /^a discovery rule matches nothing .*"rule":2,"repositories":0,"listed_repositories":3,"tags":0/,
  );
  t.regex(second ?? '', /"hint":".*regular expression/);
  t.regex(
    third ?? '',
    /^a discovery rule matches nothing .*"rule":3,"repositories":1,"listed_repositories":3,"tags":0/,
  );
  t.deepEqual(others, []);
  await settle({ ...registry, web: tags('main') });
  t.regex(told(events)[2] ?? '', /^a discovery rule matches again .*"rule":3,"repositories":1,.*"tags":1/);
  // Other rules are told anew.
  await discover(TYPO);
  t.is(discoveryManager.statuses()[0]?.rules, undefined);
  await settle(registry);
  t.regex(told(events)[3] ?? '', /"rule":1,"repositories":0/);
});

test('the tags of rules are not judged if some could not be listed, and no rule is judged after a pass that failed', async (t) => {
  const { watch, discover, settle, discoveryManager, events, clock } = discovering(t);
  await watch();
  await discover({ ...EVERYTHING, tags: ['v*'] });
  await settle({ api: tags('v1') }, ({ action, answer }) => {
    if (action === 'ListRepoTag') answer.error('NoPrivilege', 'denied');
    return action === 'ListRepoTag';
  });
  t.deepEqual(discoveryManager.statuses()[0]?.rules, [{ repositories: 1, tags: 0 }]);
  await clock.advance(INTERVAL_MS);
  await settle({ api: tags('v1') }, ({ action, answer }) => {
    if (action === 'ListRepository') answer.error('NoPrivilege', 'denied');
    return action === 'ListRepository';
  });
  t.deepEqual(discoveryManager.statuses()[0]?.rules, [{ repositories: 1, tags: 0 }], 'of the last whole pass');
  t.deepEqual(told(events), []);
});

test('a rule whose repositories other replicas watch is not told, and one that takes nothing anywhere is', async (t) => {
  const { watch, discover, settle, discoveryManager, events } = discovering(t, {
    owns: (_instanceId, { name }) => name === 'api',
  });
  await watch();
  const ofWeb = { ...EVERYTHING, repositories: ['web'] };
  await discover({ ...EVERYTHING, repositories: ['api'] }, ofWeb, TYPO, { ...ofWeb, tags: ['main'] });
  await settle({ api: tags('v1'), web: tags('v1') });
  t.deepEqual(discoveryManager.statuses()[0]?.rules, [
    { repositories: 1, tags: 1 },
    { repositories: 0, tags: 0, elsewhere: 1 },
    { repositories: 0, tags: 0 },
    { repositories: 0, tags: 0, elsewhere: 1 },
  ]);
  const [third, ...others] = told(events);
  t.regex(third ?? '', /^a discovery rule matches nothing .*"rule":3,/);
  t.deepEqual(others, []);
});

test('a rule of which no tag of this replica matches is told, unless others watch repositories that it takes too', async (t) => {
  for (const [owned, isTold] of [
    [['api', 'web'], true],
    [['api'], false],
  ] as const) {
    const { watch, discover, settle, events } = discovering(t, {
      owns: (_instanceId, { name }) => owned.some((each) => each === name),
    });
    await watch();
    await discover({ ...EVERYTHING, tags: ['main'] });
    await settle({ api: tags('v1'), web: tags('v1') });
    t.is(told(events).length, isTold ? 1 : 0, owned.join());
  }
});

test('a rule whose repository another replica gets while it is listed is not told', async (t) => {
  let own: readonly string[] = ['api', 'web'];
  const { watch, discover, settle, events, discoveryManager } = discovering(t, {
    owns: (_instanceId, { name }) => own.includes(name),
  });
  await watch();
  await discover({ ...EVERYTHING, repositories: ['api'] }, { ...EVERYTHING, repositories: ['web'] });
  await settle({ api: tags('v1'), web: tags('v1') }, ({ action, request }) => {
    if (action === 'ListRepoTag' && request.repoId === 'crr-api') own = ['api'];
    return false;
  });
  t.deepEqual(discoveryManager.statuses()[0]?.rules, [
    { repositories: 1, tags: 1 },
    { repositories: 0, tags: 0, elsewhere: 1 },
  ]);
  t.deepEqual(told(events), []);
});
