import test from 'ava';
import fc from 'fast-check';
import { type ItemOrder, OrderedItems, type SortValue } from '../../src/web/item-order.ts';

type Item = { readonly values: readonly SortValue[]; readonly serial: number };

const value: fc.Arbitrary<SortValue> = fc.oneof(fc.integer({ min: -2, max: 9 }), fc.constant(undefined));
const texts: fc.Arbitrary<SortValue> = fc.oneof(fc.string({ maxLength: 2 }), fc.constant(undefined));
const order = (descending: boolean): ItemOrder<Item> => {
  return { values: [({ values: [first] }) => first, ({ values: [, second] }) => second], descending };
};

/** As the order says, value by value. */
function inOrder(items: readonly Item[], descending: boolean): readonly Item[] {
  return items.toSorted((one, other) => {
    for (const [index, a] of one.values.entries()) {
      const b = other.values[index];
      if (a === b) continue;
      if (a === undefined) return 1;
      if (b === undefined) return -1;
      return a < b === descending ? 1 : -1;
    }
    return 0;
  });
}

async function found(items: readonly Item[], descending: boolean, offset: number, limit: number) {
  const ordered = new OrderedItems(order(descending));
  for (const item of items) ordered.add(item);
  return (await ordered.at(offset, limit)).map((number) => items[number]);
}

test('the items at some places are those of the sorted list; what is not known comes last, and equal ones stay as they came', async (t) => {
  const given = fc.record({
    values: fc.array(fc.tuple(value, texts), { maxLength: 60 }),
    descending: fc.boolean(),
    offset: fc.nat(70),
    limit: fc.integer({ min: 1, max: 70 }),
  });
  await fc.assert(
    fc.asyncProperty(given, async ({ values, descending, offset, limit }) => {
      const items = values.map((each, serial) => ({ values: each, serial }));
      const expected = inOrder(items, descending).slice(offset, offset + limit);
      t.deepEqual(await found(items, descending, offset, limit), expected);
    }),
  );
});

const COUNT = 100_000;
/** With a bad choice of pivots one of these would take hours. */
const TIMEOUT_MS = 60_000;
const SHAPES: Readonly<Record<string, (index: number) => number>> = {
  'in their order': (index) => index,
  'in the opposite order': (index) => -index,
  equal: () => 0,
  'rising, then falling': (index) => Math.min(index, COUNT - index),
  'falling, then rising': (index) => Math.max(index, COUNT - index),
  'the same again and again': (index) => index % 7,
  'equal in blocks': (index) => (Math.floor(index / 100) * 37) % 1_000,
};

for (const [shape, valueAt] of Object.entries(SHAPES)) {
  test(`some of 100,000 items are found soon if they are ${shape}`, async (t) => {
    t.timeout(TIMEOUT_MS);
    const values = Array.from({ length: COUNT }, (_, index) => valueAt(index));
    const sorted = values.toSorted((a, b) => a - b);
    for (const place of [0, COUNT / 2, COUNT - 10]) {
      const ordered = new OrderedItems<number>({ values: [(each) => each], descending: false });
      for (const each of values) ordered.add(each);
      const numbers = await ordered.at(place, 10);
      t.deepEqual(
        numbers.map((number) => values[number]),
        sorted.slice(place, place + 10),
      );
    }
  });
}
