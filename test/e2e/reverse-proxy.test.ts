// The exporter behind a real nginx under a path, which passes the path on or removes it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openPage, startBrowser } from './helpers/browser.ts';
import { startExporter, temporaryDirectory } from './helpers/exporter.ts';
import { Program } from './helpers/program.ts';
import { until } from './helpers/until.ts';

const EXTERNAL = 'https://outside.example/acr';
const REPOSITORIES = [{ namespace: 'shop', name: 'api', tags: { v1: 'COMPLETE', v2: 'FAILED' } }];

/** A port that was free a moment ago: nginx cannot say which one it got. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  return address.port;
}

/** Starts nginx, which serves `upstream` at /acr/. Returns its URL. */
async function startNginx(t: ExecutionContext, upstream: string): Promise<string> {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'logs'));
  const port = await freePort();
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  );
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; master_process off; pid ${directory}/nginx.pid; error_log stderr;
     events {}
     http {
       access_log off; ${paths.join(' ')}
       server { listen 127.0.0.1:${port}; location /acr/ { proxy_pass ${upstream}; } }
     }`,
  );
  await Program.start(t, 'nginx', ['-p', directory, '-c', join(directory, 'nginx.conf')]);
  const url = `http://127.0.0.1:${port}`;
  await until('nginx', 10_000, () =>
    fetch(url).then(
      () => true,
      () => undefined,
    ),
  );
  return url;
}

for (const [style, flags, path] of [
  ['passes the path on', [`--web.external-url=${EXTERNAL}/`], ''],
  ['removes the path', [`--web.external-url=${EXTERNAL}/`, '--web.route-prefix=/'], '/'],
] as const) {
  test(`everything works behind an nginx that ${style}`, async (t) => {
    const exporter = await startExporter(t, {
      repositories: REPOSITORIES,
      flags: [...flags, '--web.enable-lifecycle'],
    });
    const url = await startNginx(t, `${exporter.url}${path}`);
    const statusOf = async (at: string, method = 'GET') =>
      (await fetch(url + at, { method, headers: { 'X-Forwarded-Prefix': '/other' } })).status;
    for (const at of ['/acr/', '/acr', '/acr/metrics', '/acr/api/v1/targets', '/acr/-/healthy', '/acr/-/ready'])
      await until(`200 at ${at}`, 10_000, async () => (await statusOf(at)) === 200 || undefined);
    t.is(await statusOf('/acr/-/reload', 'POST'), 200);
    t.is(await statusOf('/acr/nothing'), 404);

    const browser = await startBrowser(t);
    const { page, complaints } = await openPage(browser, `${url}/acr/`);
    const addresses: string[] = await page
      .locator('a[href]')
      .evaluateAll((links) => links.map((link) => Reflect.get(link, 'href')));
    t.true(addresses.length > 5);
    for (const address of new Set(addresses)) {
      t.true(address.startsWith(`${url}/acr/`), address);
      t.is((await fetch(address)).status, 200, address);
    }
    await page.goto(`${url}/acr/?status=failed`);
    t.is(new URL(page.url()).pathname, '/acr/');
    const refreshed = page.waitForResponse(`${url}/acr/?status=failed`, { timeout: 15_000 });
    t.is((await refreshed).status(), 200, 'the refresh of the script');
    t.deepEqual(complaints, []);
  });
}
