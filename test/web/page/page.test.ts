import { readFileSync } from 'node:fs';
import test from 'ava';
import type { EventsStatus } from '../../../src/model/exporter-status.ts';
import type { Overview, TargetRow } from '../../../src/web/overview.ts';
import { renderPage } from '../../../src/web/page/page.tsx';
import { readView } from '../../../src/web/page/view.ts';
import { NASTY_NAMES, NOW_MS, overview, problemSummary, repositoryRow, targetRow } from '../../helpers/target-rows.ts';

const STATUSES = ['scanning', 'retrying', 'complete', 'failed', 'not_scanned', 'unknown'];

function page(
  rows: readonly TargetRow[],
  query = '',
  total = rows.length,
  given: Partial<Overview> = {},
  problems = problemSummary(),
): string {
  const view = readView(new URLSearchParams(query), STATUSES);
  const assets = { css: './assets/page.css?v=1', js: './assets/page.js?v=1' };
  return [
    ...renderPage({
      overview: overview(given),
      problems,
      selection: { total, rows },
      tag: undefined,
      view,
      assets,
    }),
  ].join('');
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
    t.false(/<(script(?! src="\.\/assets\/page\.js)|img)/i.test(html), name);
    // The filter's own link is the only element more.
    t.is(html.match(/<\/?[a-z]+/g)?.length, (usual ?? 0) + 2, name);
    t.true(shownText(page([targetRow({ lastError })])).includes(name), `as an error: ${name}`);
    const ofSummary = targetRow({ vulnerabilitiesError: lastError });
    t.true(shownText(page([ofSummary])).includes(name), `as an error of the vulnerabilities: ${name}`);
    const discovery = [
      { instanceId: name, tags: 1, truncated: true, lastSuccessMs: NOW_MS, lastError, rules: undefined },
    ];
    const discovering = page([], '', 0, { discovery });
    t.false(/<(script(?! src="\.\/assets\/page\.js)|img)/i.test(discovering), `in discovery: ${name}`);
    t.true(shownText(discovering).split(name).length > 3, `in discovery: ${name}`);
  }
});

test('a row shows the reason of a problem: status, since, outcome, next poll, error with its RequestId ready to copy', (t) => {
  const lastError = { code: 'NoPrivilege', message: 'Access denied.', requestId: 'BC648259-91A7', timeMs: NOW_MS };
  const digest = `sha256:${'67bf'.repeat(16)}`;
  const html = page([targetRow({ status: 'failed', digest, lastError, lastSuccessMs: NOW_MS - 7_200_000 })]);
  const text = shownText(html);
  for (const part of [
    'failed',
    'shop/api',
    'v1',
    '67bf67bf67bf',
    '60 min ago',
    '60 s ago failed',
    'answered 2 h ago',
    'in 60 s',
    'NoPrivilege Access denied.',
    'RequestId BC648259-91A7',
  ]) {
    t.true(text.includes(part), part);
  }
  t.true(html.includes(`title="${digest}"`));
  t.true(html.includes('data-copy="BC648259-91A7"'));
  t.true(html.includes('title="2026-01-02T02:04:05.000Z"'), 'exact on hover');
});

/** The text of a row's cell. */
function cell(html: string, label: string): string {
  const [, content = ''] = new RegExp(`data-label="${label}"[^>]*>(.*?)</(?:td|th)>`, 's').exec(html) ?? [];
  return shownText(content.replace(/<\/li>/g, ', ')).trim();
}

test('vulnerabilities are shown by severity, the worst first and without zeros, or why there are none', (t) => {
  const error = { code: 'SystemError', message: 'Try later.', requestId: 'BC648259-91A7', timeMs: NOW_MS };
  const found = { high: 2, medium: 0, low: 1_234, unknown: 1 };
  const shown = (row: Partial<TargetRow>) => cell(page([targetRow(row)]), 'Vulnerabilities');
  t.is(shown({ vulnerabilities: found }), '2 high, 1,234 low, 1 unknown,');
  t.is(shown({ vulnerabilities: found, status: 'scanning' }), '2 high, 1,234 low, 1 unknown,  of the scan before');
  t.is(
    shown({ vulnerabilities: found, vulnerabilitiesError: error }),
    '2 high, 1,234 low, 1 unknown,  asking again failed',
  );
  t.is(shown({}), 'none');
  const vulnerabilities = undefined;
  t.is(shown({ vulnerabilities }), 'not asked yet');
  t.is(shown({ vulnerabilities, status: 'failed' }), 'no complete scan');
  t.is(shown({ vulnerabilities, wantsVulnerabilities: false }), 'not asked for');
  t.is(shown({ vulnerabilities, vulnerabilitiesError: error }), 'not known');
  const html = page([targetRow({ vulnerabilities, vulnerabilitiesError: error })]);
  t.is(
    cell(html, 'Last error'),
    'Vulnerabilities: SystemError Try later. RequestId BC648259-91A7Copy RequestId BC648259-91A7',
  );
  t.true(html.includes('data-copy="BC648259-91A7"'));
});

test('vulnerabilities add up at the top, each severity leading to its tags; without tags that are asked for them the section is empty', (t) => {
  const html = page([targetRow()], 'severity=low&q=x');
  t.regex(shownText(html), /Vulnerabilities0 high1,204 medium7 low0 unknownknown of 1,230 of 1,237 tags/);
  t.true(html.includes('href="./?severity=medium#targets"'));
  t.regex(html, /href="\.\/#targets" class="[^"]*severity-low" aria-current="true"/, 'the chosen one leads back');
  t.regex(
    html,
    /aria-sort="descending"|href="\.\/\?severity=low&amp;q=x&amp;sort=vulnerabilities&amp;order=desc#targets"/,
  );
  const unwanted = { wantedTags: 0, knownTags: 0, found: { high: 0, medium: 0, low: 0, unknown: 0 } };
  const without = page([targetRow({ wantsVulnerabilities: false })], '', 1, { vulnerabilities: unwanted });
  t.notRegex(without, /<h3>Vulnerabilit|name="severity"/i);
  t.regex(
    page([], 'severity=low', 0, { vulnerabilities: unwanted }),
    /<option value="low" selected>/,
    'unless asked for',
  );
});

test('discovered tags are marked, and where nothing is discovered nothing is said of it', (t) => {
  const discovery = [
    {
      instanceId: 'cri-1',
      tags: 1_200,
      truncated: false,
      lastSuccessMs: NOW_MS - 5_000,
      lastError: undefined,
      rules: undefined,
    },
    {
      instanceId: 'cri-2',
      tags: 0,
      truncated: false,
      lastSuccessMs: undefined,
      lastError: undefined,
      rules: undefined,
    },
  ];
  const shown = (row: Partial<TargetRow>) => cell(page([targetRow(row)], '', 1, { discovery }), 'Tag');
  t.is(shown({ source: 'discovered' }), 'v1 discovered');
  t.is(shown({ source: 'discovered', digest: 'sha256:67bf' }), 'v1 discovered 67bf');
  t.is(shown({}), 'v1');
  const html = page([targetRow()], 'status=failed', 1, { discovery });
  t.regex(shownText(html), /Discovery cri-1complete 1,200 tags found5 s agoDiscovery cri-2running 0 tags foundnot yet/);
  t.true(html.includes('href="./?instance=cri-1&amp;source=discovered#targets"'));
  t.notRegex(html, /truncated|failing/);
  t.notRegex(page([targetRow()]), /discover(ed|y-)|Source/);
});

test('discovery that fails or leaves tags out shows the reason', (t) => {
  const lastError = { code: 'NoPrivilege', message: 'Access denied.', requestId: 'BC648259', timeMs: NOW_MS - 60_000 };
  const discovery = [
    { instanceId: 'cri-1', tags: 90, truncated: true, lastSuccessMs: NOW_MS - 3_600_000, lastError, rules: undefined },
  ];
  const text = shownText(page([targetRow()], '', 1, { discovery, maxTags: 1_000 }));
  for (const part of [
    'Discovery cri-1failing NoPrivilege 90 tags found',
    'Access denied. 60 s ago RequestId BC648259',
    '60 min ago',
    'more tags than max_tags',
  ]) {
    t.true(text.includes(part), `${part} in ${text}`);
  }
});

test('discovery that succeeded but for what there is no right to list is incomplete, not failing', (t) => {
  const lastError = { code: 'NoPrivilege', message: 'Access denied.', requestId: '', timeMs: NOW_MS - 5_000 };
  const discovery = [
    { instanceId: 'cri-1', tags: 9, truncated: false, lastSuccessMs: NOW_MS - 5_000, lastError, rules: undefined },
  ];
  const text = shownText(page([targetRow()], '', 1, { discovery }));
  t.true(text.includes('Discovery cri-1incomplete NoPrivilege'), text);
  t.true(text.includes('Access denied. 5 s ago'), text);
});

test('events show by which channels they come, the last one, and why polls go on at the usual intervals', (t) => {
  const lastError = { code: 'NoPrivilege', message: 'Access denied.', requestId: '', timeMs: NOW_MS - 60_000 };
  const shown = (row: Partial<EventsStatus>) => {
    const usual = {
      instanceId: 'cri-1',
      healthy: true,
      webhook: true,
      feed: undefined,
      lastEventMs: undefined,
      missed: 0,
    };
    return shownText(page([targetRow()], '', 1, { events: [{ ...usual, ...row }] }));
  };
  const well = shown({ lastEventMs: NOW_MS - 5_000, missed: 1_200 });
  t.regex(well, /Events cri-1healthy webhook, 1,200 missed5 s ago/);
  t.notRegex(well, /usual intervals|Feed answered/);
  const rulesError = { ...lastError, timeMs: NOW_MS - 120_000 };
  const feed = { lastSuccessMs: NOW_MS - 60_000, lastError, hasRule: false, rulesError };
  const failing = shown({ healthy: false, webhook: false, feed });
  for (const part of [
    'Events cri-1no event rule: polled at the usual intervals NoPrivilege',
    'Access denied. 60 s ago',
    'feed, 0 missed; event rules not listed: NoPrivilege Access denied.',
    'no event yet',
  ]) {
    t.true(failing.includes(part), `${part} in ${failing}`);
  }
  t.notRegex(shownText(page([targetRow()])), /Events/);
});

test('what is not known is said to be so', (t) => {
  const text = (row: Partial<TargetRow>) => shownText(page([targetRow(row)]));
  t.true(text({ lastPollMs: undefined, lastSuccessMs: undefined }).includes('not yet'));
  t.true(text({ nextPollMs: undefined }).includes('under way'));
  t.true(text({ nextPollMs: undefined, repoId: '' }).includes('waits for the repository lookup'));
  t.true(text({ nextPollMs: NOW_MS - 1 }).includes('due'));
});

test('an image that was never scanned is shown in words, with a filter and a colour of its own, and without an error', (t) => {
  const html = page([targetRow({ status: 'not_scanned', lastError: undefined })], 'status=not_scanned');
  t.is(cell(html, 'Status'), 'not scanned');
  t.is(cell(html, 'Last error'), '', 'no column without an error');
  t.regex(html, /<option value="not_scanned" selected>not scanned<\/option>/);
  t.regex(html, /class="badge status-not_scanned"/);
  const css = readFileSync(new URL('../../../src/web/assets/page.css', import.meta.url), 'utf8');
  for (const rule of ['.fill-not_scanned {', '.status-not_scanned {']) t.true(css.includes(rule), rule);
});

test('totals, quota and build are shown', (t) => {
  const text = shownText(page([targetRow()]));
  for (const part of [
    '1,237 watched tags',
    '1,234 complete',
    'version 1.2.3 (abc), up for 24 h',
    '2.5 of 5',
    'slowed down: throttled',
    '3 tags overdue by up to 61 s',
  ]) {
    t.true(text.includes(part), part);
  }
});

test('a page links to the next and the one before, keeping filter and order', (t) => {
  const html = page([targetRow()], 'status=failed&q=x&sort=tag&page=2', 250);
  t.true(html.includes('href="./?status=failed&amp;q=x&amp;sort=tag#targets" rel="prev"'));
  t.true(html.includes('href="./?status=failed&amp;q=x&amp;sort=tag&amp;page=3#targets" rel="next"'));
  t.true(html.includes('aria-sort="ascending"'));
  t.regex(html, /<input type="number" name="page" min="1" max="3" value="2"/);
  t.true(
    html.includes('href="./?status=failed&amp;q=x&amp;sort=tag&amp;order=desc#targets"'),
    'the ordered column turns round',
  );
});

test('no match, and a page beyond the last, say so', (t) => {
  t.true(shownText(page([], 'q=nothing')).includes('No tag matches.'));
  t.true(shownText(page([], 'page=9', 250)).includes('There are only 250 tags.'));
});

test('nothing is inline and nothing comes from elsewhere', (t) => {
  const html = page([targetRow()]);
  t.false(/\s(style|on\w+)=/.test(html));
  t.false(/<script(?![^>]*src="\.\/assets\/)/.test(html));
  t.deepEqual(html.match(/https?:\/\/\S+/g), null);
});

test('without JavaScript the page says that it does not refresh itself, and what time it shows', (t) => {
  t.regex(page([]), /<noscript>[^<]*does not refresh itself[^<]*2026-01-02T03:04:05.000Z[^<]*<\/noscript>/);
});

test('every address on the page is relative, since only a proxy in front may know the path that the page is at', (t) => {
  const discovery = [
    { instanceId: 'cri-1', tags: 9, truncated: true, lastSuccessMs: NOW_MS, lastError: undefined, rules: undefined },
  ];
  for (const query of ['', 'status=failed&severity=high&source=listed&q=%2F%2Fevil&sort=tag&order=desc&page=2']) {
    const html = page([targetRow({ status: 'failed' })], query, 250, { discovery, telemetryPath: '/prometheus/v1' });
    const addresses = [...html.matchAll(/\s(?:href|src|action|formaction|poster|data)="([^"]*)"/g)].map(
      ([, each]) => each,
    );
    t.true(addresses.length > 20);
    t.true(html.includes('href="./prometheus/v1"'));
    t.deepEqual(
      addresses.filter((address) => !/^(\.\/|#|data:image\/svg\+xml,)/.test(address ?? '')),
      [],
    );
  }
});

test('what each rule of discovery takes is shown where there are several, or one takes nothing', (t) => {
  const row = { instanceId: 'cri-1', tags: 9, truncated: false, lastSuccessMs: NOW_MS, lastError: undefined };
  const shown = (rules: readonly { repositories: number; tags: number }[] | undefined) =>
    shownText(page([], '', 0, { discovery: [{ ...row, rules }] }));
  t.false(shown(undefined).includes('rule'));
  t.false(shown([{ repositories: 3, tags: 9 }]).includes('rule'));
  t.regex(shown([{ repositories: 0, tags: 0 }]), /rule 1 matches nothing 9 tags found; rule 1: 0 repositories, 0 tags/);
  t.regex(
    shown([
      { repositories: 1, tags: 1 },
      { repositories: 2, tags: 0 },
    ]),
    /rule 2 matches nothing 9 tags found; rule 1: 1 repository, 1 tag; rule 2: 2 repositories, 0 tags/,
  );
});

test('a view of one repository has no list of others, and nothing beside the credentials', (t) => {
  const problems = problemSummary([repositoryRow({ failed: 1 })]);
  const shown = (query: string) => page([targetRow()], query, 1, {}, problems);
  t.true(shown('').includes('<div class="top"><div class="slot" data-live="problems"><section'));
  for (const query of ['repository=shop/api', 'by=repository'])
    t.true(shown(query).includes('<div class="top single"><div class="slot" data-live="problems"></div>'), query);
});

test('a replica shows whose part of the tags it shows, and names the others', (t) => {
  const members = ['pod-1', 'pod-2', 'pod-3'].map((host, index) => ({ id: `${index}`, host }));
  const replica = {
    id: '0',
    host: 'pod-1',
    members,
    differs: [],
    isConnected: true,
    isMember: true,
    lastExchangeMs: NOW_MS,
    problem: undefined,
    max: 4,
    shares: [],
    repositories: 34,
    tags: 690,
    unwrittenTags: 0,
  };
  const text = shownText(page([], '', 0, { replica }));
  t.regex(
    text,
    /Replica pod-1\s*one of 3 replicas\s*shows its part: 34 repositories, 690 tags; the others: pod-2, pod-3/,
  );
  const away = shownText(page([], '', 0, { replica: { ...replica, problem: 'connect ECONNREFUSED' } }));
  t.regex(away, /Replica pod-1\s*no answer from Redis/);
  const other = shownText(page([], '', 0, { replica: { ...replica, differs: ['pod-2'] } }));
  t.regex(other, /Replica pod-1\s*has another configuration than others/);
});
