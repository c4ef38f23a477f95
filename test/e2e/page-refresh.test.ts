// How the page at `/` keeps itself fresh in a real browser, when the exporter is slow and when the page cannot be seen.
import { createServer, type ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import { loadAssets } from '../../src/web/assets.ts';
import { startBrowser } from './helpers/browser.ts';
import { until } from './helpers/until.ts';

/** Longer than any pause and any timeout of the page. */
const A_MINUTE_MS = 60_000;

type SlowServer = {
  readonly url: string;
  /** Requests for the page so far, those that were not answered yet, and those that the browser gave up. */
  readonly requests: () => { readonly sent: number; readonly open: number; readonly givenUp: number };
  /** Answers everything that waits, and from now on at once. */
  readonly recover: () => void;
};

/** Serves a page with the real script. After the first it answers no request until it is told to. */
async function startSlowServer(t: ExecutionContext): Promise<SlowServer> {
  const assets = loadAssets();
  const waiting = new Set<ServerResponse>();
  let [sent, givenUp, isSlow] = [0, 0, false];
  const answer = (response: ServerResponse) => {
    const served = `<main data-now="${new Date().toISOString()}"><p data-live="text">page ${sent}</p></main>`;
    response
      .setHeader('Content-Type', 'text/html')
      .end(`<!doctype html><link rel="icon" href="data:,"><script src="${assets.js}" defer></script>${served}`);
  };
  const server = createServer((request, response) => {
    const asset = assets.all.find(({ path }) => request.url?.startsWith(path));
    if (asset) return response.setHeader('Content-Type', asset.type).end(asset.body);
    sent += 1;
    if (!isSlow) answer(response);
    else waiting.add(response);
    isSlow = sent === 1 || isSlow;
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
    recover: () => {
      isSlow = false;
      for (const response of [...waiting]) {
        waiting.delete(response);
        answer(response);
      }
    },
  };
}

async function openWithClock(t: ExecutionContext, url: string, script = ''): Promise<Page> {
  const browser = await startBrowser(t);
  const context = await browser.newContext();
  await context.clock.install();
  await context.addInitScript(script);
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

test('a slow exporter is asked for one refresh at a time, and each is given up in the end', async (t) => {
  const server = await startSlowServer(t);
  const page = await openWithClock(t, server.url);
  await page.clock.runFor(10_000);
  await until('the first refresh', 10_000, async () => server.requests().open === 1 || undefined);
  await page.clock.runFor(19_000);
  t.deepEqual(server.requests(), { sent: 2, open: 1, givenUp: 0 });
  await page.clock.runFor(2_000);
  await until('it is given up', 10_000, async () => server.requests().givenUp === 1 || undefined);
  t.is(server.requests().sent, 2);
  await page.clock.runFor(10_000);
  await until('the next refresh', 10_000, async () => server.requests().open === 1 || undefined);
  server.recover();
  await until('fresh text', 10_000, async () => (await page.textContent('p')) === 'page 3' || undefined);
  await page.clock.runFor(10_000);
  await until('one more', 10_000, async () => (await page.textContent('p')) === 'page 4' || undefined);
});

test('a page that cannot be seen asks for nothing, and for a refresh as soon as it can be seen', async (t) => {
  const server = await startSlowServer(t);
  const hide = `let isHidden = true;
    Object.defineProperty(document, 'hidden', { get: () => isHidden });
    globalThis.show = () => { isHidden = false; document.dispatchEvent(new Event('visibilitychange')); };`;
  const page = await openWithClock(t, server.url, hide);
  server.recover();
  await page.clock.runFor(A_MINUTE_MS);
  await page.evaluate('fetch("/seen")');
  t.is(server.requests().sent, 2, 'nothing but the page and the question that came after');
  await page.evaluate('show()');
  await until('fresh text', 10_000, async () => (await page.textContent('p')) === 'page 3' || undefined);
});
