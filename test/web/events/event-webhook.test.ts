// What the webhook takes, what it refuses, and what it costs the others.
import { once } from 'node:events';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { eventually } from '../../helpers/eventually.ts';
import { temporaryDirectory } from '../../helpers/exporter.ts';
import { ManualClock, settle } from '../../helpers/manual-clock.ts';
import { startRoutes } from '../../helpers/routes.ts';
import { HASH, startWebServer, TLS_FILES } from '../../helpers/web-server.ts';
import { BY_ENV, cloudEvent, post, scanCompleted, startWebhook, TOKEN } from '../../helpers/webhook.ts';

test('an event is answered 204 without a body, and taken', async (t) => {
  const { post, received, counted } = await startWebhook(t);
  const { status, body } = await post();
  t.deepEqual([status, body], [204, '']);
  t.deepEqual(
    received.map(({ instanceId, repository, tag }) => [instanceId, repository.id, tag]),
    [['cri-1', 'crr-1', 'latest']],
  );
  t.deepEqual(counted(), {}, 'the intake counts what it receives');
});

for (const type of [
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'application/json',
  'Application/JSON;charset=UTF-8',
  'application/json; charset="utf8"; profile=x',
]) {
  test(`events are taken as ${type}`, async (t) => {
    const { post, received } = await startWebhook(t);
    const body = JSON.stringify([cloudEvent(), cloudEvent({ id: 'other' })]);
    t.is((await post({ body, headers: { 'content-type': type } })).status, 204);
    t.is(received.length, 2);
  });
}

for (const headers of [
  { 'content-type': 'text/plain' },
  { 'content-type': undefined },
  { 'content-type': 'application/json2' },
  { 'content-type': 'application/xml, application/json' },
  { 'content-type': 'application/json; charset=latin1' },
  { 'content-encoding': 'gzip' },
  { 'content-encoding': 'deflate, identity' },
]) {
  test(`a body with ${JSON.stringify(headers)} is answered 415`, async (t) => {
    const { post, received, counted } = await startWebhook(t);
    t.is((await post({ headers })).status, 415);
    t.deepEqual(received, []);
    t.deepEqual(counted(), { invalid: 1 });
  });
}

for (const [what, token] of [
  ['no token', undefined],
  ['an empty token', ''],
  ['another token', 'token-of-others'],
  ['the beginning of the token', TOKEN.slice(0, -1)],
  ['the token and more', `${TOKEN}x`],
  ['the token in capitals', TOKEN.toUpperCase()],
  ['the token twice', [TOKEN, TOKEN]],
] as const) {
  test(`with ${what}, an event is answered 401`, async (t) => {
    const { post, received, counted, log } = await startWebhook(t);
    const headers = { 'x-eventbridge-signature-token': token === undefined ? undefined : [token].flat() };
    const { status, headers: answered, body } = await post({ headers });
    t.is(status, 401);
    t.is(answered['www-authenticate'], 'x-eventbridge-signature-token');
    t.deepEqual(received, []);
    t.deepEqual(counted(), { refused: 1 });
    t.false(`${body}${log.join('')}`.includes(TOKEN));
  });
}

test('a token in a header of another name is none', async (t) => {
  const { post } = await startWebhook(t);
  const headers = { 'x-eventbridge-signature-token': undefined, authorization: `Bearer ${TOKEN}` };
  t.is((await post({ headers })).status, 401);
});

test('a wrong token is answered before the body has come', async (t) => {
  const { port, counted } = await startWebhook(t);
  const socket = connect({ host: '127.0.0.1', port });
  t.teardown(() => socket.destroy());
  socket.write('POST /api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{');
  const [answer] = await once(socket, 'data');
  t.true(String(answer).startsWith('HTTP/1.1 401 '));
  t.deepEqual(counted(), { refused: 1 });
});

test('a client that sends its whole body before it reads sees why it is refused', async (t) => {
  // The rest of the body is awaited for as long as this clock stands.
  const { port, counted, failures } = await startWebhook(t, { clock: new ManualClock() });
  const socket = connect({ host: '127.0.0.1', port });
  const errors: Error[] = [];
  socket.on('error', (error) => errors.push(error));
  const closed = once(socket, 'close');
  let answer = '';
  socket.on('data', (part: Buffer) => {
    answer += part.toString();
  });
  socket.pause();
  socket.write('POST /api/v1/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n');
  await eventually('it is refused', () => counted().refused);
  for (let piece = 0; piece < 10; piece++) {
    await settle();
    socket.write(Buffer.alloc(100_000));
  }
  socket.resume();
  await closed;
  t.deepEqual(errors, []);
  t.regex(answer, /^HTTP\/1\.1 401 [\s\S]*\r\n\r\nUnauthorized: .* is missing\.\n$/);
  t.deepEqual(failures, []);
});

