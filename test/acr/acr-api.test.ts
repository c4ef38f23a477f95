// The client against real sockets: what goes out, and what each way of failing becomes.
import { createHook } from 'node:async_hooks';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, get, type IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { type ApiErrorKind, credentialsUnavailable } from '../../src/acr/api-error.ts';
import { ErrorCodeLimiter } from '../../src/acr/error-code-limiter.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { startHttp, startTcp, startTls } from '../helpers/raw-server.ts';
import { failureOf, fixedCredentials, SECRET, scanAnswer, scanRequest, TOKEN, testApi } from './setup.ts';

type Canned = { readonly status?: number; readonly headers?: Record<string, string>; readonly body: unknown };

/** A server that always answers the same. Text is sent as it is, everything else as JSON. */
async function canned(t: ExecutionContext, { status = 200, headers = {}, body }: Canned): Promise<string> {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const { host } = await startHttp(t, (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  });
  return host;
}

async function failureFrom(t: ExecutionContext, answer: Canned) {
  return failureOf(testApi(await canned(t, answer)).getRepoTagScanStatus(scanRequest));
}

/** A server that writes this to every request and then does as `after` says. */
async function writes(t: ExecutionContext, head: string, after: (socket: Socket) => void): Promise<string> {
  const { host } = await startTcp(t, (socket) => {
    socket.once('data', () => socket.write(head, () => after(socket)));
  });
  return host;
}

/** The signature of a request without a body as the specification of `ACS3-HMAC-SHA256` has it, from what arrived. */
function expectedAuthorization(request: { readonly url: string; readonly headers: IncomingHttpHeaders }): string {
  const [, signed = ''] = /SignedHeaders=([^,]*)/.exec(request.headers.authorization ?? '') ?? [];
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...new URL(request.url, 'http://x').searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const lines = signed.split(';').map((name) => `${name}:${request.headers[name]}\n`);
  const emptyHash = createHash('sha256').update('').digest('hex');
  const canonical = ['POST', '/', query, lines.join(''), signed, emptyHash].join('\n');
  const toSign = `ACS3-HMAC-SHA256\n${createHash('sha256').update(canonical).digest('hex')}`;
  const signature = createHmac('sha256', SECRET).update(toSign).digest('hex');
  return `ACS3-HMAC-SHA256 Credential=LTAIexample,SignedHeaders=${signed},Signature=${signature}`;
}

