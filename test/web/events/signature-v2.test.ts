// Signature v2 of EventBridge, from outside: requests that are signed well, and in every wrong way.
import { generateKeyPairSync } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { fetchCertificate } from '../../../src/web/events/fetch-certificate.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { startHttp } from '../../helpers/raw-server.ts';
import {
  BY_ENV,
  CERTIFICATE,
  CERTIFICATE_URL,
  REGION,
  scanCompleted,
  signedHeaders,
  startWebhook,
  type WebhookTestOptions,
} from '../../helpers/webhook.ts';

const HOST = 'exporter.example.com';
const URL_OF_TARGET = `https://${HOST}/api/v1/events`;
const SIGNED = { ...BY_ENV, signature: true };

const start = (t: ExecutionContext, options: WebhookTestOptions = {}) =>
  startWebhook(t, { settings: SIGNED, ...options });

for (const [what, { host = HOST, url = URL_OF_TARGET, path = '/api/v1/events', ending = '' }] of [
  ['over HTTPS, which a proxy ends', {}],
  ['over HTTP', { url: `http://${HOST}/api/v1/events` }],
  ['with a port', { host: `${HOST}:8443`, url: `https://${HOST}:8443/api/v1/events` }],
  ['with parameters', { path: '/api/v1/events?a=b%20c', url: `${URL_OF_TARGET}?a=b%20c` }],
  ['with the end of a line after the body, as in the sample of Alibaba Cloud', { ending: '\n' }],
] as const) {
  test(`an event is taken that was signed ${what}`, async (t) => {
    const { post, received, fetched, counted } = await start(t);
    const body = scanCompleted({ note: '中文' });
    const { status, body: answer } = await post({
      body,
      path,
      headers: { host, ...signedHeaders({ url, body, ending }) },
    });
    t.deepEqual([status, answer], [204, '']);
    t.is(received.length, 1);
    t.deepEqual(fetched, [CERTIFICATE_URL]);
    t.deepEqual(counted(), {});
  });
}

for (const [style, options, path] of [
  ['keeps the path', { externalUrl: 'https://outside.example/acr', routePrefix: '/acr' }, '/acr/api/v1/events'],
  ['removes the path', { externalUrl: 'https://outside.example/acr', routePrefix: '' }, '/api/v1/events'],
] as const) {
  test(`an event is taken that came through a proxy that changes Host and ${style}, if the external URL is known`, async (t) => {
    const { post, received } = await start(t, options);
    const headers = {
      host: 'exporter:20181',
      ...signedHeaders({ url: `${options.externalUrl}/api/v1/events?a=b`, body: BODY }),
    };
    t.is((await post({ body: BODY, path: `${path}?a=b`, headers })).status, 204);
    t.is(received.length, 1);
    const elsewhere = signedHeaders({ url: 'https://elsewhere.example/acr/api/v1/events', body: BODY });
    t.is((await post({ body: BODY, path, headers: { ...headers, ...elsewhere } })).status, 401);
  });
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const OTHER_KEY = Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }));
const BODY = scanCompleted();
const good = () => signedHeaders({ url: URL_OF_TARGET, body: BODY });

for (const [what, headers, body = BODY] of [
  ['nothing but the token', () => ({})],
  ['another body', good, scanCompleted({ id: 'other' })],
  ['a body with one more blank', good, `${BODY} `],
  ['the URL of another target', () => signedHeaders({ url: 'https://elsewhere.example/api/v1/events', body: BODY })],
  ['another path', () => signedHeaders({ url: `https://${HOST}/api/v1/targets`, body: BODY })],
  ['another key', () => signedHeaders({ url: URL_OF_TARGET, body: BODY, key: OTHER_KEY })],
  ['a later time than was signed', () => ({ ...good(), 'x-eventbridge-signature-timestamp': String(Date.now() + 1) })],
  [
    'a time in seconds',
    () => signedHeaders({ url: URL_OF_TARGET, body: BODY, timeMs: Math.floor(Date.now() / 1_000) }),
  ],
  ['a time that is none', () => ({ ...good(), 'x-eventbridge-signature-timestamp': '1e12' })],
  ['another hash', () => ({ ...good(), 'x-eventbridge-hash-method': 'SHA1' })],
  ['another version', () => ({ ...good(), 'x-eventbridge-signature-version': '2.0' })],
  ['no signature', () => ({ ...good(), 'x-eventbridge-signature-v2': undefined })],
  ['a signature that is not base64', () => ({ ...good(), 'x-eventbridge-signature-v2': '%%%' })],
  ['a signature of one byte', () => ({ ...good(), 'x-eventbridge-signature-v2': 'AA==' })],
  [
    'the older signature only',
    () => ({ ...good(), 'x-eventbridge-signature-v2': undefined, 'x-eventbridge-signature': 'AA==' }),
  ],
  ['two times', () => ({ ...good(), 'x-eventbridge-signature-timestamp': [String(Date.now()), String(Date.now())] })],
] as const satisfies readonly (readonly [string, () => Record<string, unknown>, string?])[]) {
  test(`with ${what}, an event is answered 401`, async (t) => {
    const { post, received, counted, failures } = await start(t);
    const { status } = await post({ body, headers: { host: HOST, ...headers() } });
    t.is(status, 401);
    t.deepEqual(received, []);
    t.deepEqual(counted(), { refused: 1 });
    t.deepEqual(failures, []);
  });
}

