// Events on their way to a webhook: what is sent, how it is signed, and what goes wrong as the scenario says.
import { verify, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { LoggedEvent } from '../../src/simulator/event-log.ts';
import type { DeliveryInput } from '../../src/simulator/event-settings.ts';
import type { ScenarioInput } from '../../src/simulator/scenario.ts';
import { eventually } from '../helpers/eventually.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { exchange, json, start } from './clients.ts';

type Received = { readonly headers: IncomingHttpHeaders; readonly body: string };
type Webhook = { readonly to: string; readonly received: readonly Received[]; status: number };

/** A webhook that answers with the `status` that it has at that time. */
async function webhook(t: ExecutionContext): Promise<Webhook> {
  const received: Received[] = [];
  const found = { to: '', received, status: 204 };
  // An idle connection that closes as it is used again would cost a delivery an attempt.
  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(found.status).end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close().closeAllConnections());
  found.to = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/events?from=acr`;
  return found;
}

/** Tags whose scans end one after the other, one a second. */
function scenario(events?: DeliveryInput, count = 3): ScenarioInput {
  const tags = Array.from({ length: count }, (_, index) => ({
    tag: `v${index + 1}`,
    vulnerabilities: { high: 1, medium: 2, low: 3, unknown: 4 },
    timeline: [{ status: 'SCANNING', for: `${index + 1}s` }, { status: 'COMPLETE' }],
  }));
  return {
    instances: [{ id: 'cri-1', repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }] }],
    ...(events && { events }),
  };
}

/** Lets time pass in steps, and what is sent in each be answered in it. */
async function pass(
  simulator: { events(): readonly LoggedEvent[] },
  clock: ManualClock,
  seconds: number,
): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await clock.advance(1_000);
    await ended(simulator, 0);
  }
}

/** Waits until there were so many attempts to deliver events, and none is under way. */
async function ended(
  simulator: { events(): readonly LoggedEvent[] },
  attempts: number,
): Promise<readonly LoggedEvent[]> {
  return eventually(`${attempts} attempts have ended`, () => {
    const events = simulator.events();
    const made = events.flatMap(({ deliveries }) => deliveries).flatMap(({ attempts }) => attempts);
    return made.length >= attempts && made.every(({ endedAtMs }) => endedAtMs !== null) ? events : undefined;
  });
}

test('the end of a scan is sent at once as a CloudEvent with the fields of the real ones', async (t) => {
  const { to, received } = await webhook(t);
  const clock = new ManualClock(Date.parse('2026-03-01T12:00:00.500Z'));
  const { simulator } = await start(t, { scenario: scenario({ to }), clock });
  await clock.advance(1_000);
  const [event] = await ended(simulator, 1);
  t.like(received[0]?.headers, { 'content-type': 'application/cloudevents+json; charset=utf-8' });
  const body = JSON.parse(received[0]?.body ?? '');
  t.like(body, {
    id: event?.id,
    source: 'acs.cr',
    specversion: '1.0',
    type: 'cr:Artifact:ScanCompleted',
    time: '2026-03-01T20:00:01+08:00',
    aliyuneventbusname: 'default',
  });
  const { ImageUpdate, ...data } = body.data;
  t.deepEqual(data, {
    RegionId: 'cn-hangzhou',
    InstanceId: 'cri-1',
    InstanceName: 'cri-1',
    RepoId: 'crr-1',
    RepoNamespaceName: 'shop',
    RepoName: 'api',
    Tag: 'v1',
    Status: 'COMPLETE',
    HighSeverity: 1,
    MediumSeverity: 2,
    LowSeverity: 3,
    UnknownSeverity: 4,
    TotalSeverity: 10,
  });
  t.regex(ImageUpdate, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  t.deepEqual(event?.deliveries, [
    { attempts: [{ sentAtMs: clock.now(), endedAtMs: clock.now(), httpStatus: 204, error: null }] },
  ]);
});

test('a push is sent without a status, then the scan that it starts', async (t) => {
  const { to, received } = await webhook(t);
  const clock = new ManualClock();
  const { simulator } = await start(t, {
    scenario: { ...scenario({ to }, 0), scan: { duration: '7s', retry_share: 0 } },
    clock,
  });
  simulator.pushTag('cri-1', 'crr-1', 'new');
  await clock.advance(0);
  await ended(simulator, 1);
  await clock.advance(7_000);
  await ended(simulator, 2);
  const [push, scan] = received.map(({ body }) => JSON.parse(body));
  t.is(push.type, 'cr:Artifact:PushCompleted');
  t.deepEqual(Object.keys(push.data).sort(), [
    'InstanceId',
    'RegionId',
    'RepoId',
    'RepoName',
    'RepoNamespaceName',
    'Tag',
  ]);
  t.is(scan.type, 'cr:Artifact:ScanCompleted');
  t.is(Date.parse(scan.time) - Date.parse(push.time), 7_000);
});

test('a delivery carries the token, and signature v2 under the key of the certificate that the simulator serves', async (t) => {
  const { to, received } = await webhook(t);
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { scenario: scenario({ to, token: 'my-token' }), clock });
  await clock.advance(1_000);
  await ended(simulator, 1);
  const { headers = {}, body = '' } = received[0] ?? {};
  t.is(headers['x-eventbridge-signature-token'], 'my-token');
  t.is(headers['x-eventbridge-signature-timestamp'], String(clock.now()));
  const url = String(headers['x-eventbridge-signature-url']);
  t.is(url, `http://${address}/_sim/certificate.pem`);
  const certificate = new X509Certificate(await (await fetch(url)).text());
  t.true(certificate.verify(certificate.publicKey));
  t.is(certificate.subject, 'CN=acr-simulator');
  t.true(Date.parse(certificate.validFrom) < Date.now() && Date.now() < Date.parse(certificate.validTo));
  const text = (sentTo: string) => `${sentTo}
x-eventbridge-signature-timestamp: ${clock.now()}
x-eventbridge-hash-method: SHA256
x-eventbridge-signature-version: 1.0
x-eventbridge-signature-url: ${url}
x-eventbridge-signature-token: my-token
${body}`;
  const signature = Buffer.from(String(headers['x-eventbridge-signature-v2']), 'base64');
  t.true(verify('sha256', Buffer.from(text(to)), certificate.publicKey, signature));
  t.false(verify('sha256', Buffer.from(text(`${to}&`)), certificate.publicKey, signature));
});

