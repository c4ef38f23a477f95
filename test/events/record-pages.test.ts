// In whatever order an event center lists its records: new ones are found, and few pages are asked for.
import test from 'ava';
import fc from 'fast-check';
import { createRandom } from '../../chaos/random.ts';
import { PAGE_SIZE, type RecordOrder, RecordPages } from '../../src/events/record-pages.ts';

const PERIOD_MS = 15_000;

/** An event center that gets records, and a reader that asks for pages once a period. */
class Reading {
  readonly pages = new RecordPages();
  readonly found = new Set<number>();
  /** The times of the records; the id of a record is its index. */
  readonly #times: number[] = [];
  readonly #order: RecordOrder;
  readonly #random: () => number;
  #newestMs = 0;

  constructor(order: RecordOrder, random: () => number) {
    this.#order = order;
    this.#random = random;
  }

  get total(): number {
    return this.#times.length;
  }

  add(timeMs: number): void {
    this.#times.push(timeMs);
  }

  /** Reads one period. Gives the number of pages. */
  read(): number {
    const newestBeforeMs = this.#newestMs;
    const listed = this.#listed();
    let asked = 0;
    for (let page: number | undefined = this.pages.begin(); page !== undefined; ) {
      asked += 1;
      const records = listed.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
      const times = records.map((id) => this.#times[id] ?? 0);
      const isNew = records.some((id) => !this.found.has(id));
      for (const id of records) this.found.add(id);
      this.#newestMs = Math.max(this.#newestMs, ...times);
      const oldestMs = Math.min(...times);
      page = this.pages.next({
        times: records.length === 0 ? undefined : { newestMs: Math.max(...times), oldestMs },
        mayGoOn: isNew && oldestMs > newestBeforeMs - 60_000,
        totalCount: listed.length,
      });
    }
    return asked;
  }

  /** The ids in the order of the event center. Ordered ones are mixed within half a minute. */
  #listed(): number[] {
    const keys = this.#times.map((timeMs) =>
      this.#order === 'any' ? this.#random() : timeMs + this.#random() * 30_000,
    );
    const ids = this.#times.map((_, id) => id).sort((one, other) => (keys[one] ?? 0) - (keys[other] ?? 0));
    return this.#order === 'newest-first' ? ids.reverse() : ids;
  }
}

test('with records in order, those of a period are found in it, with few pages a period', (t) => {
  const orders = fc.constantFrom<RecordOrder>('newest-first', 'oldest-first');
  const property = fc.property(orders, fc.nat(), fc.nat(1_500), fc.nat(12), (order, seed, before, perPeriod) => {
    const reading = new Reading(order, createRandom(seed).share);
    for (let i = 0; i < before; i += 1) reading.add(i * 2_000);
    const startMs = before * 2_000;
    reading.read();
    let asked = 0;
    for (let period = 1; period <= 40; period += 1) {
      const added = reading.total;
      for (let i = 0; i < perPeriod; i += 1) reading.add(startMs + period * PERIOD_MS + (i * PERIOD_MS) / perPeriod);
      asked += reading.read();
      for (let id = added; id < reading.total; id += 1) if (!reading.found.has(id)) return false;
    }
    // The last page of several may have few records.
    return asked <= 40 * 1.7;
  });
  t.notThrows(() => fc.assert(property, { numRuns: 100 }));
});

test('a burst of many records is found in one period', (t) => {
  for (const order of ['newest-first', 'oldest-first'] as const) {
    const reading = new Reading(order, createRandom(1).share);
    for (let i = 0; i < 1_000; i += 1) reading.add(i * 1_000);
    reading.read();
    for (let i = 0; i < 1_200; i += 1) reading.add(1_000_000 + i * 10);
    t.true(reading.read() >= 12, order);
    t.true(
      [...Array(1_200).keys()].every((i) => reading.found.has(1_000 + i)),
      order,
    );
    t.true(reading.read() <= 2, 'and the next period is quiet');
  }
});

test('with records in no order, all pages are asked for one after the other, some in each period', (t) => {
  const reading = new Reading('any', createRandom(7).share);
  for (let i = 0; i < 3_000; i += 1) reading.add(i * 1_000);
  reading.read();
  t.is(reading.pages.order, 'any');
  const asked = Array.from({ length: 60 }, () => reading.read());
  t.true(Math.max(...asked) <= 12);
  t.true(reading.found.size > 2_990, `${reading.found.size}`);
});

test('with records in no order on one page, new ones are found in their period', (t) => {
  const reading = new Reading('any', createRandom(7).share);
  for (let i = 0; i < 100; i += 1) {
    reading.add(i * 15_000);
    t.is(reading.read(), 1);
    t.true(reading.found.has(i));
  }
});

test('an order that changes is learnt again', (t) => {
  const pages = new RecordPages();
  const read = (newestOn: 'first' | 'last') => {
    for (let page: number | undefined = pages.begin(); page !== undefined; ) {
      const isNew = newestOn === 'first' ? page === 1 : page === 3;
      const [newestMs, oldestMs] = isNew ? [9_000_000, 8_000_000] : [2_000_000, 1_000_000];
      page = pages.next({ times: { newestMs, oldestMs }, mayGoOn: false, totalCount: 250 });
    }
  };
  read('first');
  t.is(pages.order, 'newest-first');
  for (let period = 0; period < 40; period += 1) read('last');
  t.is(pages.order, 'oldest-first');
  for (let period = 0; period < 40; period += 1) read('first');
  t.is(pages.order, 'newest-first');
});
