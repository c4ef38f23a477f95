import test from 'ava';
import { RecentItems } from '../../src/state/recent-items.ts';

test('each key keeps its last items, the oldest first', (t) => {
  const recent = new RecentItems<object, number>({ keys: 2, items: 3 });
  const key = {};
  for (const item of [1, 2, 3, 4]) recent.add(key, item);
  t.deepEqual(recent.of(key), [2, 3, 4]);
  t.deepEqual(recent.of({}), []);
});

test('the keys that were given an item last are kept, others are forgotten', (t) => {
  const recent = new RecentItems<object, string>({ keys: 2, items: 3 });
  const [a, b, c] = [{}, {}, {}];
  recent.add(a, 'a');
  recent.add(b, 'b');
  recent.add(a, 'again');
  recent.add(c, 'c');
  t.deepEqual([recent.of(a), recent.of(b), recent.of(c)], [['a', 'again'], [], ['c']]);
  recent.delete(a);
  t.deepEqual(recent.of(a), []);
});