test('an answer other than 2xx is followed by three more attempts, each 10 to 20 s after the last', async (t) => {
  const hook = await webhook(t);
  hook.status = 503;
  const clock = new ManualClock();
  const { simulator } = await start(t, { scenario: scenario({ to: hook.to }, 1), clock });
  await clock.advance(1_000);
  await pass(simulator, clock, 100);
  const [event] = await ended(simulator, 4);
  const attempts = event?.deliveries[0]?.attempts ?? [];
  t.deepEqual(
    attempts.map(({ httpStatus }) => httpStatus),
    [503, 503, 503, 503],
  );
  for (const [index, { sentAtMs }] of attempts.slice(1).entries()) {
    const waitMs = sentAtMs - (attempts[index]?.sentAtMs ?? 0);
    t.true(waitMs >= 10_000 && waitMs <= 20_000, String(waitMs));
  }
  t.is(new Set(hook.received.map(({ body }) => body)).size, 1);
  const stamps = hook.received.map(({ headers }) => headers['x-eventbridge-signature-timestamp']);
  t.is(new Set(stamps).size, 4, 'each attempt is signed anew');
});

test('an attempt that finds no server is logged with the code of the error, and tried again', async (t) => {
  const { to, received } = await webhook(t);
  const clock = new ManualClock();
  const { simulator } = await start(t, { scenario: scenario({ to: 'http://127.0.0.1:1/' }, 1), clock });
  await clock.advance(1_000);
  const [event] = await ended(simulator, 1);
  t.like(event?.deliveries[0]?.attempts[0], { httpStatus: null });
  t.regex(event?.deliveries[0]?.attempts[0]?.error ?? '', /^[A-Za-z]\w+$/);
  simulator.setEvents({ to });
  await clock.advance(20_000);
  await eventually('the second attempt arrives without a look at the log', () => received.length > 0 || undefined);
  t.is(received.length, 1);
});

