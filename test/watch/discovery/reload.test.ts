// Reloads while discovery is under way, or waits for its next pass.
import test from 'ava';
import { discovering, listings, tags } from '../../helpers/discovering.ts';
import { EVERYTHING, entry } from '../../helpers/watching.ts';

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
  const { watch, discover, settle, store, discoverer, shown } = discovering(t);
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
