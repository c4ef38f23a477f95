import test from 'ava';
import fc from 'fast-check';
import type { TargetRow } from '../../../src/web/overview.ts';
import { addressOf, orderOf, queryOf, readView, type View } from '../../../src/web/page/view.ts';
import { selectOrderedTargets } from '../../../src/web/target-query.ts';
import { NOW_MS, targetRow } from '../../helpers/target-rows.ts';

const STATUSES = ['scanning', 'retrying', 'complete', 'failed', 'not_scanned', 'unknown'];

function read(address: string): View {
  return readView(new URL(address, 'http://exporter').searchParams, STATUSES);
}

/** The tags of the table at an address. */
async function shown(rows: readonly TargetRow[], address = '/'): Promise<readonly string[]> {
  const view = read(address);
  const selection = await selectOrderedTargets(rows, queryOf(view), orderOf(view));
  return selection.rows.map(({ tag }) => tag);
}

test('a view is in its address: whatever it is, reading the address gives it back', (t) => {
  const view = fc.record<View>({
    byRepository: fc.boolean(),
    instance: fc.string({ unit: 'grapheme' }),
    repository: fc.string({ unit: 'grapheme' }),
    tag: fc.string({ unit: 'grapheme' }),
    problems: fc.uniqueArray(fc.constantFrom('stuck', 'stale', 'errors'), { maxLength: 1 }),
    statuses: fc.uniqueArray(fc.constantFrom(...STATUSES), { maxLength: 1 }),
    severities: fc.uniqueArray(fc.constantFrom('high', 'medium', 'low', 'unknown'), { maxLength: 1 }),
    sources: fc.uniqueArray(fc.constantFrom('listed', 'discovered'), { maxLength: 1 }),
    text: fc.string({ unit: 'grapheme' }),
    sort: fc.constantFrom(
      'attention',
      'instance',
      'repository',
      'tag',
      'status',
      'vulnerabilities',
      'since',
      'last_poll',
      'next_poll',
      'error',
    ),
    descending: fc.boolean(),
    page: fc.integer({ min: 1, max: 10_000 }),
  });
  t.notThrows(() => fc.assert(fc.property(view, (each) => t.deepEqual(read(addressOf(each)), each) || true)));
  t.is(addressOf(read('/')), './#targets');
});

test('what does not fit in an address falls back', (t) => {
  const usual = read('/');
  for (const address of [
    '/?status=green',
    '/?severity=critical',
    '/?source=found',
    '/?sort=__proto__',
    '/?sort=valueOf',
    '/?page=0',
    '/?page=-1',
    '/?page=x',
    '/?page=1.5',
    '/?order=up',
  ]) {
    t.deepEqual(read(address), usual, address);
  }
});

test('a page of 100 is asked for', (t) => {
  t.deepEqual(
    queryOf(read('/?status=failed&severity=high&source=listed&problem=stale&repository=shop/api&q=x&page=3')),
    {
      statuses: ['failed'],
      severities: ['high'],
      sources: ['listed'],
      problems: ['stale'],
      instance: '',
      repository: 'shop/api',
      tag: '',
      text: 'x',
      offset: 200,
      limit: 100,
    },
  );
});

test('what needs attention comes first, and equal ones stay in their order', async (t) => {
  const lastError = { code: 'SystemError', message: '', requestId: '', timeMs: 0 };
  const found = (high: number) => ({ high, medium: 50, low: 50, unknown: 50 });
  const rows = [
    targetRow({ tag: 'complete 1' }),
    targetRow({ tag: 'not to be asked for', vulnerabilities: undefined, vulnerabilitiesError: lastError }),
    targetRow({ tag: 'medium', vulnerabilities: found(0) }),
    targetRow({ tag: 'high', vulnerabilities: found(1), vulnerabilitiesError: lastError }),
    targetRow({ tag: 'more of high, scanning', status: 'scanning', vulnerabilities: found(2) }),
    targetRow({ tag: 'scanning', status: 'scanning' }),
    targetRow({ tag: 'complete with a failed poll', lastError }),
    targetRow({ tag: 'unknown', status: 'unknown' }),
    targetRow({ tag: 'complete 2' }),
    targetRow({ tag: 'retrying', status: 'retrying' }),
    targetRow({ tag: 'failed', status: 'failed' }),
  ];
  t.deepEqual(await shown(rows), [
    'failed',
    'complete with a failed poll',
    'more of high, scanning',
    'high',
    'not to be asked for',
    'unknown',
    'retrying',
    'scanning',
    'complete 1',
    'medium',
    'complete 2',
  ]);
});

test('columns order both ways, and what is not known comes last', async (t) => {
  const rows = [
    targetRow({ tag: 'b', nextPollMs: undefined, lastPollMs: undefined }),
    targetRow({ tag: 'c', nextPollMs: NOW_MS, lastPollMs: NOW_MS - 2 }),
    targetRow({ tag: 'a', nextPollMs: NOW_MS + 1, lastPollMs: NOW_MS - 1 }),
  ];
  const ordered = async (address: string) => (await shown(rows, address)).join('');
  t.is(await ordered('/?sort=tag'), 'abc');
  t.is(await ordered('/?sort=tag&order=desc'), 'cba');
  t.is(await ordered('/?sort=next_poll'), 'cab');
  t.is(await ordered('/?sort=last_poll'), 'cab');
});

test('vulnerabilities order by the worst severity that differs, and what is not known comes after none', async (t) => {
  const found = (high: number, medium: number, low: number, unknown: number) => ({ high, medium, low, unknown });
  const rows = [
    targetRow({ tag: 'not known', vulnerabilities: undefined }),
    targetRow({ tag: 'none', vulnerabilities: found(0, 0, 0, 0) }),
    targetRow({ tag: 'many of low', vulnerabilities: found(0, 0, 99, 0) }),
    targetRow({ tag: 'high', vulnerabilities: found(1, 0, 0, 0) }),
    targetRow({ tag: 'ten of high', vulnerabilities: found(10, 0, 0, 0) }),
    targetRow({ tag: 'high and medium', vulnerabilities: found(1, 1, 0, 0) }),
    targetRow({ tag: 'unrated', vulnerabilities: found(0, 0, 0, 1) }),
  ];
  const worstFirst = ['ten of high', 'high and medium', 'high', 'many of low', 'unrated', 'none', 'not known'];
  t.deepEqual(await shown(rows, '/?sort=vulnerabilities&order=desc'), worstFirst);
  t.deepEqual(await shown(rows, '/?sort=vulnerabilities'), worstFirst.toReversed());
});

test('errors order by their code, of the poll or of the vulnerabilities', async (t) => {
  const error = (code: string) => ({ code, message: '', requestId: '', timeMs: 0 });
  const rows = [
    targetRow({ tag: 'none' }),
    targetRow({ tag: 'b', vulnerabilitiesError: error('B') }),
    targetRow({ tag: 'a', lastError: error('A'), vulnerabilitiesError: error('Z') }),
  ];
  t.deepEqual(await shown(rows, '/?sort=error'), ['a', 'b', 'none']);
});