test('shares of events are lost, doubled and late, the same ones for the same seed', async (t) => {
  const becoming = async (seed: number) => {
    const { to, received } = await webhook(t);
    const clock = new ManualClock();
    const events = {
      to,
      loss: 0.2,
      duplicates: 0.2,
      reorder: 0.2,
      reorder_by: { min: '1m', max: '5m' },
      delay: '100ms',
    };
    const { simulator } = await start(t, { scenario: scenario(events, 120), seed, clock });
    await pass(simulator, clock, 450);
    const log = simulator.events();
    t.is(received.length, log.flatMap(({ deliveries }) => deliveries).length);
    return { log, times: received.map(({ body }) => Date.parse(JSON.parse(body).time)) };
  };
  const { log, times } = await becoming(1);
  const share = (count: number) => count / log.length;
  const isLate = (event: LoggedEvent) =>
    event.deliveries.some(({ attempts: [first] }) => (first?.sentAtMs ?? 0) - event.happenedAtMs > 59_000);
  const shares = [
    share(log.filter(({ isLost }) => isLost).length),
    share(log.filter(({ deliveries }) => deliveries.length === 2).length),
    share(log.filter(isLate).length),
  ];
  for (const found of shares) t.true(found > 0.1 && found < 0.3, shares.join(' '));
  t.true(log.every(({ isLost, deliveries }) => isLost === (deliveries.length === 0)));
  const overtaken = times.filter((time, index) => index > 0 && time < (times[index - 1] ?? 0)).length;
  t.true(overtaken > 5, String(overtaken));
  const fate = ({ log }: { log: readonly LoggedEvent[] }) =>
    log.map(({ isLost, deliveries }) => [isLost, deliveries.length]);
  t.deepEqual(fate(await becoming(1)), fate({ log }));
  t.notDeepEqual(fate(await becoming(2)), fate({ log }));
});

test('delivery is set up, changed and ended over HTTP, and the log of events is paged', async (t) => {
  const { to, received } = await webhook(t);
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { scenario: scenario(undefined, 4), clock });
  const put = async (body: unknown) => {
    const reply = await exchange({ address, method: 'PUT', path: '/_sim/events', body: JSON.stringify(body) });
    return { status: reply.status, ...json(reply) };
  };
  const get = async (query: string) => json(await exchange({ address, method: 'GET', path: `/_sim/events${query}` }));
  await clock.advance(1_000);
  t.like(await get(''), { total: 0, events: [] });
  t.deepEqual(await put({ to, token: 'a-secret-token', loss: 1, duplicates: 1 }), { status: 200, sends: true });
  await clock.advance(1_000);
  const changed = await exchange({ address, method: 'PATCH', path: '/_sim/events', body: '{"loss":"0"}' });
  t.deepEqual(json(changed), { sends: true });
  await clock.advance(1_000);
  await ended(simulator, 2);
  t.deepEqual(await put(null), { status: 200, sends: false });
  await clock.advance(1_000);
  t.is(received.length, 2);
  t.is(
    received[0]?.headers['x-eventbridge-signature-token'],
    'a-secret-token',
    'a change of one key leaves the others',
  );
  const { events, next } = await get('?limit=2');
  t.like(events, [
    { tag: 'v2', isLost: true, deliveries: [] },
    { tag: 'v3', isLost: false },
  ]);
  t.like(await get(`?since=${next}`), { next: 3, total: 3, events: [{ tag: 'v4', isLost: false, deliveries: [] }] });
  t.deepEqual(await put({ to: 'ftp://x', token: 'a-secret-token', los: 1 }), {
    status: 400,
    problems: [
      'events.to: expected a URL that begins with http:// or https://, found "ftp://x"',
      'events.los: expected one of to, token, delay, loss, duplicates, reorder, reorder_by, certificate_url, found an unknown key (did you mean loss?)',
    ],
  });
  const secret = await put({ to, token: ['a-secret-token'] });
  t.is(secret.status, 400);
  t.false(JSON.stringify([secret, await get('')]).includes('a-secret-token'));
});

test('a simulator that closed sends what happened meanwhile when it listens again', async (t) => {
  const { to, received } = await webhook(t);
  const clock = new ManualClock();
  const { simulator } = await start(t, { scenario: scenario({ to }, 2), clock });
  await simulator.close();
  await clock.advance(5_000);
  t.is(received.length, 0);
  await simulator.listen('127.0.0.1', 0);
  await ended(simulator, 2);
  t.is(received.length, 2);
});

test('more events than may be under way wait their turn, and each is sent once', async (t) => {
  const { to, received } = await webhook(t);
  const clock = new ManualClock();
  const tags = [{ count: 500, timeline: [{ status: 'SCANNING', for: '1s' }, { status: 'COMPLETE' }] }];
  const { simulator } = await start(t, {
    scenario: { instances: [{ id: 'cri-1', repositories: [{ namespace: 'n', name: 'r', tags }] }], events: { to } },
    clock,
  });
  await clock.advance(1_000);
  await ended(simulator, 500);
  t.is(new Set(received.map(({ body }) => JSON.parse(body).id)).size, 500);
  t.is(received.length, 500);
});
