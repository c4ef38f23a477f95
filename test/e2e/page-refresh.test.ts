// How the page at `/` keeps itself fresh in a real browser, and what it says when it cannot.
import { createServer, type ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import { loadAssets } from '../../src/web/assets.ts';
import { startBrowser } from './helpers/browser.ts';
import { startExporter } from './helpers/exporter.ts';
import { until } from './helpers/until.ts';

/** The pauses and the timeout of the page. */
const REFRESH_MS = 8_000;
const RETRY_MS = 2_000;
const TIMEOUT_MS = 10_000;
/** Longer than any pause and any timeout of the page. */
const A_MINUTE_MS = 60_000;
const SOON_MS = 10_000;
/** From the death of the exporter to the banner. */
const TOLD_WITHIN_MS = 15_000;

type Requests = { readonly sent: number; readonly open: number; readonly givenUp: number };

type ScriptedServer = {
  readonly url: string;
  /** Requests for the page so far, those that were not answered yet, and those that the browser gave up. */
  readonly requests: () => Requests;
  /** How requests are answered from now on, also those that wait. */
  readonly behave: (answer: Answer) => void;
};

/** How a request for the page is answered: as by the exporter, never, or in another way. `page` is a new page, `first` the first one again. */
type Answer = (response: ServerResponse, page: string, first: string) => void;

const fresh: Answer = (response, page) => void response.setHeader('Content-Type', 'text/html').end(page);
const withStatus = (status: number): Answer => {
  return (response) => {
    response.statusCode = status;
    response.end('<main data-now="2026-01-01T00:00:00.000Z"></main>');
  };
};

/** Serves a page with the real script and style sheet. */
async function startScriptedServer(t: ExecutionContext): Promise<ScriptedServer> {
  const assets = loadAssets();
  const waiting = new Set<ServerResponse>();
  let [sent, givenUp, first] = [0, 0, ''];
  let answer: Answer | undefined = fresh;
  const render = () => {
    const now = Date.now();
    const time = (kind: string, ms: number) =>
      `<time data-kind="${kind}" datetime="${new Date(now + ms).toISOString()}"></time>`;
    return `<!doctype html><title>page ${sent}</title><link rel="icon" href="data:,${sent}">
      <link rel="stylesheet" href="${assets.css}"><script src="${assets.js}" defer></script>
      <header><p data-live="build"><span class="mark good">polling</span></p></header>
      <main data-now="${new Date(now).toISOString()}"><section data-live="text"><p>page ${sent}</p>
      <a href="./?sort=tag">Tag</a> <a href="./?page=${sent}">next</a> ${time('ago', -5_000)} ${time('ahead', 7_000)}</section></main>`;
  };
  const respond = (response: ServerResponse) => {
    if (answer === undefined) return void waiting.add(response);
    first ||= render();
    answer(response, sent === 1 ? first : render(), first);
  };
  const server = createServer((request, response) => {
    const asset = assets.all.find(({ path }) => request.url?.startsWith(path));
    if (asset) return response.setHeader('Content-Type', asset.type).end(asset.body);
    if (request.url === '/settled') return response.end();
    sent += 1;
    respond(response);
    response.on('close', () => {
      if (waiting.delete(response)) givenUp += 1;
    });
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    requests: () => ({ sent, open: waiting.size, givenUp }),
    behave: (next) => {
      answer = next === never ? undefined : next;
      if (answer === undefined) return;
      for (const response of [...waiting]) {
        waiting.delete(response);
        respond(response);
      }
    },
  };
}

const never: Answer = () => {};

async function openWithClock(t: ExecutionContext, url: string, script = ''): Promise<Page> {
  const browser = await startBrowser(t);
  const context = await browser.newContext();
  // Time passes only when the test says so.
  const time = Date.now();
  await context.clock.install({ time });
  await context.clock.pauseAt(time);
  await context.addInitScript(`performance.getEntriesByType = () => []; ${script}`);
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

/** Lets time pass on the page, then waits for what comes of it, and until the page has read the answers so far. */
async function passUntil(page: Page, ms: number, what: string, isDone: () => boolean | Promise<boolean>) {
  await page.clock.runFor(ms);
  await until(what, SOON_MS, async () => (await isDone()) || undefined);
  await settle(page);
}

/** Resolves when the page has read every answer that the server has sent: those come before the answer to this request. */
async function settle(page: Page): Promise<void> {
  await page.evaluate('fetch("/settled").then((answer) => answer.text())');
}

const isShown = (page: Page) => page.getByRole('alert').isVisible();
const bannerOf = async (page: Page) => (await page.getByRole('alert').allInnerTexts()).join();

test('a slow exporter is asked for one refresh at a time, each is given up in the end, and the second one is told', async (t) => {
  const server = await startScriptedServer(t);
  const page = await openWithClock(t, server.url);
  server.behave(never);
  await passUntil(page, REFRESH_MS, 'the first refresh', () => server.requests().open === 1);
  await page.clock.runFor(TIMEOUT_MS - 1_000);
  t.deepEqual(server.requests(), { sent: 2, open: 1, givenUp: 0 });
  await passUntil(page, 1_100, 'it is given up', () => server.requests().givenUp === 1);
  t.is(server.requests().sent, 2);
  await passUntil(page, RETRY_MS, 'the second refresh', () => server.requests().open === 1);
  t.false(await isShown(page), 'after one failure');
  await passUntil(page, TIMEOUT_MS, 'the banner', () => isShown(page));
  t.regex(
    await bannerOf(page),
    /^Not refreshed since \d+ \w+ \d{4}, \d\d:\d\d:\d\d \(\d+ s ago\): the exporter did not answer within 10 s\./,
  );
  await passUntil(page, REFRESH_MS, 'the next refresh', () => server.requests().open === 1);
  server.behave(fresh);
  await until('fresh text', SOON_MS, async () => (await page.textContent('p:text("page")')) === 'page 4' || undefined);
  t.false(await isShown(page));
  await passUntil(
    page,
    REFRESH_MS,
    'one more',
    async () => (await page.locator('section p').textContent()) === 'page 5',
  );
});

test('a page that cannot be seen asks for nothing, and for a refresh as soon as it can be seen', async (t) => {
  const server = await startScriptedServer(t);
  const hide = `let isHidden = true;
    Object.defineProperty(document, 'hidden', { get: () => isHidden });
    globalThis.show = () => { isHidden = false; document.dispatchEvent(new Event('visibilitychange')); };`;
  const page = await openWithClock(t, server.url, hide);
  await page.clock.runFor(A_MINUTE_MS);
  await settle(page);
  t.is(server.requests().sent, 1, 'nothing but the page');
  server.behave(withStatus(500));
  await page.evaluate('show()');
  await until(
    'the banner after one failure, since the page is old',
    SOON_MS,
    async () => (await isShown(page)) || undefined,
  );
  server.behave(fresh);
  await passUntil(
    page,
    RETRY_MS,
    'fresh text',
    async () => (await page.locator('section p').textContent()) === 'page 3',
  );
});

test('on a stale page times stop, and nothing looks as if it still held; the next answer puts everything right', async (t) => {
  const server = await startScriptedServer(t);
  const page = await openWithClock(t, server.url);
  const times = () => page.locator('section time').allTextContents();
  await page.clock.runFor(2_000);
  t.deepEqual(await times(), ['7 s ago', 'in 5 s']);
  server.behave(withStatus(500));
  await passUntil(page, REFRESH_MS - 2_000, 'the first failure', () => server.requests().sent === 2);
  await passUntil(page, RETRY_MS, 'the banner', () => isShown(page));
  t.deepEqual(await times(), ['5 s ago', 'in 7 s'], 'as of the last answer');
  await page.clock.runFor(5_000);
  t.deepEqual(await times(), ['5 s ago', 'in 7 s']);
  t.regex(await bannerOf(page), /\(15 s ago\)/);
  t.is(await page.title(), 'Not refreshed – acr-scan-exporter');
  t.regex((await page.getAttribute('link[rel="icon"]', 'href')) ?? '', /^data:image\/svg/);
  t.false(await page.getByText('polling').isVisible());
  t.regex(await page.locator('main').evaluate((main) => getComputedStyle(main).filter), /grayscale/);
  server.behave(fresh);
  await passUntil(page, REFRESH_MS - 5_000, 'the banner is gone', async () => !(await isShown(page)));
  t.deepEqual(await times(), ['5 s ago', 'in 7 s']);
  await page.clock.runFor(1_000);
  t.deepEqual(await times(), ['6 s ago', 'in 6 s']);
  t.is(await page.title(), 'page 4');
  t.is(await page.getAttribute('link[rel="icon"]', 'href'), 'data:,4');
  t.true(await page.getByText('polling').isVisible());
});

for (const [what, answer, told, isOver] of [
  ['401', withStatus(401), /a user and a password are asked for \(status 401\)\..*Reload the page$/, true],
  [
    '503',
    withStatus(503),
    /the exporter is too busy, or a proxy cannot reach it \(status 503\)\..*as of then\.$/,
    false,
  ],
  [
    '429',
    withStatus(429),
    /this exporter's own limit of requests, rate_limit in its web configuration, refused the refresh \(status 429\)\./,
    false,
  ],
  ['502', withStatus(502), /a proxy cannot reach the exporter \(status 502\)\./, false],
  ['500', withStatus(500), /the answer was an error \(status 500\)\./, false],
  [
    'a redirect to a page to sign in',
    (response: ServerResponse) => void response.writeHead(302, { Location: 'https://login.example/' }).end(),
    /a redirect answers here, perhaps to a sign-in page\..*Reload the page$/,
    true,
  ],
  [
    'another page',
    (response: ServerResponse) => void response.setHeader('Content-Type', 'text/html').end('<main>Sign in</main>'),
    /another page answers here, perhaps a sign-in page\..*Reload the page$/,
    true,
  ],
  [
    'an old page from a cache',
    (response: ServerResponse, _page: string, first: string) =>
      void response.setHeader('Content-Type', 'text/html').end(first),
    /a cache in between answers with an old page\./,
    false,
  ],
  [
    'a closed connection',
    (response: ServerResponse) => void response.destroy(),
    /the exporter cannot be reached\./,
    false,
  ],
] as const) {
  test(`${what} in place of the page is told as what it is, from the second time on`, async (t) => {
    const server = await startScriptedServer(t);
    const page = await openWithClock(t, server.url);
    server.behave(answer);
    await passUntil(page, REFRESH_MS, 'the first failure', () => server.requests().sent >= 2);
    t.false(await isShown(page));
    await passUntil(page, RETRY_MS, 'the banner', () => isShown(page));
    t.regex(await bannerOf(page), told);
    const { sent } = server.requests();
    server.behave(fresh);
    await page.clock.runFor(REFRESH_MS);
    if (isOver) {
      // A browser asks for a password at each answer 401, so only the reader asks again.
      await settle(page);
      t.is(server.requests().sent, sent);
      await page.getByRole('link', { name: 'Reload the page' }).click();
      await page.waitForLoadState();
    }
    await until('a fresh page', SOON_MS, async () => !(await isShown(page)) || undefined);
  });
}

test('the focus stays where it is over a refresh, and a selection is kept for a minute', async (t) => {
  const server = await startScriptedServer(t);
  const page = await openWithClock(t, server.url);
  const isRefreshed = (number: number) => async () =>
    (await page.locator('section p').textContent()) === `page ${number}`;
  const focused = () => page.evaluate('document.activeElement.textContent.trim()');
  await page.getByRole('link', { name: 'Tag' }).focus();
  await passUntil(page, REFRESH_MS, 'the first refresh', isRefreshed(2));
  t.is(await focused(), 'Tag');
  await page.getByRole('link', { name: 'next' }).focus();
  await passUntil(page, REFRESH_MS, 'the second refresh', isRefreshed(3));
  t.regex(String(await focused()), /^page 3/, 'the new part, since it has no such link');
  await page.evaluate('getSelection().selectAllChildren(document.querySelector("section p"))');
  await settle(page);
  for (let sent = 4; sent <= 10; sent++) {
    await passUntil(page, REFRESH_MS, 'the next refresh', () => server.requests().sent === sent);
    t.is(await page.locator('section p').textContent(), 'page 3');
    t.is(await page.evaluate('String(getSelection()).trim()'), 'page 3');
  }
  await passUntil(page, REFRESH_MS, 'a refresh of the part', isRefreshed(11));
});

test('the page of an exporter that is killed says so within 15 s', async (t) => {
  const exporter = await startExporter(t, {
    repositories: [{ namespace: 'shop', name: 'api', tags: { v1: 'COMPLETE' } }],
  });
  const browser = await startBrowser(t);
  const page = await browser.newPage();
  await page.goto(exporter.url);
  t.false(await isShown(page));
  exporter.program.signal('SIGKILL');
  const killedMs = performance.now();
  await until('the banner', TOLD_WITHIN_MS, async () => (await isShown(page)) || undefined);
  t.log(`after ${((performance.now() - killedMs) / 1_000).toFixed(1)} s`);
  t.regex(
    await bannerOf(page),
    /^Not refreshed since .*: the exporter cannot be reached\. Everything below is as of then\.$/,
  );
});
