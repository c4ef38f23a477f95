// The answer to each kind of request, in every form of HTTP.
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { eventually } from '../helpers/eventually.ts';
import { startRoutes } from '../helpers/routes.ts';

/** The status of the answer to a request as it is written; undefined when the connection is closed without one. */
async function statusOf(port: number, head: string): Promise<number | undefined> {
  const socket = connect({ host: '127.0.0.1', port });
  let answer = '';
  socket
    .on('error', () => {})
    .on('data', (part: Buffer) => {
      answer += part.toString('latin1');
    });
  socket.write(head, 'latin1');
  await once(socket, 'close');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  return status === undefined ? undefined : Number(status);
}

const TARGETS: readonly (readonly [target: string, status: number])[] = [
  ['/-/healthy', 200],
  ['/-/healthy?x', 200],
  ['http://exporter/-/healthy', 200],
  ['HTTP://exporter:1/-/healthy?x=1', 200],
  ['http://exporter', 200],
  ['http://[::1]:1/-/healthy', 200],
  ['http://[::1', 400],
  ['http://[::1/-/healthy', 400],
  ['http://exporter/%', 404],
  ['//', 404],
  ['///-/healthy', 404],
  ['/\\/-/healthy', 404],
  ['*', 404],
  ['http:///x', 400],
  ['ftp://exporter/', 400],
];

for (const [target, status] of TARGETS) {
  test(`a request line that asks for ${target} is answered ${status}`, async (t) => {
    const { port } = await startRoutes(t);
    t.is(await statusOf(port, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`), status);
  });
}

test('a request for the server as a whole (`*`) is answered 404', async (t) => {
  const { port } = await startRoutes(t);
  t.is(await statusOf(port, 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), 404);
});

test('no request line causes an error of the exporter itself', async (t) => {
  const { port, failures } = await startRoutes(t);
  const piece = fc.oneof(
    fc.constantFrom('/', 'http://', 'https://', '//', '[', ']', '::1', '@', ':', '?', '#', '%', '%zz', '%00', '*'),
    fc.constantFrom('..', '\\', '-/ready', 'api/v1/targets', 'metrics', 'limit=', 'status=', '&', 'page=1e9', 'q=%ff'),
    fc.stringMatching(/^[!-~\x80-\xff]{1,8}$/),
  );
  const target = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
  const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'DELETE', 'TRACE');
  await fc.assert(
    fc.asyncProperty(method, target, async (verb, asked) => {
      const status = await statusOf(port, `${verb} ${asked} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      t.true(status !== undefined && status < 500, `${verb} ${asked}: ${status}`);
    }),
    { numRuns: 300 },
  );
  t.deepEqual(failures, []);
});

const SENDERS: readonly (readonly [name: string, headers: Readonly<Record<string, string>>, status: number])[] = [
  ['a program', {}, 200],
  ['a page of our own', { Origin: 'http://exporter:20181' }, 200],
  ['a page of our own behind a proxy', { Origin: 'https://outside', 'Sec-Fetch-Site': 'same-origin' }, 200],
  ['a person', { 'Sec-Fetch-Site': 'none' }, 200],
  ['a page of another site', { Origin: 'http://elsewhere', 'Sec-Fetch-Site': 'cross-site' }, 403],
  ['a page of a sibling', { Origin: 'http://sibling.exporter', 'Sec-Fetch-Site': 'same-site' }, 403],
  ['a page of another port, in an older browser', { Origin: 'http://exporter:20182' }, 403],
  ['a page without an origin', { Origin: 'null' }, 403],
];

for (const [name, headers, status] of SENDERS) {
  test(`a reload that ${name} asks for is answered ${status}`, async (t) => {
    let reloads = 0;
    const reload = async () => {
      reloads += 1;
      return { problems: [] };
    };
    const server = await startRoutes(t, { reload });
    for (const method of ['POST', 'PUT']) {
      const sent = { host: 'exporter:20181', ...headers };
      const answer = await server.ask({ path: '/-/reload', method, headers: sent });
      t.is(answer.status, status, answer.body);
    }
    t.is(reloads, status === 200 ? 2 : 0);
    t.is((await server.ask({ path: '/-/healthy', headers })).status, 200, 'what changes nothing is for everyone');
  });
}

const BEHIND = { externalUrl: 'https://outside.example/acr', routePrefix: '/acr' };