test('a signature is right from a minute before to a minute after its time', async (t) => {
  const clock = new ManualClock();
  const { post } = await start(t, { clock });
  const statusAt = async (timeMs: number) => {
    const headers = { host: HOST, ...signedHeaders({ url: URL_OF_TARGET, body: BODY, timeMs }) };
    return (await post({ body: BODY, headers })).status;
  };
  const nowMs = clock.now();
  t.is(await statusAt(nowMs - 60_000), 204);
  t.is(await statusAt(nowMs + 60_000), 204);
  t.is(await statusAt(nowMs - 60_001), 401);
  t.is(await statusAt(nowMs + 60_001), 401);
});

test('a right signature without the token, or with another, is answered 401, and no certificate is fetched', async (t) => {
  const { post, fetched } = await start(t);
  const signed = signedHeaders({ url: URL_OF_TARGET, body: BODY, token: 'token-of-others' });
  t.is((await post({ body: BODY, headers: { host: HOST, ...signed } })).status, 401);
  const without = { ...good(), 'x-eventbridge-signature-token': undefined };
  t.is((await post({ body: BODY, headers: { host: HOST, ...without } })).status, 401);
  t.deepEqual(fetched, []);
});

const ORIGIN = `https://${REGION}-eventbridge.oss-accelerate.aliyuncs.com`;

for (const url of [
  'https://elsewhere.example/x.pem',
  'https://oss-accelerate.aliyuncs.com/x.pem',
  // Anybody may own such a bucket.
  'https://mine-eventbridge.oss-accelerate.aliyuncs.com/x.pem',
  'https://x-cn-hangzhou-eventbridge.oss-accelerate.aliyuncs.com/x.pem',
  // A region of no instance.
  'https://cn-beijing-eventbridge.oss-accelerate.aliyuncs.com/x.pem',
  `${ORIGIN}.elsewhere.example/x.pem`,
  `${ORIGIN}@elsewhere.example/x.pem`,
  `${ORIGIN}:443/x.pem`,
  `${ORIGIN}:8443/x.pem`,
  `${ORIGIN}./x.pem`,
  `${ORIGIN}`,
  `${ORIGIN}/`,
  `${ORIGIN}//x.pem`,
  `${ORIGIN}/../x.pem`,
  `${ORIGIN}/a/../../x.pem`,
  `${ORIGIN}/./x.pem`,
  `${ORIGIN}/%2e%2e/x.pem`,
  `${ORIGIN}/..`,
  `${ORIGIN}/x.pem?y`,
  `${ORIGIN}/x.pem#y`,
  `${ORIGIN}\\x.pem`,
  `${ORIGIN}/x\\y.pem`,
  `${ORIGIN}/x y.pem`,
  `${ORIGIN}/${'x'.repeat(600)}`,
  ORIGIN.replace('https://', 'https://user@'),
  `${ORIGIN.replace('https://', 'https://user:password@')}/x.pem`,
  `${ORIGIN.replace('https:', 'http:')}/x.pem`,
  `${ORIGIN.replace('https:', 'HTTPS:')}/x.pem`,
  `${ORIGIN.replace('https:', 'file:')}/x.pem`,
  `${ORIGIN.replace('https://', 'https:/')}/x.pem`,
  `${ORIGIN.replace('https://', 'https:\\\\')}/x.pem`,
  `${ORIGIN.replace('https://', '//')}/x.pem`,
  `${ORIGIN.replace('cn-hangzhou', 'CN-HANGZHOU')}/x.pem`,
  `${ORIGIN.replace('aliyuncs', 'ALIYUNCS')}/x.pem`,
  `${ORIGIN.replace('.aliyuncs', '%2ealiyuncs')}/x.pem`,
  // A soft hyphen, which a parser of URLs leaves out, and a name of another script.
  `${ORIGIN.replace('aliyuncs', 'aliyun\u00adcs')}/x.pem`,
  `${ORIGIN.replace('aliyuncs', 'xn--aliyuncs-9za')}/x.pem`,
  'http://127.0.0.1/x.pem',
  'https://[::1]/x.pem',
  'data:text/plain,x',
  ` ${ORIGIN}/x.pem`.replace(' ', '\u00a0'),
]) {
  test(`a certificate at ${url.slice(0, 100)} is not fetched, and its event is answered 401`, async (t) => {
    const { post, received, fetched, counted } = await start(t);
    const signed = signedHeaders({ url: URL_OF_TARGET, body: BODY, certificateUrl: url });
    t.is((await post({ body: BODY, headers: { host: HOST, ...signed } })).status, 401);
    t.deepEqual(fetched, []);
    t.deepEqual(received, []);
    t.deepEqual(counted(), { refused: 1 });
  });
}

