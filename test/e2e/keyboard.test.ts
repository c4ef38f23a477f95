// The page by keyboard alone: without JavaScript everything but the refresh works, and with it the buttons that copy.
import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import { startBrowser } from './helpers/browser.ts';
import { CHANGED, startTroubledExporter, TAGS } from './helpers/troubled-exporter.ts';

const ROWS_PER_PAGE = 100;
/** More than a page has links and fields. */
const MOST_STEPS = 500;

/** Presses a key until an element has the focus. Selectors are those of CSS. */
async function step(page: Page, selector: string, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    await page.keyboard.press(key);
    if (await page.evaluate<boolean>(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
  }
  throw new Error(`expected ${key} to lead to ${selector}`);
}

/** Follows a link, or presses a button, to an address that ends with this. The table is then on the screen. */
async function follow(t: ExecutionContext, page: Page, selector: string, end: string): Promise<void> {
  await step(page, selector);
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.href.endsWith(end));
  const top = await page.evaluate<number>('document.querySelector("#targets").getBoundingClientRect().top');
  t.true(top >= -1 && top < 800, `the table is ${top} pixels below the top of the screen at ${end}`);
}

const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();

test('without JavaScript and without a mouse everything but the refresh works, and each link leads to the table', async (t) => {
  const { url } = await startTroubledExporter(t);
  const browser = await startBrowser(t);
  const page = await browser.newPage({ javaScriptEnabled: false, viewport: { width: 1280, height: 800 } });
  await page.goto(url);
  t.true(await page.locator('noscript').isVisible());
  t.is(await page.locator('.copy:visible').count(), 0, 'buttons that would do nothing');
  await step(page, '.skip');
  await page.keyboard.press('Enter');
  await step(page, '#targets select[name="status"]');

  await page.keyboard.type('failed');
  await follow(t, page, 'form.filter button', '&q=&sort=&order=#targets');
  t.is(new URL(page.url()).searchParams.get('status'), 'failed');
  t.deepEqual([...new Set(await texts(page, 'tr.row .badge'))], ['failed']);
  await follow(t, page, 'form.filter a', '/#targets');

  await follow(t, page, 'thead a[href*="sort=tag"]', '/?sort=tag#targets');
  t.is(await page.locator('th[aria-sort="ascending"]').textContent(), 'Tag▲');
  const first = await texts(page, 'tr.row .tag');
  t.deepEqual(first, first.toSorted());

  await step(page, '.pages input', 'Shift+Tab');
  await page.keyboard.type('2');
  await page.keyboard.press('Enter');
  await page.waitForURL(/page=2#targets$/);
  t.is(await page.locator('.pages input[type="number"]').inputValue(), '2');
  const second = await texts(page, 'tr.row .tag');
  t.is(second.length, TAGS - ROWS_PER_PAGE);
  t.deepEqual([...first, ...second], [...first, ...second].toSorted());

  await page.goto(url);
  await follow(t, page, '.problems a[href*="status=failed"]', '&status=failed#targets');
  t.deepEqual(await texts(page, 'tr.row .badge'), ['failed']);
  await page.goto(url);
  await follow(t, page, '.worst a.more', '/?by=repository#targets');
  t.is(await page.locator('.problems tbody tr').count(), 10);
  const scope = `a[href*="instance=cri-shop&repository=shop%2Fapi#"]`;
  await follow(t, page, `.problems ${scope}`, '?instance=cri-shop&repository=shop%2Fapi#targets');
  t.regex((await page.locator('#targets-heading').textContent()) ?? '', /^shop\/api on cri-shop/);
  t.is(await page.locator('tr.row').count(), 7);

  await follow(t, page, 'tr.row a.tag[href*="tag=changed"]', '&tag=changed#targets');
  t.regex((await page.locator('.tag-view').textContent()) ?? '', /changed failed.*failed from .*scanning from /s);
  await follow(t, page, '.tag-view .path a', '/#targets');

  await page.goto(url);
  t.regex((await texts(page, '#connections tbody tr')).join('\n'), /^Credentials cri-pay.*refused/);
  t.regex((await page.locator('.verdict .sentence').textContent()) ?? '', /^1 of 2 credential sets refused/);
  await step(page, '.verdict a');
  await page.keyboard.press('Enter');
  await page.waitForURL(/#connections$/);
});

test('identifiers, PromQL and RequestIds are copied by keyboard, and the next key goes on from there', async (t) => {
  const { url } = await startTroubledExporter(t);
  const browser = await startBrowser(t);
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  await page.goto(new URL(CHANGED.view, url).href);
  const copy = async (what: string) => {
    await step(page, '.copy');
    const name = await page.evaluate<string>('document.activeElement.textContent');
    t.is(name, `Copy ${what}`);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: `Copied ${what}`, exact: true }).waitFor();
    return page.evaluate<string>('navigator.clipboard.readText()');
  };
  t.is(await copy('Instance'), 'cri-shop');
  t.is(await copy('Repository'), 'shop/api');
  t.is(await copy('Repository id'), 'crr-shop-api');
  t.is(await copy('Tag'), 'changed');
  t.regex(await copy('Digest'), /^sha256:[0-9a-f]{64}$/);
  t.is(
    await copy('PromQL'),
    'acr_scan_tag_status{instance_id="cri-shop",repo_namespace="shop",repo_name="api",tag="changed"}',
  );
});
