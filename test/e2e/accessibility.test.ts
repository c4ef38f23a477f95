// The page by the rules of axe-core: those of WCAG 2, and good practice.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'ava';
import type { Page } from 'playwright-core';
import { startBrowser } from './helpers/browser.ts';
import { CHANGED, startTroubledExporter } from './helpers/troubled-exporter.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = [1440, 1280, 820, 390];
/** Longer than the page needs to see that the exporter does not answer. */
const A_MINUTE_MS = 60_000;

/** Everything, a repository, a tag, and a filter with a page beyond the last one. */
const VIEWS = ['./', './?repository=shop/api', CHANGED.view, './?status=failed&page=9'];

/** What axe finds wrong, one text for each element, in both colour schemes. */
async function violationsOf(page: Page): Promise<readonly string[]> {
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await page.evaluate<string[]>('violations({})');
  await page.emulateMedia({ colorScheme: 'dark' });
  // Nothing but the colours is different.
  const dark = await page.evaluate<string[]>("violations({ runOnly: ['color-contrast'] })");
  return [...light, ...dark];
}

/** Runs axe in the page, and leaves there what it has to say about what is right. */
const VIOLATIONS = `async function violations(options) {
  const { violations } = await axe.run({ resultTypes: ['violations'], preload: false, ...options });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => [id, target, failureSummary].join(': ')));
}`;

/** Loads axe-core. With all rows of the table, which are alike, a run would take seconds. */
async function prepare(page: Page): Promise<void> {
  await page.evaluate(`${AXE}; ${VIOLATIONS}`);
  await page.evaluate('for (const row of document.querySelectorAll("tr.row:nth-child(n+9)")) row.remove()');
}

test('axe-core finds nothing wrong, whatever the page shows, on a desk, a tablet and a phone, light and dark', async (t) => {
  const { url } = await startTroubledExporter(t);
  const browser = await startBrowser(t);
  const page = await browser.newPage();
  const expectNoViolations = async (what: string) => {
    await prepare(page);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      t.deepEqual(await violationsOf(page), [], `${what} at ${width}`);
    }
  };
  for (const view of VIEWS) {
    await page.goto(new URL(view, url).href);
    await expectNoViolations(view);
  }
  await page.clock.install();
  await page.goto(new URL(CHANGED.view, url).href);
  await page.route('**', (route) => route.abort());
  await page.clock.runFor(A_MINUTE_MS);
  await page.getByRole('alert').waitFor();
  await expectNoViolations('a page that cannot be refreshed');
});