for (const [method, path, status, location] of [
  ['GET', '/acr/', 200, undefined],
  ['GET', '/acr/?status=failed', 200, undefined],
  ['GET', 'http://exporter/acr/-/healthy', 200, undefined],
  ['HEAD', '/acr/-/healthy', 200, undefined],
  ['GET', '/acr/-/ready', 200, undefined],
  ['GET', '/acr/metrics', 200, undefined],
  ['GET', '/acr/api/v1/targets', 200, undefined],
  ['GET', '/acr/assets/page.css', 200, undefined],
  ['POST', '/acr/-/reload', 200, undefined],
  ['GET', '/acr/-/reload', 405, undefined],
  ['GET', '/', 302, '/acr'],
  ['HEAD', '/', 302, '/acr'],
  ['GET', '/?q=a b', 302, '/acr?q=a+b'],
  ['GET', '/acr', 301, '/acr/'],
  ['GET', '/acr?status=failed', 301, '/acr/?status=failed'],
  ['POST', '/', 405, undefined],
  ['POST', '/acr', 405, undefined],
  ['GET', '/metrics', 404, undefined],
  ['GET', '/-/healthy', 404, undefined],
  ['POST', '/-/reload', 404, undefined],
  ['GET', '/assets/page.css', 404, undefined],
  ['GET', '/acrs/metrics', 404, undefined],
  ['GET', '/acr/acr/metrics', 404, undefined],
  ['GET', '//acr/metrics', 404, undefined],
] as const) {
  test(`with the prefix /acr, ${method} ${path} is answered ${status}${location ? ` and leads to ${location}` : ''}`, async (t) => {
    const server = await startRoutes(t, { ...BEHIND, reload: async () => ({ problems: [] }) });
    const sent = path.replace(' ', '%20');
    const answer = await server.ask({ path: sent, method, headers: { 'X-Forwarded-Prefix': '/other' } });
    t.is(answer.status, status, answer.body);
    t.is(answer.headers.location, location);
    if (status === 404) t.is(answer.body, 'There is nothing here. The start page is at https://outside.example/acr/\n');
    if (status === 405) t.truthy(answer.headers.allow);
  });
}

test('where a proxy removes the path, everything is served at the root, and the path is known all the same', async (t) => {
  const server = await startRoutes(t, { ...BEHIND, routePrefix: '' });
  t.is((await server.ask({ path: '/metrics' })).status, 200);
  t.is((await server.ask({ path: '/' })).status, 200);
  const { status, body } = await server.ask({ path: '/acr/' });
  t.is(status, 404);
  t.true(body.includes('https://outside.example/acr/'));
  const withoutHost = await startRoutes(t, { externalUrl: '/acr' });
  t.true((await withoutHost.ask({ path: '/nothing' })).body.endsWith('at /acr/\n'));
});

test('a reload from a page of our own is known by the external URL, when the proxy changes Host and the browser is older', async (t) => {
  const server = await startRoutes(t, { ...BEHIND, reload: async () => ({ problems: [] }) });
  const statusFrom = async (origin: string) => {
    const headers = { Host: '10.0.0.1:20181', Origin: origin };
    return (await server.ask({ path: '/acr/-/reload', method: 'POST', headers })).status;
  };
  t.is(await statusFrom('https://outside.example'), 200);
  for (const origin of ['http://outside.example', 'https://outside.example:8443', 'https://out', 'null', ''])
    t.is(await statusFrom(origin), 403, origin);
});

test('of scrapes that come at once no two begin in the same turn of the event loop, so that a probe does not wait for all of them', async (t) => {
  let turnsSoFar = 0;
  let immediate: NodeJS.Immediate | undefined;
  const count = () => {
    turnsSoFar += 1;
    immediate = setImmediate(count);
  };
  count();
  t.teardown(() => clearImmediate(immediate));
  const begunIn: number[] = [];
  const metrics = async () => {
    begunIn.push(turnsSoFar);
    return { chunks: [], length: 0, contentType: 'text/plain', done: () => {} };
  };
  const server = await startRoutes(t, { metrics });
  const sockets = Array.from({ length: 100 }, () =>
    connect({ host: '127.0.0.1', port: server.port }).on('error', () => {}),
  );
  for (const socket of sockets) t.teardown(() => socket.destroy());
  await eventually('all are connected', () => sockets.every(({ connecting }) => !connecting) || undefined);
  t.is((await server.ask({ path: '/-/healthy' })).status, 200, 'served after all of them have started');
  for (const socket of sockets) socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually('all have begun', () => begunIn.length === 100 || undefined);
  t.is(new Set(begunIn).size, 100);
});
