// More tags than max_tags: which of them are watched, and what is said of the others.
import test from 'ava';
import { discovering, INTERVAL_MS, type Registry, tags } from '../../helpers/discovering.ts';
import { EVERYTHING, entry } from '../../helpers/watching.ts';

test('what there was no room for is forgotten with the pass that found it', async (t) => {
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

test('beyond max_tags the newest are watched, over all that was found, and a metric and a log line say so', async (t) => {
  const { watch, discover, settle, shown, clock, bounds, events } = discovering(t, { maxTags: 4 });
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
