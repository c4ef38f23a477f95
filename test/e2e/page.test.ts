// The page at `/` in a real browser, against the running demo and against 10,000 tags.
import { join } from 'node:path';
import test from 'ava';
import type { Page } from 'playwright-core';
import { renderPage } from '../../src/web/page/page.tsx';
import { readView } from '../../src/web/page/view.ts';
import { NASTY_NAMES, NOW_MS, overview, problemSummary, repositoryRow, targetRow } from '../helpers/target-rows.ts';
import { openPage, startBrowser, takePicture } from './helpers/browser.ts';
import { startDemo, truthOf } from './helpers/demo.ts';
import { startExporter, untilAllPolled } from './helpers/exporter.ts';
import { ROOT } from './helpers/program.ts';
import { until } from './helpers/until.ts';

/** The texts of a column, from top to bottom. */
function column(page: Page, label: string): Promise<string[]> {
  return page.locator(`tr.row [data-label="${label}"] > div`).allInnerTexts();
}

function startOf(metricsUrl: string): string {
  return new URL('/', metricsUrl).href;
}

test('the page of the demo can be filtered, ordered and followed, light and dark, on a desk and on a phone', async (t) => {
  const demo = await startDemo(t);
  const url = startOf(demo.metricsUrl);
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(browser, url, {
    viewport: { width: 1400, height: 1000 },
    colorScheme: 'light',
  });
  await until('an error on the page', 90_000, async () => {
    await page.reload();
    return (await page.locator('.request-id').count()) > 0 || undefined;
  });
  await takePicture(page, 'page-light');

  await page.goto(`${url}?source=listed`);
  const { tags } = await truthOf(demo);
  const listed = tags.filter(({ repoName }) => ['api', 'web', 'base-image'].includes(repoName)).map(({ tag }) => tag);
  t.deepEqual((await page.locator('tr.row .tag').allTextContents()).sort(), listed.sort());
  await until('discovered tags', 30_000, async () => {
    await page.goto(`${url}?source=discovered`);
    return (await page.locator('tr.row').count()) > 0 || undefined;
  });
  for (const text of await column(page, 'Tag')) t.regex(text, /^(v|release-)\d/);
  for (const text of await column(page, 'Repository')) t.regex(text, /^(shop\/web-frontend|platform\/gateway)$/);
  const discovery = page.getByRole('row', { name: 'Discovery cri-demo1234567890ab' });
  await discovery.getByText(/^\s*complete\s+\d+ tags found\s*$/).waitFor();

  await page.goto(url);
  await page.getByRole('columnheader', { name: 'Vulnerabilities' }).getByRole('link').click();
  await page.waitForURL(/sort=vulnerabilities&order=desc#targets$/);
  const high = (await column(page, 'Vulnerabilities')).map((text) => Number(/^(\d+) high/.exec(text)?.[1] ?? 0));
  t.true((high[0] ?? 0) > 0);
  t.deepEqual(
    high,
    high.toSorted((a, b) => b - a),
  );
  await page.goto(url);
  await page
    .locator('.vulnerabilities')
    .getByRole('link', { name: /^\d+ high$/ })
    .click();
  await page.waitForURL(/\?severity=high#targets$/);
  for (const text of await column(page, 'Vulnerabilities')) t.regex(text, /^\d+ high/);
  await page.goto(url);

  await page.locator('select[name=status]').selectOption('failed');
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.waitForURL(/\?status=failed/);
  const failed = await column(page, 'Status');
  t.true(failed.length > 0 && failed.every((status) => status === 'failed'), failed.join());

  await page.getByRole('link', { name: 'Show all' }).click();
  await page.waitForURL(`${url}#targets`);
  await page.locator('input[name=q]').fill('SHOP/WEB 2026.1');
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=SHOP/);
  t.deepEqual((await column(page, 'Tag')).sort(), ['2026.1', '2026.10', '2026.11']);
  t.is(await page.locator('input[name=q]').inputValue(), 'SHOP/WEB 2026.1', 'the text stays in its field');

  await page.getByRole('link', { name: 'Show all' }).click();
  await page.waitForURL(`${url}#targets`);
  await page.getByRole('columnheader', { name: 'Tag' }).getByRole('link').click();
  await page.waitForURL(/sort=tag#targets$/);
  const ascending = await column(page, 'Tag');
  t.deepEqual(ascending, ascending.toSorted());
  await page.getByRole('columnheader', { name: 'Tag' }).getByRole('link').click();
  await page.waitForURL(/order=desc/);
  t.deepEqual(await column(page, 'Tag'), ascending.toReversed());

  await page.goto(`${url}?status=complete`);
  const seconds = async () =>
    Number(/^in (\d+) s$/.exec((await column(page, 'Next poll')).find((text) => /^in \d\d s$/.test(text)) ?? '')?.[1]);
  const before = await until('a poll that is some seconds ahead', 60_000, async () => (await seconds()) || undefined);
  await until('the next poll counting down', 5_000, async () => ((await seconds()) < before ? true : undefined));

  await page.goto(url);
  const uptime = await page.locator('header p').textContent();
  await until('the page fetching itself again', 20_000, async () =>
    (await page.locator('header p').textContent()) === uptime ? undefined : true,
  );

  const dark = await openPage(browser, url, { viewport: { width: 1400, height: 1000 }, colorScheme: 'dark' });
  await takePicture(dark.page, 'page-dark');
  const phone = await openPage(browser, `${url}?status=unknown`, {
    viewport: { width: 390, height: 844 },
    isMobile: true,
    colorScheme: 'dark',
  });
  await takePicture(phone.page, 'page-phone', true);
  const overflow = await phone.page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  t.is(overflow, 0, 'nothing sticks out on a phone');
  t.deepEqual([...complaints, ...dark.complaints, ...phone.complaints], []);
});

test('the page works by keyboard alone, has landmarks and headers, and its colours have a contrast of 4.5 to 1', async (t) => {
  const exporter = await startExporter(t, {
    repositories: [
      {
        namespace: 'shop',
        name: 'api',
        tags: { v1: 'COMPLETE', v2: 'FAILED', v3: 'SCANNING', v4: 'RETRYING', v5: 'ODD' },
      },
    ],
  });
  await untilAllPolled(exporter, 5);
  const browser = await startBrowser(t);
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await openPage(browser, `${exporter.url}/`, { colorScheme });
    for (const role of ['banner', 'main', 'search', 'navigation', 'table'] as const)
      t.true((await page.getByRole(role).count()) > 0, role);
    t.is(await page.locator('.targets').getByRole('columnheader').count(), 8);
    t.is(await page.locator('.targets').getByRole('rowheader').count(), 5);
    await page.keyboard.press('Tab');
    t.is(await page.evaluate('document.activeElement.textContent.trim()'), 'Skip to the watched tags');
    t.deepEqual(await page.evaluate<string[]>(LOW_CONTRASTS), [], colorScheme);
  }
});

/** Every visible text whose contrast with what is behind it is less than 4.5 to 1 (WCAG 2.1, 1.4.3). */
const LOW_CONTRASTS = `(() => {
  const rgba = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (color) => {
    const [r, g, b] = rgba(color).map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((rgba(color)[3] ?? 1) === 1) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join('').trim();
    if (text === '' || !element.checkVisibility()) continue;
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(text + ' ' + ratio.toFixed(2));
  }
  return found;
})()`;

/** Texts in the tables and the verdict of which a part is not shown: the box is smaller than the text, and hides the rest. */
const CUT_TEXTS = `[...document.querySelectorAll('.verdict, .verdict *, .top *, #targets *')]
  .filter((element) => !element.closest('.hidden, .targets thead') && element.clientWidth > 0)
  .filter((element) => {
    const { overflowX, textOverflow } = getComputedStyle(element);
    return textOverflow === 'ellipsis' || (element.scrollWidth > element.clientWidth && overflowX !== 'visible');
  })
  .map((element) => element.textContent.slice(0, 60))`;

test('nothing sticks out on wide screens, at 1280 pixels, on a tablet or a phone, whatever there is to show', async (t) => {
  const error = {
    code: 'Throttling.User',
    message: 'HTTP 400: Request was denied due to user flow control, which an administrator set.',
    requestId: 'BC648259-91A7-5F9E-8B5D-0123456789AB',
    timeMs: NOW_MS - 5_000,
  };
  const refusal = { ...error, code: 'InvalidAccessKeyId.NotFound' };
  const almostADay = NOW_MS - 86_399_000;
  const much = targetRow({
    instanceId: 'cri-2j88dtld8yel1234',
    repoNamespace: 'platform-engineering',
    repoName: 'base-image-with-a-long-name',
    tag: 'release-2026.10.31-hotfix-2',
    digest: `sha256:${'ab'.repeat(32)}`,
    source: 'discovered',
    status: 'retrying',
    sinceMs: almostADay,
    lastPollMs: NOW_MS - 599_000,
    lastSuccessMs: almostADay,
    nextPollMs: NOW_MS + 599_000,
    lastError: error,
    vulnerabilities: { high: 1_234, medium: 12_345, low: 23_456, unknown: 99_999 },
    vulnerabilitiesError: error,
  });
  const long = 'x'.repeat(255);
  const names = targetRow({ instanceId: long, repoNamespace: long, repoName: long, tag: long });
  const discovery = [much.instanceId, long].map((instanceId) => {
    return { instanceId, tags: 99_960, truncated: true, lastSuccessMs: almostADay, lastError: error, rules: undefined };
  });
  const refusedSet = {
    credentials: much.instanceId,
    running: true,
    rate: { configured: 100, current: 100 },
    inFlight: 0,
    due: { urgent: 1_900, background: 0 },
    oldestDueSeconds: { urgent: 7_199, background: 0 },
    refusal: { error: refusal, sinceMs: almostADay, nextProbeMs: NOW_MS + 299_000 },
    paused: { refused: true, throttled: false },
    inUse: { provider: 'access_key', identity: 'LTAI…Key3', renewalFails: false },
  };
  const quota = [refusedSet, ...overview().quota];
  const shown = overview({ discovery, quota, instances: 2 });
  const pieces = renderPage({
    overview: shown,
    problems: problemSummary([repositoryRow({ failed: 12_345, high: 99_999 }, names)]),
    tag: undefined,
    selection: { total: 2_000, rows: [much, names] },
    view: readView(new URLSearchParams(), Object.keys(shown.totals)),
    assets: { css: 'data:text/css,', js: 'data:text/javascript,' },
  });
  const html = [...pieces].join('');
  const browser = await startBrowser(t);
  for (const width of [1600, 1440, 1280, 820, 768, 390]) {
    const page = await browser.newPage({ viewport: { width, height: 1_000 } });
    await page.setContent(html);
    await page.addStyleTag({ path: join(ROOT, 'src/web/assets/page.css') });
    const sticksOut = (selector: string) =>
      page.locator(selector).evaluate((element) => element.scrollWidth - element.clientWidth);
    t.is(await sticksOut('html'), 0, `the page at ${width}`);
    t.is(await sticksOut('[data-live="targets"]'), 0, `the table at ${width}`);
    t.is(await sticksOut('[data-live="problems"]'), 0, `the repositories at ${width}`);
    t.is(await sticksOut('[data-live="connections"]'), 0, `the credentials at ${width}`);
    t.deepEqual(await page.evaluate(CUT_TEXTS), [], `nothing is cut at ${width}`);
    await takePicture(page, `page-much-${width}`);
  }
});

test('names that try to break out show as text in a browser', async (t) => {
  const names = NASTY_NAMES.filter((name) => !/[\n\r]/.test(name));
  const exporter = await startExporter(t, {
    repositories: [
      { namespace: '<b>ns</b>', name: '"><i>', tags: Object.fromEntries(names.map((name) => [name, 'COMPLETE'])) },
    ],
  });
  await untilAllPolled(exporter, names.length);
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(browser, `${exporter.url}/`);
  t.deepEqual((await page.locator('tr.row .tag').allTextContents()).sort(), names.toSorted());
  t.deepEqual(await page.locator('main :is(script, img, b, i)').count(), 0);
  await takePicture(page, 'page-nasty-names', true);
  t.deepEqual(complaints, []);
});

test('with 10,000 tags the first page is there within 300 ms and has less than 200 kB', async (t) => {
  const tags = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`v${index}`, 'COMPLETE']));
  const exporter = await startExporter(t, { repositories: [{ namespace: 'shop', name: 'api', tags }] });
  const load = async () => {
    const begin = performance.now();
    const body = await (await fetch(`${exporter.url}/`)).text();
    return { ms: performance.now() - begin, bytes: Buffer.byteLength(body) };
  };
  await load();
  const loads = [await load(), await load(), await load()];
  const fastest = Math.min(...loads.map(({ ms }) => ms));
  t.true(fastest < 300, `${loads.map(({ ms }) => ms.toFixed(0))} ms`);
  t.true(
    loads.every(({ bytes }) => bytes < 200_000),
    `${loads[0]?.bytes} bytes`,
  );
  const browser = await startBrowser(t);
  const { page } = await openPage(browser, `${exporter.url}/`);
  await page.getByRole('link', { name: 'Next', exact: true }).click();
  await page.waitForURL(/page=2/);
  t.is(await page.locator('tr.row').count(), 100);
  t.true((await page.locator('.found').textContent())?.startsWith('101 to 200 of 10,000 tags'));
});
