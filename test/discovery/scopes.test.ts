// Rules that name namespaces and repositories: only those are listed.
import test from 'ava';
import { discovering, INTERVAL_MS, listings, tags } from '../helpers/discovering.ts';
import { EVERYTHING, type Pending } from '../helpers/scripted-pipeline.ts';

type Names = { readonly namespace: string; readonly name: string };

/** Answers ListRepository as a registry with these repositories does, whose ids are `crr-NAMESPACE-NAME`. */
function listing(...repositories: readonly Names[]) {
  return ({ action, request, answer }: Pending) => {
    if (action === 'ListRepoTag') answer.tags(tags('v1'));
    if (action !== 'ListRepository') return action === 'ListRepoTag';
    const { repoNamespaceName: namespace, repoName: name } = request;
    if (namespace !== undefined && !repositories.some((each) => each.namespace === namespace)) {
      answer.error('NAMESPACE_NOT_EXIST', 'answered');
      return true;
    }
    const found = repositories.filter((each) => {
      return (namespace ?? each.namespace) === each.namespace && (name ?? each.name) === each.name;
    });
    answer.repositories(found.map((each) => ({ ...each, id: `crr-${each.namespace}-${each.name}` })));
    return true;
  };
}

const API = { namespace: 'shop', name: 'api' };
const WEB = { namespace: 'shop', name: 'web' };
const DEBIAN = { namespace: 'base', name: 'debian' };
const filters = (asked: readonly Pending[]) =>
  listings(asked)
    .filter(({ action }) => action === 'ListRepository')
    .map(({ request }) => [request.repoNamespaceName, request.repoName]);

test('whole namespaces are listed one by one, and what goes is gone', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t);
  await watch();
  await discover({ ...EVERYTHING, namespaces: ['shop', 'base'] });
  const other = { namespace: 'other', name: 'api' };
  const asked = await settle({}, listing(API, WEB, DEBIAN, other));
  t.deepEqual(filters(asked), [
    ['shop', undefined],
    ['base', undefined],
  ]);
  t.deepEqual(shown(), ['base/debian:v1 complete', 'shop/api:v1 complete', 'shop/web:v1 complete']);
  await clock.advance(INTERVAL_MS);
  await settle({}, listing(API, DEBIAN, other));
  t.deepEqual(shown(), ['base/debian:v1 complete', 'shop/api:v1 complete']);
});

test('repositories that are named are listed by their names, and one that does not exist is none', async (t) => {
  const { watch, discover, settle, shown, clock } = discovering(t);
  await watch();
  await discover({ ...EVERYTHING, namespaces: ['shop'], repositories: ['api', 'web'] });
  const asked = await settle({}, listing(API, WEB, { namespace: 'shop', name: 'cache' }));
  t.deepEqual(filters(asked), [
    ['shop', 'api'],
    ['shop', 'web'],
  ]);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/web:v1 complete']);
  await clock.advance(INTERVAL_MS);
  await settle({}, listing(WEB));
  t.deepEqual(shown(), ['shop/web:v1 complete']);
});

test('a namespace that does not exist has nothing: a warning once, and no failure', async (t) => {
  const { watch, discover, settle, shown, clock, events, failures, discoveryManager } = discovering(t);
  await watch();
  await discover({ ...EVERYTHING, namespaces: ['shop', 'shpo'] });
  for (let pass = 0; pass < 3; pass += 1) {
    await settle({}, listing(API));
    await clock.advance(INTERVAL_MS);
  }
  t.deepEqual(shown(), ['shop/api:v1 complete']);
  t.deepEqual(
    events.filter((event) => event.startsWith('a discovery rule names')),
    [
      'a discovery rule names a namespace or repository that does not exist {"instance_id":"cri-1","repo_namespace":"shpo","code":"NAMESPACE_NOT_EXIST"}',
    ],
  );
  t.deepEqual(failures, []);
  t.is(discoveryManager.statuses()[0]?.lastError, undefined);
});

test('when one of the lists fails nothing is removed', async (t) => {
  const { watch, discover, settle, shown, clock, discoveryManager } = discovering(t);
  await watch();
  await discover({ ...EVERYTHING, namespaces: ['shop', 'base'] });
  await settle({}, listing(API, DEBIAN));
  await clock.advance(INTERVAL_MS);
  await settle({}, (pending) => {
    if (pending.request.repoNamespaceName !== 'base') return listing(WEB)(pending);
    pending.answer.error('NoPrivilege', 'denied');
    return true;
  });
  t.deepEqual(shown(), ['base/debian:v1 complete', 'shop/api:v1 complete']);
  t.is(discoveryManager.statuses()[0]?.lastError?.code, 'NoPrivilege');
});
