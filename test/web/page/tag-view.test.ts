import test from 'ava';
import type { PollError } from '../../../src/model/scan.ts';
import type { TargetDetails, TargetRow } from '../../../src/web/overview.ts';
import { renderPage } from '../../../src/web/page/page.tsx';
import { readView } from '../../../src/web/page/view.ts';
import { NASTY_NAMES, NOW_MS, overview, problemSummary, targetRow } from '../../helpers/target-rows.ts';

const DETAILS: TargetDetails = {
  scanTaskId: '',
  scanService: '',
  failures: 0,
  history: { formerStatuses: [], errors: [] },
};

/** The view of a tag as HTML. */
function view(row: TargetRow, details: Partial<TargetDetails> = {}): string {
  const shown = overview();
  const html = [
    ...renderPage({
      overview: shown,
      problems: problemSummary(),
      selection: { total: 1, rows: [row] },
      tag: { row, details: { ...DETAILS, ...details } },
      view: readView(new URLSearchParams({ repository: 'shop/api', tag: row.tag }), Object.keys(shown.totals)),
      assets: { css: './assets/page.css', js: './assets/page.js' },
    }),
  ].join('');
  return /<article class="tag-view">.*<\/article>/s.exec(html)?.[0] ?? '';
}

function unescaped(html: string): string {
  return html
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&');
}

/** What a browser would show. */
function shownText(html: string): string {
  return unescaped(html.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ');
}

/** What its buttons copy. */
function copied(html: string): readonly string[] {
  return [...html.matchAll(/data-copy="([^"]*)"/g)].map(([, text = '']) => unescaped(text));
}

const error = (code: string, minutesAgo: number) => {
  return { code, message: `${code} it is.`, requestId: `ID-OF-${code}`, timeMs: NOW_MS - minutesAgo * 60_000 };
};

test('the view of a tag has its status changes and its errors, the last one first, with the time itself and how long ago it was', (t) => {
  const row = targetRow({ status: 'failed', sinceMs: NOW_MS - 600_000 });
  const formerStatuses = [
    { status: 'not_scanned' as const, sinceMs: NOW_MS - 7_200_000 },
    { status: 'scanning' as const, sinceMs: NOW_MS - 3_600_000 },
  ];
  const text = shownText(view(row, { history: { formerStatuses, errors: [error('First', 50), error('Second', 5)] } }));
  t.regex(
    text,
    /Status changes .* failed from 2026-01-02 02:54:05 UTC \( 10 min ago \) scanning from 2026-01-02 02:04:05 UTC \( 60 min ago \) not scanned from 2026-01-02 01:04:05 UTC/,
  );
  t.regex(text, /Last errors .* 2026-01-02 02:59:05 UTC \( 5 min ago \): Second Second it is\. .*50 min ago \): First/);
  t.regex(shownText(view(row)), /Status changes .* None is known\. Last errors .* None is known\./);
});

test('the view of a tag has its requests: the last poll, the last answer, the next poll, failures in a row, and the present errors', (t) => {
  const row = targetRow({ lastError: error('Present', 1), vulnerabilitiesError: error('OfVulnerabilities', 2) });
  const text = shownText(view(row, { failures: 3, scanService: 'ACR_SCAN_SERVICE' }));
  for (const part of [
    'Last poll 2026-01-02 03:03:05 UTC ( 60 s ago ), 3 failures in a row',
    'Last answer 2026-01-02 03:03:05 UTC',
    'Next poll 2026-01-02 03:05:05 UTC ( in 60 s )',
    'Error Present Present it is. RequestId ID-OF-Present',
    'Error of the vulnerabilities OfVulnerabilities OfVulnerabilities it is.',
    'Scanner ACR_SCAN_SERVICE',
  ])
    t.true(text.includes(part), `${part} in ${text}`);
  const never = targetRow({ lastPollMs: undefined, lastSuccessMs: undefined, nextPollMs: undefined, repoId: '' });
  t.regex(shownText(view(never)), /Last poll not yet Last answer never Next poll waits for the repository lookup/);
});

test('the view of a tag has what identifies it, its PromQL and the command that asks for it, each ready to copy', (t) => {
  const digest = `sha256:${'67bf'.repeat(16)}`;
  const html = view(targetRow({ digest }), { scanTaskId: '838152F9' });
  t.deepEqual(copied(html), [
    'cri-1',
    'shop/api',
    'crr-api',
    'v1',
    digest,
    '838152F9',
    'acr_scan_tag_status{instance_id="cri-1",repo_namespace="shop",repo_name="api",tag="v1"}',
    `aliyun cr GetRepoTagScanStatus --InstanceId cri-1 --RepoId crr-api --Tag v1 --Digest ${digest} --ScanTaskId 838152F9`,
  ]);
  t.notRegex(shownText(view(targetRow({ repoId: '' }))), /Aliyun CLI/, 'without the id there is no such request');
});

test('names that try to break out of the view of a tag show as text, and are quoted in PromQL and in the command', (t) => {
  const viewOf = (row: TargetRow, lastError: PollError) =>
    view({ ...row, lastError }, { scanTaskId: row.tag, history: { formerStatuses: [], errors: [lastError] } });
  const usual = viewOf(targetRow(), error('E', 1)).match(/<\/?[a-z]+/g)?.length;
  for (const name of NASTY_NAMES) {
    const lastError = { code: 'E', message: name, requestId: name, timeMs: NOW_MS };
    const row = targetRow({ instanceId: name, repoNamespace: name, repoName: name, repoId: name, tag: name });
    const html = viewOf(row, lastError);
    t.is(html.match(/<\/?[a-z]+/g)?.length, usual, name);
    t.notRegex(html, /<(script|img)/i, name);
    const startsWith = (start: string) => copied(html).find((text) => text.startsWith(start)) ?? '';
    const promql = startsWith('acr_scan_tag_status{');
    const command = startsWith('aliyun cr ');
    t.is(JSON.parse(/^acr_scan_tag_status\{instance_id=("(?:[^"\\]|\\.)*"),/.exec(promql)?.[1] ?? ''), name);
    const [, word = ''] = /--Tag (.*) --ScanTaskId /s.exec(command) ?? [];
    t.is(/^[\w.:/@-]+$/.test(word) ? word : word.slice(1, -1).replaceAll(`'\\''`, "'"), name);
    t.is(word.startsWith("'"), !/^[\w.:/@-]+$/.test(name), name);
  }
});
