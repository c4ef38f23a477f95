// What the exporter answers over HTTP: routes, methods, formats, encodings.
import { get, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { gunzipSync, inflateRawSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../helpers/eventually.ts';
import { configurationFor, LATEST, startExporter, startSimulator } from '../helpers/exporter.ts';
import { parsePage } from '../helpers/exposition.ts';
import { success } from '../helpers/tag-series.ts';

const LONG = { scanning: '1h', complete: '1h', failed: '1h' };
const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
/** What Prometheus 2.4x and 3.x send. */
const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

/** Sends a request as it is: nothing is added, decoded or followed. */
function send(url: string, method = 'GET', headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sending.on('error', reject);
    sending.end();
  });
}

/** The path of a part of the page. */
const SUMS = '/metrics?name[]=acr_scan_tags';

/** An exporter whose only tag is answered and not due for an hour: its page does not change any more. */
async function startIdle(t: ExecutionContext, telemetryPath = '/metrics') {
  const simulator = await startSimulator(t);
  const exporter = await startExporter(t, configurationFor(simulator.address, { intervals: LONG }), { telemetryPath });
  await exporter.until('it is answered', (page) => {
    return (
      success(page, LATEST) === 1 && page.value('acr_scheduler_requests_in_flight', { credentials: 'default' }) === 0
    );
  });
  return exporter;
}

test('GET answers with 200 and its content type; HEAD with the same head and nothing after it', async (t) => {
  const { url } = await startIdle(t);
  for (const [path, type] of [
    ['/', /^text\/html; charset=utf-8$/],
    ['/metrics', /^text\/plain; version=0\.0\.4; charset=utf-8$/],
    ['/-/healthy', /^text\/plain/],
    ['/-/ready', /^text\/plain/],
  ] as const) {
    // A page tells of times: what it is at the moment of the HEAD is known where it is the same before and after.
    const [whole, head] = await eventually(`${path} is the same twice`, async () => {
      const [before, between, after] = [await send(url + path), await send(url + path, 'HEAD'), await send(url + path)];
      return before.body.length === after.body.length ? ([before, between] as const) : undefined;
    });
    t.is(whole.status, 200, path);
    t.regex(whole.headers['content-type'] ?? '', type);
    t.true(whole.body.length > 0);
    t.is(head.status, 200);
    t.is(head.body.length, 0);
    for (const name of ['content-type', 'content-length', 'vary', 'content-security-policy']) {
      t.is(head.headers[name], whole.headers[name], `${name} of ${path}`);
    }
  }
});

test('a wrong method is 405 with Allow, and what does not exist is 404', async (t) => {
  const { url } = await startIdle(t);
  for (const path of ['/', '/metrics', '/-/healthy', '/-/ready']) {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const { status, headers } = await send(url + path, method);
      t.is(status, 405, `${method} ${path}`);
      t.deepEqual(headers.allow?.split(', ').sort(), ['GET', 'HEAD'], path);
    }
  }
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    const { status, headers } = await send(`${url}/-/reload`, method);
    t.is(status, 405);
    t.deepEqual(headers.allow?.split(', ').sort(), ['POST', 'PUT']);
  }
  for (const path of [
    '/metrics/',
    '/Metrics',
    '/metric',
    '/-/',
    '/-/healthy/x',
    '/favicon.ico',
    '//metrics',
    '/%2e%2e/etc/passwd',
  ]) {
    t.is((await send(url + path)).status, 404, path);
    t.is((await send(url + path, 'POST')).status, 404, path);
  }
  t.is((await send(`${url}/metrics?name=x`)).status, 200, 'a query does not matter');
});

for (const [accept, expected] of [
  [undefined, TEXT],
  ['*/*', TEXT],
  [PROMETHEUS_2, OPENMETRICS],
  [PROMETHEUS_3, OPENMETRICS],
  ['application/openmetrics-text', OPENMETRICS],
  ['application/openmetrics-text;version=0.0.1', TEXT],
  ['application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.8', TEXT],
  ['application/openmetrics-text;version=1.0.0;q=0', TEXT],
  ['text/html,application/xhtml+xml,*/*;q=0.8', TEXT],
  ['image/png', TEXT],
  ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited', TEXT],
  [';;;,=,', TEXT],
] as const) {
  test(`Accept ${accept ?? 'missing'} gives ${expected}`, async (t) => {
    const { url } = await startIdle(t);
    const { status, headers, body } = await send(`${url}/metrics`, 'GET', accept === undefined ? {} : { accept });
    t.is(status, 200);
    t.is(headers['content-type'], expected);
    const page = parsePage(body.toString(), expected === TEXT ? 'text' : 'openmetrics');
    t.is(success(page, LATEST), 1);
    t.is(body.toString().endsWith('\n# EOF\n'), expected === OPENMETRICS);
  });
}

