import test from 'ava';
import type { TargetRow } from '../../../src/web/overview.ts';
import { renderPage } from '../../../src/web/page/page.tsx';
import { readView } from '../../../src/web/page/view.ts';
import { NASTY_NAMES, NOW_MS, overview, targetRow } from '../../helpers/target-rows.ts';

const STATUSES = ['scanning', 'retrying', 'complete', 'failed', 'unknown'];

function page(rows: readonly TargetRow[], query = '', total = rows.length): string {
  const view = readView(new URLSearchParams(query), STATUSES);
  const assets = { css: '/assets/page.css?v=1', js: '/assets/page.js?v=1' };
  return renderPage({ overview: overview(), selection: { total, rows }, view, assets });
}

/** What a browser would show: tags away, references resolved. */
function shownText(html: string): string {
  return html
    .replace(/<[^>]*>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&');
}

test('names that try to break out show as text, wherever they come from', (t) => {
  const usual = page([targetRow()]).match(/<\/?[a-z]+/g)?.length;
  for (const name of NASTY_NAMES) {
    const lastError = { code: 'E', message: name, requestId: name, timeMs: NOW_MS };
    const row = targetRow({ instanceId: name, repoNamespace: name, repoName: name, tag: name });
    const html = page([row], new URLSearchParams({ q: name }).toString());
    t.true(shownText(html).includes(name), name);
    t.false(/<(script(?! src="\/assets\/page\.js)|img)/i.test(html), name);
    // The filter's own link is the only element more.
    t.is(html.match(/<\/?[a-z]+/g)?.length, (usual ?? 0) + 2, name);
    t.true(shownText(page([targetRow({ lastError })])).includes(name), `as an error: ${name}`);
  }
});

test('a row says why it is not green: status, since, outcome, next poll, error with its RequestId ready to copy', (t) => {
  const lastError = { code: 'NoPrivilege', message: 'Access denied.', requestId: 'BC648259-91A7', timeMs: NOW_MS };
  const digest = `sha256:${'67bf'.repeat(16)}`;
  const html = page([targetRow({ status: 'failed', digest, lastError, lastSuccessMs: NOW_MS - 7_200_000 })]);
  const text = shownText(html);
  for (const part of [
    'failed',
    'shop/api',
    'v1',
    '67bf67bf67bf',
    '1 h ago',
    '1 min ago, failed',
    'answered 2 h ago',
    'in 1 min',
    'NoPrivilege Access denied.',
    'RequestId BC648259-91A7',
    'cri-1',
  ]) {
    t.true(text.includes(part), part);
  }
  t.true(html.includes(`title="${digest}"`));
  t.true(html.includes('data-copy="BC648259-91A7"'));
  t.true(html.includes('title="2026-01-02T02:04:05.000Z"'), 'exact on hover');
});

test('what is not known is said to be so', (t) => {
  const text = (row: Partial<TargetRow>) => shownText(page([targetRow(row)]));
  t.true(text({ lastPollMs: undefined, lastSuccessMs: undefined }).includes('not yet'));
  t.true(text({ nextPollMs: undefined }).includes('under way'));
  t.true(text({ nextPollMs: undefined, repoId: '' }).includes('waits for the repository lookup'));
  t.true(text({ nextPollMs: NOW_MS - 1 }).includes('due'));
});

test('totals, quota and build are told', (t) => {
  const text = shownText(page([targetRow()]));
  for (const part of [
    '1,237 watched tags',
    '1,234 complete',
    'version 1.2.3 (abc), up for 1 d',
    '2.5 of 5',
    'slowed down: throttled',
    '3, the oldest for 1 min 1 s',
  ]) {
    t.true(text.includes(part), part);
  }
});

test('a page links to the next and the one before, keeping filter and order', (t) => {
  const html = page([targetRow()], 'status=failed&q=x&sort=tag&page=2', 250);
  t.true(html.includes('href="/?status=failed&amp;q=x&amp;sort=tag" rel="prev"'));
  t.true(html.includes('href="/?status=failed&amp;q=x&amp;sort=tag&amp;page=3" rel="next"'));
  t.true(html.includes('aria-sort="ascending"'));
  t.true(shownText(html).includes('Page 2 of 3'));
  t.true(html.includes('href="/?status=failed&amp;q=x&amp;sort=tag&amp;order=desc"'), 'the ordered column turns round');
});

test('no match, and a page beyond the last, say so', (t) => {
  t.true(shownText(page([], 'q=nothing')).includes('No tag matches.'));
  t.true(shownText(page([], 'page=9', 250)).includes('There are only 250 tags.'));
});

test('nothing is inline and nothing comes from elsewhere', (t) => {
  const html = page([targetRow()]);
  t.false(/\s(style|on\w+)=/.test(html));
  t.false(/<script(?![^>]*src="\/assets\/)/.test(html));
  t.deepEqual(html.match(/https?:\/\/\S+/g), null);
});
