import test from 'ava';
import fc from 'fast-check';
import { FirstItems } from '../../src/web/first-items.ts';

test('they are the first of all items in the order, and equal ones stay in the order in which they came', (t) => {
  const item = fc.record({ key: fc.integer({ min: 0, max: 9 }), serial: fc.nat() });
  const compare = (one: { key: number }, other: { key: number }) => one.key - other.key;
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(item), fc.integer({ min: 1, max: 8 }), (items, count) => {
        const first = new FirstItems(count, compare);
        for (const each of items) first.add(each);
        t.deepEqual(first.sorted(), items.toSorted(compare).slice(0, count));
      }),
    ),
  );
});
