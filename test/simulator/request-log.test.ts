// The log of requests and the pages that show what the simulator knows.
import test from 'ava';
import { RequestLog } from '../../src/simulator/request-log.ts';
import { exchange, json, KEY, send, start, V1 } from './clients.ts';
import { ManualClock } from './manual-clock.ts';

const STATUS = 'GetRepoTagScanStatus';

async function get(address: string, path: string) {
  return json(await exchange({ address, method: 'GET', path }));
}

test('a request is logged with its times, what it asked and how it was answered', async (t) => {
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { clock });
  const before = performance.now();
  await send(address, STATUS, V1, { date: new Date(clock.now()) });
  const after = performance.now();
  const [entry] = simulator.requests();
  t.like(entry, {
    index: 0,
    action: STATUS,
    parameters: V1,
    accessKeyId: KEY.id,
    code: 'success',
    httpStatus: 200,
    fault: null,
    retryAfterMs: null,
    underWay: 1,
    arrivedAtMs: clock.now(),
    finishedAtMs: clock.now(),
  });
  const { arrivedMonotonicMs = 0, finishedMonotonicMs } = entry ?? {};
  t.true(before <= arrivedMonotonicMs && arrivedMonotonicMs <= (finishedMonotonicMs ?? 0));
  t.true((finishedMonotonicMs ?? Number.POSITIVE_INFINITY) <= after);
});

test('the log over HTTP can be paged, and goes on where the last page ended', async (t) => {
  const { address } = await start(t);
  for (let n = 0; n < 5; n++) await send(address, STATUS, V1);
  const first = await get(address, '/_sim/requests?limit=3');
  t.like(first, { first: 0, next: 3, total: 5 });
  const second = await get(address, `/_sim/requests?since=${first.next}`);
  const indexes = [first, second].flatMap(({ requests }) =>
    (requests as { index: number }[]).map(({ index }) => index),
  );
  t.deepEqual(indexes, [0, 1, 2, 3, 4]);
  t.like(await get(address, '/_sim/requests?since=5'), { next: 5, requests: [] });
  t.like(await get(address, '/_sim/requests?since=99'), { next: 99, requests: [] });
  t.is((await exchange({ address, method: 'GET', path: '/_sim/requests?since=x' })).status, 400);
});

test('the log is bounded: the oldest requests go', (t) => {
  const log = new RequestLog(new ManualClock(), 3);
  for (let n = 0; n < 5; n++) log.finish(log.arrive(1));
  t.deepEqual([log.first, log.total], [2, 5]);
  t.deepEqual(
    log.page(0, 10).map(({ index, underWay }) => [index, underWay]),
    [
      [2, 1],
      [3, 1],
      [4, 1],
    ],
  );
});

test('what finished twice is counted once', (t) => {
  const log = new RequestLog(new ManualClock());
  const [one] = [log.arrive(1), log.arrive(1)];
  log.finish(one);
  log.finish(one);
  t.is(log.arrive(1).underWay, 2);
});

test('neither the log nor a page shows a secret, a token, a signature or an unknown parameter', async (t) => {
  const { simulator, address } = await start(t);
  const key = { id: 'STS.1', secret: 'temporary-secret', token: 'temporary-token' };
  simulator.setKeys([{ access_key_id: key.id, access_key_secret: key.secret, security_token: key.token }]);
  t.is(
    (await send(address, STATUS, { ...V1, AccessKeySecret: 'by-mistake', SecurityToken: key.token }, { key })).status,
    200,
  );
  t.is((await send(address, STATUS, V1, { key: { ...key, secret: 'wrong-secret' } })).status, 400);
  for (const path of ['/', '/_sim/state', '/_sim/requests']) {
    const { status, text } = await exchange({ address, method: 'GET', path });
    t.is(status, 200);
    for (const secret of ['temporary-secret', 'temporary-token', 'by-mistake', 'wrong-secret', 'Signature=']) {
      t.false(text.includes(secret), `${secret} on ${path}`);
    }
  }
});

test('the state is the truth about every tag', async (t) => {
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { clock });
  clock.advance(1_000);
  simulator.setTimeline('cri-1', 'crr-1', 'v1', [{ status: 'SCANNING', for: '2s' }, { status: 'FAILED' }]);
  clock.advance(1_500);
  t.like(await get(address, '/_sim/state'), {
    elapsedMs: 2_500,
    tags: [
      {
        instanceId: 'cri-1',
        repoId: 'crr-1',
        repoNamespace: 'shop',
        repoName: 'api',
        tag: 'v1',
        status: 'SCANNING',
        sinceMs: 1_000,
        untilMs: 3_000,
      },
    ],
  });
  clock.advance(500);
  t.like(await get(address, '/_sim/state'), { tags: [{ status: 'FAILED', sinceMs: 3_000, untilMs: null }] });
});

test('answers wait for the latency of the scenario', async (t) => {
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { clock, scenario: { latency: { min: '100ms', max: '200ms' } } });
  const asked = send(
    address,
    'GetRepository',
    { InstanceId: 'cri-0', RepoId: 'crr-0' },
    { date: new Date(clock.now()) },
  );
  while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(99);
  t.is(clock.sleeping, 1);
  clock.advance(101);
  t.is(json(await asked).Code, 'INSTANCE_NOT_EXIST');
  t.is(simulator.requests()[0]?.finishedAtMs, clock.now());
});

for (const [method, path, status, allow] of [
  ['GET', '/', 200, undefined],
  ['GET', '//', 404, undefined],
  ['GET', '/_sim', 404, undefined],
  ['GET', '/toString', 404, undefined],
  ['DELETE', '/', 405, 'GET, HEAD, POST'],
  ['POST', '/_sim/state', 405, 'GET, HEAD'],
  ['GET', '/_sim/faults', 405, 'PUT'],
] as const) {
  test(`${method} ${path} is answered with HTTP ${status}`, async (t) => {
    const { address } = await start(t);
    const reply = await exchange({ address, method, path });
    t.is(reply.status, status);
    t.is(reply.headers.allow, allow);
  });
}

test('a body beyond all measure is not read to its end', async (t) => {
  const { address } = await start(t);
  const reply = await send(address, STATUS, V1, { form: `x=${'y'.repeat(1_000_000)}` });
  t.not(reply.error, undefined);
  t.is((await send(address, STATUS, V1)).status, 200);
});
