import test from 'ava';
import fc from 'fast-check';
import { PAGE_SIZE, PagedList } from '../../src/discovery/paged-list.ts';

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => `${from + index}`);

/** A page of an API that only counts pages. */
const BY_NUMBER = { deleting: 0, nextToken: '' };

/** Lists what `items` gives page by page, and gives the number of pages asked for. */
function list(
  listing: PagedList<string>,
  items: (pageNo: number) => readonly string[],
  total: (all: readonly string[]) => number | undefined = (all) => all.length,
) {
  let asked = 0;
  while (!listing.isComplete) {
    asked += 1;
    if (asked > 1_000) throw new Error('the listing does not come to an end');
    const { pageNo } = listing.position;
    const all = items(pageNo);
    const from = (pageNo - 1) * PAGE_SIZE;
    listing.add({ ...BY_NUMBER, items: all.slice(from, from + PAGE_SIZE), totalCount: total(all) });
  }
  return asked;
}

test('a list of any length arrives whole, with one request for each page and one more where the last is full', (t) => {
  const property = fc.property(fc.integer({ min: 0, max: 450 }), (count) => {
    const listing = new PagedList<string>((item) => item);
    const asked = list(listing, () => numbers(0, count));
    t.deepEqual([...listing.items.keys()], numbers(0, count));
    t.is(asked, Math.floor(count / PAGE_SIZE) + 1);
    t.is(listing.isSnapshot, count < PAGE_SIZE);
  });
  fc.assert(property);
});

test('a total that lies, is missing or changes makes no difference to what arrives', (t) => {
  const property = fc.property(
    fc.integer({ min: 0, max: 350 }),
    fc.infiniteStream(fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: undefined })),
    (count, totals) => {
      const listing = new PagedList<string>((item) => item);
      list(
        listing,
        () => numbers(0, count),
        () => totals.next().value ?? undefined,
      );
      t.deepEqual([...listing.items.keys()], numbers(0, count));
    },
  );
  fc.assert(property);
});

test('pages that are shorter than asked for are followed to the end of what the total says', (t) => {
  const listing = new PagedList<string>((item) => item);
  const all = numbers(0, 120);
  while (!listing.isComplete) {
    const from = (listing.position.pageNo - 1) * 50;
    listing.add({ ...BY_NUMBER, items: all.slice(from, from + 50), totalCount: all.length });
  }
  t.is(listing.items.size, 120);
});

test('a server that gives the same page again and again does not keep the listing busy', (t) => {
  const listing = new PagedList<string>((item) => item);
  let asked = 0;
  while (!listing.isComplete) {
    asked += 1;
    listing.add({ ...BY_NUMBER, items: numbers(0, PAGE_SIZE), totalCount: 1_000_000 });
  }
  t.is(asked, 2);
  t.is(listing.items.size, PAGE_SIZE);
});

test('an item that comes twice is there once, in its later form', (t) => {
  const listing = new PagedList<{ readonly tag: string; readonly digest: string }>(({ tag }) => tag);
  const old = numbers(0, PAGE_SIZE).map((tag) => ({ tag, digest: 'old' }));
  listing.add({ ...BY_NUMBER, items: old, totalCount: 102 });
  listing.add({
    ...BY_NUMBER,
    items: [
      { tag: '99', digest: 'new' },
      { tag: '100', digest: 'old' },
    ],
    totalCount: 102,
  });
  // The total says that one is missing: the next page shows that there is none.
  t.false(listing.isComplete);
  listing.add({ ...BY_NUMBER, items: [], totalCount: 102 });
  t.true(listing.isComplete);
  t.is(listing.items.size, 101);
  t.is(listing.items.get('99')?.digest, 'new');
});

test('what a first run missed because the list moved, a second one adds', (t) => {
  const listing = new PagedList<string>((item) => item);
  // Item 5 is deleted after the first page was given: item 100 moves to that page and is on none.
  const moved = (pageNo: number) => (pageNo === 1 ? numbers(0, 250) : numbers(0, 250).filter((item) => item !== '5'));
  list(listing, moved);
  t.false(listing.items.has('100'));
  t.false(listing.isSnapshot);
  listing.restart();
  list(listing, () => moved(2));
  t.true(listing.items.has('100'));
});

test('by token a list arrives whole however long its pages are, with one request for each and none more', (t) => {
  const sizes = fc.array(fc.integer({ min: 0, max: 150 }), { minLength: 2, maxLength: 8 });
  const property = fc.property(sizes, fc.nat({ max: 2_000 }), (pages, totalCount) => {
    const listing = new PagedList<string>((item) => item);
    const asked: (string | number)[] = [];
    const starts = pages.map((_, index) => pages.slice(0, index).reduce((sum, size) => sum + size, 0));
    while (!listing.isComplete) {
      const { pageNo, token } = listing.position;
      asked.push(token);
      const index = pageNo - 1;
      const items = numbers(starts[index] ?? 0, pages[index] ?? 0);
      listing.add({ items, deleting: 0, totalCount, nextToken: index < pages.length - 1 ? `token-${pageNo}` : '' });
    }
    t.deepEqual(
      asked,
      pages.map((_, index) => (index === 0 ? '' : `token-${index}`)),
    );
    t.is(
      listing.items.size,
      pages.reduce((sum, size) => sum + size, 0),
    );
    t.true(listing.isSnapshot);
    t.false(listing.isDoubtful);
  });
  fc.assert(property);
});

test('tokens that lead in a circle end the run, and its list is not believed', (t) => {
  const listing = new PagedList<string>((item) => item);
  for (const nextToken of ['a', 'b', 'c', 'b']) {
    t.false(listing.isComplete);
    listing.add({ items: numbers(0, PAGE_SIZE), deleting: 0, totalCount: 100, nextToken });
  }
  t.true(listing.isComplete);
  t.true(listing.isDoubtful);
  t.false(listing.isSnapshot);
  t.is(listing.shortfall, 'expected a new NextToken on each page, found one that came before, after 100 items');
  listing.restart();
  t.deepEqual(listing.position, { pageNo: 1, token: '' });
  listing.add({ items: numbers(0, 3), deleting: 0, totalCount: 3, nextToken: '' });
  t.true(listing.isSnapshot);
});

test('what is being deleted counts for the length of a page and for the total, and is not in the list', (t) => {
  const listing = new PagedList<string>((item) => item);
  listing.add({ ...BY_NUMBER, items: numbers(0, 97), deleting: 3, totalCount: 101 });
  t.false(listing.isComplete, 'the page is full');
  listing.add({ ...BY_NUMBER, items: [], deleting: 1, totalCount: 101 });
  t.true(listing.isComplete);
  t.false(listing.isDoubtful);
  t.is(listing.items.size, 97);
});