/** A call of the SDK as it is, with its own settings. */
function bareCall(host: string): Promise<unknown> {
  const { default: core } = createRequire(import.meta.url)('@alicloud/openapi-core');
  const client = new core({ endpoint: host, protocol: 'HTTP', accessKeyId: 'LTAIexample', accessKeySecret: SECRET });
  const operation = {
    action: 'GetRepoTagScanStatus',
    version: '2018-12-01',
    pathname: '/',
    method: 'POST',
    style: 'RPC',
  };
  return client.callApi(
    { ...operation, protocol: 'HTTP', authType: 'AK', reqBodyType: 'formData', bodyType: 'json' },
    {},
    {},
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('a status request names everything that it was given, signed, and gives status, service and request id', async (t) => {
  const seen: { url: string; headers: IncomingHttpHeaders; method: string }[] = [];
  const { host } = await startHttp(t, ({ url = '', headers, method = '' }, response) => {
    seen.push({ url, headers, method });
    response.end(JSON.stringify(scanAnswer));
  });
  const answer = await testApi(host).getRepoTagScanStatus({ ...scanRequest, digest: 'sha256:a', scanTaskId: 'task 1' });
  t.deepEqual(answer, {
    status: 'complete',
    statusText: 'COMPLETE',
    requestId: 'BC648259-91A7-4502-BED3-EDF64361FA83',
    scanService: 'ACR_SCAN_SERVICE',
  });
  const [request] = seen;
  if (!request) return t.fail('no request');
  t.is(request.method, 'POST');
  t.deepEqual(Object.fromEntries(new URL(request.url, 'http://x').searchParams), {
    InstanceId: 'cri-1',
    RepoId: 'crr-1',
    Tag: 'v1.0',
    Digest: 'sha256:a',
    ScanTaskId: 'task 1',
  });
  t.is(request.headers['x-acs-action'], 'GetRepoTagScanStatus');
  t.is(request.headers['x-acs-version'], '2018-12-01');
  t.is(request.headers['x-acs-security-token'], TOKEN);
  t.is(request.headers.authorization, expectedAuthorization(request));
});

test('a repository can be asked for by id and by name', async (t) => {
  const asked: unknown[] = [];
  const { host } = await startHttp(t, ({ url = '' }, response) => {
    asked.push(Object.fromEntries(new URL(url, 'http://x').searchParams));
    const names = { RepoId: 'crr-1', RepoName: 'api', RepoNamespaceName: 'shop' };
    response.end(JSON.stringify({ ...names, IsSuccess: true, Code: 'success', RequestId: 'R-1' }));
  });
  const api = testApi(host);
  const expected = { repoId: 'crr-1', repoName: 'api', repoNamespaceName: 'shop', requestId: 'R-1' };
  t.deepEqual(await api.getRepository({ instanceId: 'cri-1', repoId: 'crr-1' }), expected);
  const byName = { instanceId: 'cri-1', repoNamespaceName: 'shop', repoName: 'api' };
  t.deepEqual(await api.getRepository(byName), expected);
  t.deepEqual(asked, [
    { InstanceId: 'cri-1', RepoId: 'crr-1' },
    { InstanceId: 'cri-1', RepoNamespaceName: 'shop', RepoName: 'api' },
  ]);
});

test('without credentials nothing is sent, and the error says why there are none', async (t) => {
  const { host, connections } = await startHttp(t, (_, response) => response.end('{}'));
  const unavailable = () => credentialsUnavailable('no credentials from sts: the file /run/token is empty');
  const api = testApi(host, { credentials: { ...fixedCredentials(), current: () => undefined, unavailable } });
  const error = await failureOf(api.getRepoTagScanStatus(scanRequest));
  t.like(error, {
    code: 'CredentialsUnavailable',
    kind: 'refused',
    message: 'no credentials from sts: the file /run/token is empty',
  });
  t.is(connections(), 0);
});

const apiErrors = [
  ['Throttling.User', 400, 'throttled'],
  ['Throttling.Api', 503, 'throttled'],
  ['Throttling', 400, 'throttled'],
  ['Rejected.Throttling', 400, 'throttled'],
  ['Rejected.Throttling', 403, 'throttled'],
  ['InnerThrottlingControl', 200, 'throttled'],
  ['SomethingElse', 429, 'throttled'],
  ['NoPrivilege', 403, 'denied'],
  ['Forbidden.RAM', 403, 'denied'],
  ['Forbidden.RAM', 400, 'denied'],
  ['NoPermission', 403, 'denied'],
  ['UserDisable', 401, 'denied'],
  ['REPO_NOT_EXIST', 403, 'denied'],
  ['InvalidSecurityToken.Malformed', 403, 'refused'],
  ['InvalidAccessKeyId.NotFound', 404, 'refused'],
  ['InvalidAccessKeyId.Inactive', 400, 'refused'],
  ['SignatureDoesNotMatch', 400, 'refused'],
  ['IncompleteSignature', 400, 'refused'],
  ['InvalidSecurityToken.Expired', 400, 'refused'],
  ['InvalidTimeStamp.Expired', 400, 'refused'],
  ['SystemError', 500, 'transport'],
  ['ServiceUnavailable', 503, 'transport'],
  ['InternalError', 200, 'transport'],
  ['Whatever', 500, 'transport'],
  ['InvalidAction.NotFound', 404, 'transport'],
  ['InvalidAction.NotFound', 200, 'transport'],
  ['REPO_NOT_EXIST', 404, 'answered'],
  ['MissingTag', 400, 'answered'],
] as const;

for (const [code, status, kind] of apiErrors) {
  test(`${code} with HTTP ${status} is ${kind}`, async (t) => {
    const body = { Code: code, Message: 'Words for people.', RequestId: 'R-1', HostId: 'cr' };
    const error = await failureFrom(t, { status, body: status === 200 ? { ...body, IsSuccess: false } : body });
    t.is(error.code, code);
    t.is(error.kind, kind);
    t.is(error.requestId, 'R-1');
    t.is(error.message, `HTTP ${status}: Words for people.`);
    t.is(error.retryAfterMs, undefined);
  });
}

test('only refused credentials are reported to their source, with those that were used', async (t) => {
  const credentials = fixedCredentials();
  const refusal = await canned(t, { status: 400, body: { Code: 'SignatureDoesNotMatch' } });
  await failureOf(testApi(refusal, { credentials }).getRepoTagScanStatus(scanRequest));
  const denial = await canned(t, { status: 403, body: { Code: 'NoPrivilege' } });
  await failureOf(testApi(denial, { credentials }).getRepoTagScanStatus(scanRequest));
  t.deepEqual(credentials.refusals, [credentials.current()]);
});

const withoutCode: readonly (readonly [string, Canned, string, ApiErrorKind])[] = [
  ['429 without a code', { status: 429, body: {} }, 'HttpStatus_429', 'throttled'],
  ['429 without a body', { status: 429, body: '' }, 'HttpStatus_429', 'throttled'],
  ['503 without a code', { status: 503, body: 'busy' }, 'HttpStatus_503', 'throttled'],
  ['502 with HTML', { status: 502, body: '<html><body>Bad Gateway</body></html>' }, 'HttpStatus_502', 'transport'],
  ['500 without a body', { status: 500, body: '' }, 'HttpStatus_500', 'transport'],
  ['401 without a code', { status: 401, body: '' }, 'HttpStatus_401', 'denied'],
  ['403 with HTML', { status: 403, body: '<html>Blocked</html>' }, 'HttpStatus_403', 'denied'],
  ['400 with null', { status: 400, body: null }, 'HttpStatus_400', 'transport'],
  ['400 with a code that is a number', { status: 400, body: { Code: 5 } }, 'HttpStatus_400', 'transport'],
  ['400 with an empty code', { status: 400, body: { Code: '' } }, 'HttpStatus_400', 'transport'],
  [
    '404 with XML',
    { status: 404, headers: { 'content-type': 'text/xml;charset=utf-8' }, body: '<Error><Code>X</Code></Error>' },
    'HttpStatus_404',
    'transport',
  ],
  [
    '500 with compressed bytes',
    { status: 500, headers: { 'content-encoding': 'gzip' }, body: Buffer.alloc(30) },
    'HttpStatus_500',
    'transport',
  ],
  [
    '400 with a code and 2 MiB of spaces',
    { status: 400, body: `{"Code":"NoPrivilege"}${' '.repeat(2 * 1024 * 1024)}` },
    'HttpStatus_400',
    'transport',
  ],
  ['302 with HTML', { status: 302, body: '<html></html>' }, 'InvalidResponse', 'transport'],
  ['200 without a body', { body: '' }, 'InvalidResponse', 'transport'],
  ['200 with half a JSON', { body: '{"Status":"COMPLE' }, 'InvalidResponse', 'transport'],
  ['200 with null', { body: null }, 'InvalidResponse', 'transport'],
  ['200 with a list', { body: [scanAnswer] }, 'InvalidResponse', 'transport'],
  ['200 with a number', { body: 7 }, 'InvalidResponse', 'transport'],
  ['200 with IsSuccess false and no code', { body: { IsSuccess: false } }, 'InvalidResponse', 'transport'],
  [
    '200 with IsSuccess false and the code success',
    { body: { ...scanAnswer, IsSuccess: false } },
    'InvalidResponse',
    'transport',
  ],
  ['200 without a status that does not say success', { body: { RequestId: 'R' } }, 'InvalidResponse', 'transport'],
  ['200 with an empty status that does not say success', { body: { Status: '' } }, 'InvalidResponse', 'transport'],
  ['200 with a status that is a number', { body: { ...scanAnswer, Status: 5 } }, 'InvalidResponse', 'transport'],
];

test('a success without a status is an answer: the image is not scanned', async (t) => {
  for (const Status of [undefined, null, '']) {
    const host = await canned(t, { body: { ...scanAnswer, Status } });
    const body = await testApi(host).getRepoTagScanStatus(scanRequest);
    t.is(body.status, 'not_scanned', String(Status));
    t.is(body.statusText, '', String(Status));
    t.not(body.requestId, '');
  }
});

for (const [title, answer, code, kind] of withoutCode) {
  test(`${title} is ${code}, ${kind}`, async (t) => {
    const error = await failureFrom(t, answer);
    t.is(error.code, code);
    t.is(error.kind, kind);
  });
}

test('HTTP 200 with another code than success and no IsSuccess is that error', async (t) => {
  const error = await failureFrom(t, { body: { ...scanAnswer, IsSuccess: undefined, Code: 'TAG_NOT_EXIST' } });
  t.is(error.code, 'TAG_NOT_EXIST');
  t.is(error.kind, 'answered');
});

test('an answer whose IsSuccess is true is a success whatever its code', async (t) => {
  const host = await canned(t, { body: { ...scanAnswer, Code: '200' } });
  t.is((await testApi(host).getRepoTagScanStatus(scanRequest)).status, 'complete');
});

test('a repository without an id or with a name of another type is an invalid response', async (t) => {
  const names = { RepoId: 'crr-1', RepoName: 'api', RepoNamespaceName: 'shop' };
  for (const wrong of [
    { RepoId: undefined },
    { RepoName: 3 },
    { RepoNamespaceName: '' },
    { RepoName: 'n'.repeat(256) },
  ]) {
    const host = await canned(t, { body: { ...names, ...wrong, IsSuccess: true } });
    const error = await failureOf(testApi(host).getRepository({ instanceId: 'cri-1', repoId: 'crr-1' }));
    t.is(error.code, 'InvalidResponse');
  }
});

test('each status of the API has its meaning, written exactly so', async (t) => {
  const meanings = [
    ['SCANNING', 'scanning'],
    ['RETRYING', 'retrying'],
    ['COMPLETE', 'complete'],
    ['FAILED', 'failed'],
    ['NOT_SCANNED', 'unknown'],
    ['scanning', 'unknown'],
    ['QUEUED', 'unknown'],
  ] as const;
  for (const [Status, status] of meanings) {
    const host = await canned(t, { body: { ...scanAnswer, Status } });
    const body = await testApi(host).getRepoTagScanStatus(scanRequest);
    t.is(body.status, status);
    t.is(body.statusText, Status);
  }
});

test('a status that is not known is passed on, on one line and not longer than 64 characters', async (t) => {
  const host = await canned(t, {
    body: { ...scanAnswer, Status: `PAUSED\n${'x'.repeat(1000)}`, ScanService: undefined },
  });
  const body = await testApi(host).getRepoTagScanStatus(scanRequest);
  t.is(body.status, 'unknown');
  t.is(body.statusText, `PAUSED ${'x'.repeat(56)}…`);
  t.is(body.scanService, '');
});

test('x-acs-retry-after counts whatever the body is, when it is a number', async (t) => {
  const cases = [
    ['1500', 1500],
    ['0', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['', undefined],
    ['1e3', undefined],
  ] as const;
  for (const [header, expected] of cases) {
    for (const body of ['', '<html>', { Code: 'Throttling.User' }]) {
      const error = await failureFrom(t, { status: 429, headers: { 'x-acs-retry-after': header }, body });
      t.is(error.retryAfterMs, expected, `${header} with ${JSON.stringify(body)}`);
    }
  }
});

test('secrets that the API echoes are neither in the message nor in the code nor in the request id', async (t) => {
  const echo = `signature is wrong, ${TOKEN} ${encodeURIComponent(TOKEN)} ${SECRET}\nserver string to sign is:${TOKEN.slice(0, 20)}`;
  const error = await failureFrom(t, { status: 400, body: { Code: `X.${SECRET}`, Message: echo, RequestId: SECRET } });
  t.is(error.code, 'other');
  t.is(error.requestId, '');
  t.notRegex(error.message, /CAIS|sEcReT/);
  t.true(error.message.startsWith('HTTP 400 X.[redacted]: signature is wrong, [redacted]'), error.message);
});

test('a message is one line of at most 300 characters', async (t) => {
  const error = await failureFrom(t, {
    status: 400,
    body: { Code: 'X', Message: `a\r\n\tb\u2028${'c'.repeat(5000)}` },
  });
  t.true(error.message.startsWith('HTTP 400: a b ccc'));
  t.is(error.message.length, 300);
});

test('more than 100 different codes are other, but keep their meaning', async (t) => {
  let count = 0;
  const { host } = await startHttp(t, (_, response) => {
    count += 1;
    response.writeHead(400).end(JSON.stringify({ Code: count > 100 ? `Throttling.X${count}` : `Code${count}` }));
  });
  const api = testApi(host, { errorCodes: new ErrorCodeLimiter(new Redactor()) });
  const codes: string[] = [];
  for (let sent = 0; sent < 100; sent += 1) codes.push((await failureOf(api.getRepoTagScanStatus(scanRequest))).code);
  t.is(new Set(codes).size, 100);
  t.false(codes.includes('other'));
  const beyond = await failureOf(api.getRepoTagScanStatus(scanRequest));
  t.is(beyond.code, 'other');
  t.is(beyond.kind, 'throttled');
});

test('of a body of 50 MB little is read, the connection is closed, and the next request is answered', async (t) => {
  const total = 50 * 1024 * 1024;
  let requests = 0;
  let sent = 0;
  const closed: Promise<unknown>[] = [];
  const { host } = await startHttp(t, (request, response) => {
    requests += 1;
    if (requests > 1) return response.end(JSON.stringify(scanAnswer));
    closed.push(new Promise((resolve) => request.socket.once('close', resolve)));
    response.writeHead(200, { 'content-length': total });
    const chunk = Buffer.alloc(64 * 1024, ' ');
    const more = () => {
      while (!response.destroyed && sent < total) {
        sent += chunk.length;
        if (!response.write(chunk)) return response.once('drain', more);
      }
      return response;
    };
    return more();
  });
  const api = testApi(host);
  const error = await failureOf(api.getRepoTagScanStatus(scanRequest));
  t.is(error.code, 'InvalidResponse');
  t.regex(error.message, /more than 1048576 bytes/);
  await Promise.all(closed);
  t.true(sent < 10 * 1024 * 1024, `${sent} bytes were taken`);
  t.is((await api.getRepoTagScanStatus(scanRequest)).status, 'complete');
});

test('a body of exactly 1 MiB is read', async (t) => {
  const text = JSON.stringify(scanAnswer);
  const host = await canned(t, { body: text + ' '.repeat(1024 * 1024 - text.length) });
  t.is((await testApi(host).getRepoTagScanStatus(scanRequest)).status, 'complete');
  const larger = await canned(t, { body: text + ' '.repeat(1024 * 1024 - text.length + 1) });
  t.is((await failureOf(testApi(larger).getRepoTagScanStatus(scanRequest))).code, 'InvalidResponse');
});

test('an answer that is compressed without being asked for is not unpacked', async (t) => {
  const error = await failureFrom(t, { headers: { 'content-encoding': 'gzip' }, body: Buffer.alloc(1000) });
  t.is(error.code, 'InvalidResponse');
  t.regex(error.message, /gzip/);
});

test('a refused connection is ConnectionRefused, also by each address of a host', async (t) => {
  const port = await freePort();
  for (const name of ['127.0.0.1', 'localhost']) {
    const error = await failureOf(testApi(`${name}:${port}`).getRepoTagScanStatus(scanRequest));
    t.is(error.code, 'ConnectionRefused');
    t.is(error.kind, 'transport');
    t.regex(error.message, /ECONNREFUSED/);
    t.notRegex(error.message, /InstanceId/);
  }
});

const resets: readonly (readonly [string, string, (socket: Socket) => void])[] = [
  ['a reset before the head', '', (socket) => socket.resetAndDestroy()],
  ['a close before the head', '', (socket) => socket.end()],
  ['a reset in the body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"Sta', (socket) => socket.resetAndDestroy()],
  ['a close in the body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"Sta', (socket) => socket.end()],
  ['a close in a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"Sta', (socket) => socket.end()],
];

for (const [title, head, after] of resets) {
  test(`${title} is ConnectionReset`, async (t) => {
    const host = await writes(t, head, after);
    const error = await failureOf(testApi(host).getRepoTagScanStatus(scanRequest));
    t.is(error.code, 'ConnectionReset');
    t.is(error.kind, 'transport');
  });
}

test('an answer that ends with its connection is read', async (t) => {
  const host = await writes(t, `HTTP/1.1 200 OK\r\n\r\n${JSON.stringify(scanAnswer)}`, (socket) => socket.end());
  t.is((await testApi(host).getRepoTagScanStatus(scanRequest)).status, 'complete');
});

const hangs = [
  ['before the head', ''],
  ['in the head', 'HTTP/1.1 200 OK\r\ncontent-len'],
  ['in the body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"Sta'],
] as const;

for (const [title, head] of hangs) {
  test(`a hang ${title} is RequestTimeout at the deadline, and the server sees the connection closed`, async (t) => {
    let noticed = () => {};
    const closed = new Promise<void>((resolve) => {
      noticed = resolve;
    });
    const { host } = await startTcp(t, (socket) => {
      socket.once('data', () => socket.write(head));
      socket.once('close', noticed);
    });
    const error = await failureOf(testApi(host, { requestTimeoutMs: 150 }).getRepoTagScanStatus(scanRequest));
    t.is(error.code, 'RequestTimeout');
    t.is(error.kind, 'transport');
    t.is(error.message, 'no whole answer within 150 ms');
    await closed;
  });
}

test('a server that drips its answer is cut off at the deadline', async (t) => {
  const { host } = await startHttp(t, (_, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write(' '), 20);
    response.once('close', () => clearInterval(drip));
  });
  const error = await failureOf(testApi(host, { requestTimeoutMs: 150 }).getRepoTagScanStatus(scanRequest));
  t.is(error.code, 'RequestTimeout');
});

test('a slow answer is waited for beyond what the HTTP layer by itself waits', async (t) => {
  let released: Promise<unknown> | undefined;
  const { host } = await startHttp(t, async (_, response) => {
    if (released !== undefined) return;
    // A bare call that is sent later and never answered: when it is given up, ours has waited for longer.
    released = t.throwsAsync(bareCall(host), { message: /ReadTimeout/ });
    await released;
    response.end(JSON.stringify(scanAnswer));
  });
  t.is((await testApi(host).getRepoTagScanStatus(scanRequest)).status, 'complete');
});

test('a host that does not exist is DnsFailure', async (t) => {
  const error = await failureOf(testApi('registry.invalid').getRepoTagScanStatus(scanRequest));
  t.is(error.code, 'DnsFailure');
  t.is(error.kind, 'transport');
});

test('a certificate of an unknown issuer is TlsFailure', async (t) => {
  const { host } = await startTls(t, () => {});
  const error = await failureOf(testApi(host, { protocol: 'https' }).getRepoTagScanStatus(scanRequest));
  t.is(error.code, 'TlsFailure');
  t.regex(error.message, /self-signed certificate/);
});

test('a server without TLS is TlsFailure over HTTPS', async (t) => {
  const { host } = await startTcp(t, (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad\r\n\r\n')));
  const error = await failureOf(testApi(host, { protocol: 'https' }).getRepoTagScanStatus(scanRequest));
  t.is(error.code, 'TlsFailure');
});

test('what is not HTTP is NetworkError', async (t) => {
  const host = await writes(t, 'SSH-2.0-OpenSSH_9.9\r\n', () => {});
  t.is((await failureOf(testApi(host).getRepoTagScanStatus(scanRequest))).code, 'NetworkError');
});

test('one connection serves requests that follow each other, each with a nonce of its own', async (t) => {
  const nonces = new Set<unknown>();
  const { host, connections } = await startHttp(t, ({ headers }, response) => {
    nonces.add(headers['x-acs-signature-nonce']);
    response.end(JSON.stringify(scanAnswer));
  });
  const api = testApi(host);
  for (let sent = 0; sent < 20; sent += 1) await api.getRepoTagScanStatus(scanRequest);
  t.is(connections(), 1);
  t.is(nonces.size, 20);
});

test('a failure is neither retried nor in the way of the requests beside it', async (t) => {
  let failed = 0;
  const { host } = await startHttp(t, (request, response) => {
    if (!request.url?.includes('Tag=bad')) return response.end(JSON.stringify(scanAnswer));
    failed += 1;
    return response.socket?.destroy();
  });
  const api = testApi(host);
  const tags = ['good', 'bad', 'good', 'bad'];
  const outcomes = await Promise.allSettled(tags.map((tag) => api.getRepoTagScanStatus({ ...scanRequest, tag })));
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected'],
  );
  t.is(failed, 2);
});

test('the proxies of the environment are ignored', async (t) => {
  const proxy = await startHttp(t, (_, response) => response.writeHead(500).end());
  for (const name of ['ALIBABA_CLOUD_HTTP_PROXY', 'ALIBABA_CLOUD_HTTPS_PROXY', 'HTTP_PROXY', 'http_proxy']) {
    process.env[name] = `http://${proxy.host}`;
    t.teardown(() => {
      delete process.env[name];
    });
  }
  const host = await canned(t, { body: scanAnswer });
  t.is((await testApi(host).getRepoTagScanStatus(scanRequest)).status, 'complete');
  t.is(proxy.connections(), 0);
});

test('other requests of the process are left alone up to the bound of every answer', async (t) => {
  const body = 'x'.repeat(1024 * 1024);
  const { host } = await startHttp(t, (request, response) => {
    response.end(request.headers['x-acs-action'] ? JSON.stringify(scanAnswer) : body);
  });
  const other = new Promise<number>((resolve, reject) => {
    get(`http://${host}/`, (response) => {
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
      });
      response.on('end', () => resolve(size));
    }).on('error', reject);
  });
  await testApi(host).getRepoTagScanStatus(scanRequest);
  t.is(await other, body.length);
});

test.serial('a call leaves no timer behind, answered or not', async (t) => {
  const timers = new Map<number, string>();
  const hook = createHook({
    init: (id, type) => type === 'Timeout' && timers.set(id, new Error('started').stack ?? ''),
    destroy: (id) => timers.delete(id),
  });
  const { host } = await startHttp(t, (request, response) => {
    if (request.url?.includes('Tag=bad')) response.socket?.destroy();
    else if (!request.url?.includes('Tag=late')) response.end(JSON.stringify(scanAnswer));
  });
  const api = testApi(host, { requestTimeoutMs: 200 });
  hook.enable();
  for (const tag of ['good', 'bad', 'good', 'late', 'good']) {
    await api.getRepoTagScanStatus({ ...scanRequest, tag }).catch(() => {});
  }
  const ours = () => [...timers.values()].filter((stack) => /httpx|http-transport/.test(stack));
  // The end of a timer is reported within some turns of the event loop. One that is left behind stays for seconds.
  for (let turn = 0; turn < 1_000 && ours().length > 0; turn += 1) await setImmediate();
  hook.disable();
  t.deepEqual(ours(), []);
});