test('a certificate is fetched once, for many events at a time too, and again after a day', async (t) => {
  const clock = new ManualClock();
  const { post, fetched } = await start(t, { clock });
  const send = async () => {
    const headers = { host: HOST, ...signedHeaders({ url: URL_OF_TARGET, body: BODY, timeMs: clock.now() }) };
    return (await post({ body: BODY, headers })).status;
  };
  t.deepEqual(await Promise.all([send(), send(), send()]), [204, 204, 204]);
  t.is(fetched.length, 1);
  await clock.advance(86_400_000 - 1);
  t.is(await send(), 204);
  t.is(fetched.length, 1);
  await clock.advance(1);
  t.is(await send(), 204);
  t.is(fetched.length, 2);
});

test('while the certificate cannot be fetched, events are answered 503, and it is fetched at most ten times a minute', async (t) => {
  const clock = new ManualClock();
  let isBroken = true;
  const { post, fetched, received, counted, log } = await start(t, {
    clock,
    fetchCertificate: async () => {
      if (isBroken) throw new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND host') });
      return CERTIFICATE;
    },
  });
  const send = async (certificateUrl = CERTIFICATE_URL) => {
    const signing = { url: URL_OF_TARGET, body: BODY, timeMs: clock.now(), certificateUrl };
    return post({ body: BODY, headers: { host: HOST, ...signedHeaders(signing) } });
  };
  for (let count = 0; count < 12; count++) {
    const { status, headers } = await send(`${ORIGIN}/${count}.pem`);
    t.deepEqual([status, headers['retry-after']], [503, '1']);
  }
  t.is(fetched.length, 10);
  t.deepEqual(counted(), { refused: 12 });
  t.true(log.join('').includes('cannot be fetched: getaddrinfo ENOTFOUND host'));
  isBroken = false;
  await clock.advance(60_000);
  t.is((await send()).status, 204);
  t.is(received.length, 1);
});

for (const [what, text] of [
  ['no certificate', 'hello'],
  ['nothing', ''],
  ['one without an RSA key', undefined],
] as const) {
  test(`where a certificate is to be, ${what} is answered 503`, async (t) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = text ?? publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const { post, failures } = await start(t, { fetchCertificate: async () => pem });
    t.is((await post({ body: BODY, headers: { host: HOST, ...good() } })).status, 503);
    t.deepEqual(failures, []);
  });
}

test('a redirect is not followed', async (t) => {
  let visits = 0;
  const elsewhere = await startHttp(t, (_request, response) => {
    visits += 1;
    response.end(CERTIFICATE);
  });
  const host = await startHttp(t, (request, response) => {
    if (request.url === '/good.pem') response.end(CERTIFICATE);
    else response.writeHead(302, { location: `http://${elsewhere.host}/x.pem` }).end();
  });
  const origin = `http://${host.host}`;
  const { post } = await start(t, {
    fetchCertificate: (url) => fetchCertificate(url, 240_000),
    certificateOrigin: () => origin,
  });
  const statusOf = async (certificateUrl: string) => {
    const signed = signedHeaders({ url: URL_OF_TARGET, body: BODY, certificateUrl });
    return (await post({ body: BODY, headers: { host: HOST, ...signed } })).status;
  };
  t.is(await statusOf(`${origin}/moved.pem`), 503);
  t.is(await statusOf(`${origin}/good.pem`), 204);
  t.is(visits, 0);
});

test('a certificate that is far too large, or an error, is not read', async (t) => {
  const { host } = await startHttp(t, (request, response) => {
    if (request.url === '/gone') response.writeHead(404).end(CERTIFICATE);
    else response.end(Buffer.alloc(10_000_000, 'x'));
  });
  const fetchPatiently = (path: string) => fetchCertificate(`http://${host}${path}`, 240_000);
  await t.throwsAsync(fetchPatiently('/large'), { message: /at most 65536 bytes, found more/ });
  await t.throwsAsync(fetchPatiently('/gone'), { message: 'expected status 200, found 404' });
});

test('a host that does not answer is given up', async (t) => {
  const { host } = await startHttp(t, () => {});
  const { message } = await fetchCertificate(`http://${host}/x.pem`, 50).then(
    () => ({ message: '' }),
    (error) => error,
  );
  t.regex(message, /timeout/);
});