test('gzip is one member that holds exactly the plain page, in both formats', async (t) => {
  const { url } = await startIdle(t);
  for (const accept of ['text/plain', 'application/openmetrics-text']) {
    const plain = await send(`${url}/metrics`, 'GET', { accept });
    const zipped = await send(`${url}/metrics`, 'GET', { accept, 'accept-encoding': 'gzip' });
    t.is(plain.headers['content-encoding'], undefined);
    t.is(zipped.headers['content-encoding'], 'gzip');
    t.is(Number(zipped.headers['content-length']), zipped.body.length);
    t.is(gunzipSync(zipped.body).toString(), plain.body.toString());
    // A head of 10 bytes without extras, one deflate stream, a trailer of 8 bytes, and nothing after it.
    t.is(zipped.body[3], 0);
    const { buffer, engine } = inflateRawSync(zipped.body.subarray(10), { info: true }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    t.is(buffer.toString(), plain.body.toString());
    t.is(10 + engine.bytesWritten + 8, zipped.body.length);
    t.is(zipped.body.readUInt32LE(zipped.body.length - 4), plain.body.length);
  }
});

for (const [encoding, expected] of [
  ['gzip, deflate, br', 'gzip'],
  ['gzip;q=0', undefined],
  ['gzip;q=0.1, identity;q=0.9', undefined],
  ['br', undefined],
  ['identity', undefined],
] as const) {
  test(`Accept-Encoding ${encoding} gives ${expected ?? 'the plain page'}`, async (t) => {
    const { url } = await startIdle(t);
    const { status, headers } = await send(`${url}/metrics`, 'GET', { 'accept-encoding': encoding });
    t.is(status, 200);
    t.is(headers['content-encoding'], expected);
  });
}

test('it is healthy but not ready until polling runs, and has its tags on the page before', async (t) => {
  const simulator = await startSimulator(t);
  const seen: string[] = [];
  const { url } = await startExporter(t, configurationFor(simulator.address), {
    beforePolling: async (url) => {
      for (const path of ['/-/healthy', '/-/ready', '/metrics', '/'])
        seen.push(`${path} ${(await send(url + path)).status}`);
      const page = parsePage((await send(`${url}/metrics`)).body.toString());
      t.is(page.value('acr_scan_tag_status', { ...LATEST, status: 'unknown' }), 1);
    },
  });
  t.deepEqual(seen, ['/-/healthy 200', '/-/ready 503', '/metrics 200', '/ 200']);
  t.is((await send(`${url}/-/ready`)).status, 200);
  t.is((await send(`${url}/-/ready`, 'HEAD')).status, 200);
});

test('it is ready, and scrapes are answered, while the API answers nothing', async (t) => {
  const simulator = await startSimulator(t, { faults: [{ hang: 'before_head' }] });
  const limits = { requests_per_second: 100, max_concurrent: 1 };
  const { url, until } = await startExporter(
    t,
    configurationFor(simulator.address, { rate_limit: limits, request_timeout: '1h' }),
  );
  await until(
    'a request hangs',
    (page) => page.value('acr_scheduler_requests_in_flight', { credentials: 'default' }) === 1,
  );
  t.is((await send(`${url}/-/ready`)).status, 200);
  t.is((await send(`${url}/metrics`)).status, 200);
});

test('the metrics are at another path when that is asked for, and at no other', async (t) => {
  const { url } = await startIdle(t, '/prometheus/v1');
  t.is((await send(`${url}/prometheus/v1`)).status, 200);
  t.is((await send(`${url}/metrics`)).status, 404);
  t.true((await send(`${url}/`)).body.toString().includes('href="./prometheus/v1"'));
});

test('a client that disconnects in the middle of a scrape disturbs no other', async (t) => {
  const { url, log } = await startIdle(t);
  await new Promise<void>((resolve) => {
    get(`${url}/metrics`, { agent: false }, (response) => {
      response.destroy();
      resolve();
    });
  });
  t.is((await send(`${url}/metrics`)).status, 200);
  t.false(log.some((line) => line.includes('level=error')));
});

for (const [name, head] of [
  ['a Host that is none', 'GET /api/v1/targets?limit=1 HTTP/1.1\r\nHost: [\r\n'],
  ['HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n'],
] as const) {
  test(`${name} does not matter`, async (t) => {
    const simulator = await startSimulator(t);
    const { url } = await startExporter(t, configurationFor(simulator.address));
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    t.teardown(() => socket.destroy());
    socket.write(`${head}Connection: close\r\n\r\n`);
    let answer = '';
    for await (const part of socket) answer += part;
    t.regex(answer, /^HTTP\/1\.1 200 /);
  });
}

test('a part of the page has the headers of the whole, in every encoding, and HEAD agrees', async (t) => {
  const { url } = await startIdle(t);
  const [plain, gzip, head] = await Promise.all([
    send(`${url}${SUMS}`),
    send(`${url}${SUMS}`, 'GET', { 'Accept-Encoding': 'gzip', Accept: OPENMETRICS }),
    send(`${url}${SUMS}`, 'HEAD'),
  ]);
  t.deepEqual([...parsePage(plain.body.toString()).families.keys()], ['acr_scan_tags']);
  t.is(gzip.headers['content-type'], OPENMETRICS);
  t.is(gunzipSync(gzip.body).toString(), `${plain.body}# EOF\n`);
  t.is(head.headers['content-length'], String(plain.body.length));
  const empty = await send(`${url}/metrics?name%5B%5D=nonsense`, 'GET', { 'Accept-Encoding': 'gzip' });
  t.is(empty.status, 200);
  t.is(gunzipSync(empty.body).length, 0);
});