test('events that come on one connection without waiting for answers are answered in their order', async (t) => {
  const { port, received, failures } = await startWebhook(t);
  const requestOf = (id: string, token: string) => {
    // An empty line within a body is no end of a head.
    const body = scanCompleted({ id }).replace('{', '{\r\n\r\n');
    const head = `POST /api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nx-eventbridge-signature-token: ${token}`;
    return `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
  const tokens = [TOKEN, 'x', TOKEN, 'x', TOKEN];
  const bytes = Buffer.from(tokens.map((token, index) => requestOf(`id-${index}`, token)).join(''));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: bytes.length }), { maxLength: 6 }), async (cuts) => {
      const before = received.length;
      const socket = connect({ host: '127.0.0.1', port });
      let answer = '';
      socket.on('data', (part: Buffer) => {
        answer += part.toString();
      });
      const ends = [0, ...cuts.sort((one, other) => one - other), bytes.length];
      for (const [index, end] of ends.entries()) {
        socket.write(bytes.subarray(ends[index - 1] ?? 0, end));
        await settle();
      }
      const statuses = () => [...answer.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status);
      await eventually('all are answered', () => statuses().length === tokens.length || undefined);
      socket.destroy();
      t.deepEqual(statuses(), ['204', '401', '204', '401', '204']);
      await eventually('all are applied', () => received.length === before + 3 || undefined);
    }),
    { numRuns: 20 },
  );
  t.deepEqual(failures, []);
});

test('a body without an end is thrown away for some seconds, then its connection is closed', async (t) => {
  const clock = new ManualClock();
  const { port, counted } = await startWebhook(t, { clock });
  const socket = connect({ host: '127.0.0.1', port });
  socket.write('POST /api/v1/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n');
  await once(socket, 'data');
  const closed = once(socket.on('error', () => {}).resume(), 'close');
  await clock.advance(5_000);
  await closed;
  t.deepEqual(counted(), { refused: 1 });
});

test('a token in a file is read again when the file changes, and the old one is refused at once', async (t) => {
  const path = join(temporaryDirectory(t), 'token');
  const write = (text: string) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  write(`${TOKEN}\n`);
  const clock = new ManualClock(Date.now());
  const { post, log } = await startWebhook(t, { settings: { token: { from: 'file', path }, signature: false }, clock });
  const statusWith = async (token: string) =>
    (await post({ headers: { 'x-eventbridge-signature-token': token } })).status;
  t.is(await statusWith(TOKEN), 204);
  write('next-token');
  t.is(await statusWith('next-token'), 204, 'a token that is wrong makes the file be looked at');
  t.is(await statusWith(TOKEN), 401);
  write(TOKEN);
  await clock.advance(1_000);
  t.is(await statusWith('next-token'), 401, 'the old one is not right for longer than a second');
  t.is(await statusWith(TOKEN), 204);
  t.false(log.join('').includes('next-token'));
});

for (const [what, change, problem] of [
  ['gone', (path: string) => rmSync(path), 'found none'],
  ['empty', (path: string) => writeFileSync(path, '\n'), 'which is empty'],
  ['of two lines', (path: string) => writeFileSync(path, `${TOKEN}\n${TOKEN}`), 'found one with spaces, line breaks'],
] as const) {
  test(`while the file with the token is ${what}, events are answered 503, and the log says so once`, async (t) => {
    const path = join(temporaryDirectory(t), 'token');
    writeFileSync(path, TOKEN);
    const clock = new ManualClock(Date.now());
    const { post, log, received } = await startWebhook(t, {
      settings: { token: { from: 'file', path }, signature: false },
      clock,
    });
    change(path);
    await clock.advance(1_000);
    const answers = [await post(), await post({ headers: { 'x-eventbridge-signature-token': '' } }), await post()];
    t.deepEqual(
      answers.map(({ status, headers }) => [status, headers['retry-after']]),
      [
        [503, '1'],
        [503, '1'],
        [503, '1'],
      ],
    );
    const lines = log.filter((line) => line.includes('there is no token to compare theirs with'));
    t.is(lines.length, 1);
    t.true(lines[0]?.includes(problem), lines[0]);
    rmSync(path, { force: true });
    writeFileSync(path, TOKEN);
    t.is((await post()).status, 204);
    t.is(received.length, 1);
    t.is(log.filter((line) => line.includes('events are taken again')).length, 1);
  });
}

test('without the variable of its token, the webhook takes nothing', async (t) => {
  const { post, log } = await startWebhook(t, { env: {} });
  t.is((await post({ headers: { 'x-eventbridge-signature-token': '' } })).status, 503);
  t.true(log[0]?.includes('the environment variable TOKEN, which is not set'));
});

test('a body of 64 KiB is taken, one byte more is answered 413', async (t) => {
  const { post, received, counted } = await startWebhook(t);
  const fitting = scanCompleted().padEnd(64 * 1024, ' ');
  t.is((await post({ body: fitting })).status, 204);
  t.is((await post({ body: `${fitting} ` })).status, 413);
  const chunked = { 'content-length': undefined, 'transfer-encoding': 'chunked' };
  t.is((await post({ body: fitting, headers: chunked })).status, 204);
  t.is((await post({ body: `${fitting} `, headers: chunked })).status, 413);
  t.is(received.length, 2);
  t.deepEqual(counted(), { invalid: 2 });
});

for (const [what, headers] of [
  ['with its length', {}],
  ['in chunks', { 'content-length': undefined, 'transfer-encoding': 'chunked' }],
  ['with a wrong token', { 'x-eventbridge-signature-token': 'x' }],
] as const) {
  test(`the client of a body of 10 MB ${what} gets its answer, and the next one is served`, async (t) => {
    const { post, received, failures } = await startWebhook(t);
    const { status } = await post({ body: Buffer.alloc(10_000_000, ' '), headers });
    t.is(status, 'x-eventbridge-signature-token' in headers ? 401 : 413);
    t.is((await post()).status, 204);
    t.is(received.length, 1);
    t.deepEqual(failures, []);
  });
}

test('a body that comes slowly keeps nobody waiting, and is given up', async (t) => {
  const server = { limits: { headersTimeout: 5_000, requestTimeout: 5_000, connectionsCheckingInterval: 50 } };
  const { port, post, received, failures } = await startWebhook(t, { server });
  const socket = connect({ host: '127.0.0.1', port });
  let answer = '';
  socket.on('data', (part: Buffer) => {
    answer += part.toString();
  });
  socket.write(
    `POST /api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nx-eventbridge-signature-token: ${TOKEN}\r\nContent-Length: 1000\r\n\r\n`,
  );
  const drip = setInterval(() => socket.write(' '), 20);
  t.teardown(() => clearInterval(drip));
  const closed = once(
    socket.on('error', () => {}),
    'close',
  );
  t.is((await post()).status, 204);
  t.is((await post({ method: 'GET', path: '/metrics' })).status, 200);
  await closed;
  t.true(answer === '' || answer.startsWith('HTTP/1.1 408 '), answer);
  t.is(received.length, 1);
  t.deepEqual(failures, []);
});

test('a client that goes in the middle of a body is no error of the exporter', async (t) => {
  const { port, post, failures, counted } = await startWebhook(t);
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(
    `POST /api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nx-eventbridge-signature-token: ${TOKEN}\r\nContent-Length: 1000\r\n\r\n{`,
  );
  await once(socket, 'connect');
  await settle();
  socket.resetAndDestroy();
  t.is((await post()).status, 204);
  await settle();
  t.deepEqual(failures, []);
  t.deepEqual(counted(), {});
});

for (const [what, body] of [
  ['no JSON', '{"id":'],
  ['nothing', ''],
  ['not UTF-8', Buffer.from(scanCompleted().replace('latest', 'l\u00e4test'), 'latin1')],
  ['nested deeply', '['.repeat(30_000) + ']'.repeat(30_000)],
  ['an event in the prototype', `{"__proto__":${scanCompleted()}}`],
  ['data without the tag', JSON.stringify(cloudEvent({}, { Tag: undefined }))],
  ['an event in binary mode', JSON.stringify(cloudEvent().data)],
] as const) {
  test(`a body that is ${what} is answered 400 with the reason`, async (t) => {
    const { post, received, counted, failures } = await startWebhook(t);
    const { status, body: answer } = await post({ body });
    t.is(status, 400);
    t.regex(answer, /^Not an event.*expected .*\.\n$/);
    t.deepEqual(received, []);
    t.deepEqual(counted(), { invalid: 1 });
    t.deepEqual(failures, []);
  });
}

test('of a batch, what is an event is taken, and the rest is counted', async (t) => {
  const { post, received, counted } = await startWebhook(t);
  const batch = [cloudEvent(), {}, cloudEvent({ type: 'cr:Artifact:SigningCompleted' }), 7];
  t.is((await post({ body: JSON.stringify(batch) })).status, 204);
  t.is(received.length, 1);
  t.deepEqual(counted(), { invalid: 2, unwatched: 1 });
});

test('events of other types and sources are answered 204, so that they are not sent again', async (t) => {
  const { post, received, counted, labels } = await startWebhook(t);
  const body = scanCompleted({ type: 'cr:Artifact:BuildCompleted' });
  t.is((await post({ body })).status, 204);
  t.deepEqual(received, []);
  t.deepEqual(counted(), { unwatched: 1 });
  t.deepEqual(labels, [{ instanceId: '', type: '', channel: 'webhook', outcome: 'unwatched' }]);
});

for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
  test(`${method} is answered 405 with Allow where there is a webhook, and 404 where there is none`, async (t) => {
    const { post: send, counted } = await startWebhook(t);
    const handshake = { 'webhook-request-origin': 'eventemitter.example.com' };
    const { status, headers } = await send({ method, headers: handshake });
    t.is(status, 405);
    t.is(headers.allow, 'POST');
    t.is(headers['webhook-allowed-origin'], undefined);
    t.deepEqual(counted(), {});
    const { port } = await startRoutes(t);
    t.is((await post(port, { method })).status, 404);
    t.is((await post(port)).status, 404);
  });
}

test('a reload adds the webhook and takes it away', async (t) => {
  const { webhook, post } = await startWebhook(t);
  t.is((await post()).status, 204);
  webhook.configure(undefined, []);
  t.is((await post()).status, 404);
  webhook.configure(BY_ENV, []);
  t.is((await post()).status, 204);
});

test('a page of another site cannot send an event', async (t) => {
  const { post, received } = await startWebhook(t);
  t.is((await post({ headers: { origin: 'https://elsewhere.example' } })).status, 403);
  t.deepEqual(received, []);
});

test('a thousand events wait, more are answered 429, and none of those that were taken is lost', async (t) => {
  const clock = new ManualClock();
  const { post, received, counted } = await startWebhook(t, { clock });
  let next = 0;
  const batch = (count: number) => JSON.stringify(Array.from({ length: count }, () => small(`id-${next++}`)));
  const statuses: number[] = [];
  for (let round = 0; round < 12; round++) statuses.push((await post({ body: batch(100) })).status);
  // A hundred are applied at once, a thousand wait.
  t.deepEqual(statuses, [...Array(11).fill(204), 429]);
  t.is(received.length, 100);
  const { status, headers } = await post();
  t.deepEqual([status, headers['retry-after']], [429, '1']);
  t.deepEqual(counted(), { dropped: 2 });
  await clock.advance(50);
  t.is(received.length, 200);
  t.is((await post({ body: batch(101) })).status, 429, 'a batch is taken whole or not at all');
  t.is((await post({ body: batch(100) })).status, 204);
  await clock.advance(10_000);
  t.is(received.length, 1_200);
  t.is((await post()).status, 204);
  await eventually('the last one is applied', () => received.length === 1_201 || undefined);
});

test('in a second, no more than a bounded number of requests is looked at', async (t) => {
  const clock = new ManualClock();
  const { post, counted } = await startWebhook(t, { clock });
  const body = '{';
  const statuses = new Map<number, number>();
  for (let round = 0; round < 50; round++)
    for (const { status } of await Promise.all(Array.from({ length: 50 }, () => post({ body }))))
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
  t.deepEqual(Object.fromEntries(statuses), { 400: 2_000, 429: 500 });
  t.deepEqual(counted(), { invalid: 2_000, dropped: 500 });
  await clock.advance(1_000);
  t.is((await post({ body })).status, 400);
});

test('a webhook that is stopping answers 503, so that the event is sent again', async (t) => {
  const { post, stop, received, counted } = await startWebhook(t);
  stop();
  const { status, headers } = await post();
  t.deepEqual([status, headers['retry-after']], [503, '1']);
  t.deepEqual(received, []);
  t.deepEqual(counted(), { dropped: 1 });
});

test('a flood of refused events fills the log with one line a minute for each status', async (t) => {
  const clock = new ManualClock();
  const { post, log } = await startWebhook(t, { clock });
  const headers = { 'x-eventbridge-signature-token': 'x' };
  for (let count = 0; count < 5; count++) await post({ headers });
  const lines = () => log.filter((line) => line.includes('event not taken'));
  t.is(lines().length, 1);
  t.true(lines()[0]?.includes('reason="Unauthorized: x-eventbridge-signature-token is wrong."'), lines()[0]);
  t.true(lines()[0]?.includes('client=127.0.0.1'));
  await post({ body: '{' });
  t.true(lines()[1]?.includes('status=400'), 'another status is another matter');
  await clock.advance(60_000);
  await post({ headers });
  t.true(lines()[2]?.includes('status=401'), lines()[2]);
  t.true(lines()[2]?.includes('count=5'), lines()[2]);
});

test('an error of the exporter itself at one event does not keep the others back', async (t) => {
  const taken: string[] = [];
  const { post, failures } = await startWebhook(t, {
    receive: ({ id }) => {
      if (id === 'bad') throw new Error('broken');
      taken.push(id);
    },
  });
  const body = JSON.stringify(['a', 'bad', 'b'].map((id) => cloudEvent({ id })));
  t.is((await post({ body })).status, 204);
  t.deepEqual(taken, ['a', 'b']);
  t.deepEqual(
    failures.map((error) => String(error)),
    ['Error: broken'],
  );
});

const USERS = `basic_auth_users: { alice: ${HASH} }`;

test('the webhook asks for its token where all other paths ask for a password', async (t) => {
  const { webhook } = await startWebhook(t);
  const { port } = await startWebServer(t, USERS, undefined, { hasOwnProof: (request) => webhook.isFor(request) });
  const statusOf = async (path: string, method = 'POST') => (await post(port, { path, method })).status;
  for (const path of ['/api/v1/events', '/api/v1/events?a=b', 'http://exporter/api/v1/events', '/api/v1/events#x'])
    t.is(await statusOf(path), 200, path);
  t.is(await statusOf('/api/v1/events', 'GET'), 200, 'which the routes answer 405');
  for (const path of [
    '/',
    '/metrics',
    '/api/v1/targets',
    '/api/v1/targets?/api/v1/events',
    '/api/v1/events/',
    '/api/v1/events/../targets',
    '/api/v1/events%2f..%2ftargets',
    '//api/v1/events',
    '/API/v1/events',
    '/api/v1/event%73',
    'http://api/v1/events',
    '/metrics#/api/v1/events',
  ])
    t.is(await statusOf(path), 401, path);
  webhook.configure(undefined, []);
  t.is(await statusOf('/api/v1/events'), 401, 'without a webhook, its path is one of the others');
});

test('over TLS, an event needs its token and no password', async (t) => {
  const { ask, received } = await startWebhook(t, { webConfig: `${USERS}\ntls_server_config: { ${TLS_FILES} }` });
  const headers = { 'content-type': 'application/json', 'x-eventbridge-signature-token': TOKEN };
  const event = { method: 'POST', path: '/api/v1/events', body: scanCompleted() };
  t.is((await ask({ ...event, headers })).status, 204);
  t.is((await ask(event)).headers['www-authenticate'], 'x-eventbridge-signature-token');
  t.is((await ask({ path: '/metrics', headers })).headers['www-authenticate'], 'Basic');
  t.is(received.length, 1);
});

function small(id: string) {
  const data = { InstanceId: 'i', RepoId: 'r', Tag: 't' };
  return {
    id,
    source: 'acs.cr',
    specversion: '1.0',
    type: 'cr:Artifact:ScanCompleted',
    time: '2026-01-01T00:00:00Z',
    data,
  };
}

test('behind a prefix, the webhook asks for its token at its path with the prefix alone', async (t) => {
  const { webhook } = await startWebhook(t, { routePrefix: '/acr' });
  const { port } = await startWebServer(t, USERS, undefined, { hasOwnProof: (request) => webhook.isFor(request) });
  const statusOf = async (path: string) => (await post(port, { path })).status;
  t.is(await statusOf('/acr/api/v1/events'), 200);
  for (const path of ['/api/v1/events', '/acr/acr/api/v1/events', '/acr/', '/acr/metrics', '/acrapi/v1/events'])
    t.is(await statusOf(path), 401, path);
  const routes = await startWebhook(t, { routePrefix: '/acr' });
  t.is((await routes.post({ path: '/acr/api/v1/events' })).status, 204);
  t.is((await routes.post({ path: '/api/v1/events' })).status, 404);
});
