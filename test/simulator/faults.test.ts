// Every fault as a plain HTTP client sees it, and when it strikes.
import test, { type ExecutionContext } from 'ava';
import type { FaultInput } from '../../src/simulator/faults.ts';
import { callWithSdk, exchange, json, type Sent, send, start, V1 } from './clients.ts';
import { ManualClock } from './manual-clock.ts';

const STATUS = 'GetRepoTagScanStatus';

async function ask(t: ExecutionContext, fault: FaultInput, sent: Sent = {}) {
  const { simulator, address } = await start(t);
  simulator.setFaults([fault]);
  const reply = await send(address, STATUS, V1, sent);
  const [entry] = simulator.requests();
  return { reply, entry };
}

test('an error has its code, its HTTP status and how long to wait', async (t) => {
  const { reply, entry } = await ask(t, { error: { code: 'Throttling.User', retry_after: '1500ms' } });
  t.is(reply.status, 400);
  t.like(json(reply), { Code: 'Throttling.User', Message: 'Request was denied due to user flow control.' });
  t.is(reply.headers['x-acs-retry-after'], '1500');
  t.like(entry, { code: 'Throttling.User', httpStatus: 400, fault: 'error' });
});

for (const [code, given, status] of [
  ['NoPrivilege', undefined, 403],
  ['SystemError', undefined, 500],
  ['ServiceUnavailable', undefined, 503],
  ['Forbidden.RAM', undefined, 403],
  ['Whatever', undefined, 400],
  ['Whatever', 429, 429],
  ['constructor', undefined, 400],
] as const) {
  test(`the error ${code} is sent with HTTP ${status}`, async (t) => {
    const { reply } = await ask(t, {
      error: { code, ...(given ? { http_status: given } : {}), message: 'as written' },
    });
    t.is(reply.status, status);
    t.like(json(reply), { Code: code, Message: 'as written' });
  });
}

test('the SDK sees a throttling error with the time to wait', async (t) => {
  const { simulator, address } = await start(t);
  simulator.setFaults([{ error: { code: 'Throttling.User', retry_after: '2s' } }]);
  const error = await t.throwsAsync(callWithSdk(address, STATUS, V1));
  t.like(error, { name: 'ThrottlingError', code: 'Throttling.User', statusCode: 400, retryAfter: 2000 });
});

test('a business error is HTTP 200 with IsSuccess false', async (t) => {
  const { reply, entry } = await ask(t, { business_error: { code: 'SCAN_TASK_BROKEN' } });
  t.is(reply.status, 200);
  t.like(json(reply), { Code: 'SCAN_TASK_BROKEN', IsSuccess: false });
  t.like(entry, { code: 'SCAN_TASK_BROKEN', httpStatus: 200, fault: 'business_error' });
});

test('a status that nobody knows is answered as a success', async (t) => {
  const { reply } = await ask(t, { status: 'QUEUED' });
  t.like(json(reply), { Status: 'QUEUED', Code: 'success', IsSuccess: true });
});

for (const [what, text, status] of [
  ['HTML', '<html>502</html>', 502],
  ['an empty body', '', 200],
  ['half a JSON', '{"Status":"COMP', 200],
  ['null', 'null', 200],
  ['a list', '[]', 200],
] as const) {
  test(`a body can be ${what}`, async (t) => {
    const { reply, entry } = await ask(t, { body: { http_status: status, content_type: 'text/x-odd', text } });
    t.like(reply, { status, text, error: undefined });
    t.is(reply.headers['content-type'], 'text/x-odd');
    t.like(entry, { code: '', httpStatus: status, fault: 'body' });
  });
}

for (const bytes of [1, 80, 85, 86, 87, 65_536, 1_000_003]) {
  test(`a body can have ${bytes} bytes`, async (t) => {
    const { reply } = await ask(t, { body: { bytes } });
    t.is(reply.text.length, bytes);
    t.is(reply.headers['content-length'], String(bytes));
    if (bytes > 100) t.is(json(reply).Status, 'COMPLETE');
  });
}

test('a body can have further headers, such as those of a redirect', async (t) => {
  const { reply } = await ask(t, {
    body: { http_status: 302, headers: { location: '/elsewhere', 'content-encoding': 'gzip' }, text: '' },
  });
  t.is(reply.status, 302);
  t.like(reply.headers, { location: '/elsewhere', 'content-encoding': 'gzip' });
  const { simulator } = await start(t);
  const name = { 'a b': 'c' };
  t.throws(() => simulator.setFaults([{ body: { headers: name, text: '' } }]), {
    message: /expected a map of headers \(letters/,
  });
  t.throws(() => simulator.setFaults([{ body: { headers: { a: '\n' }, text: '' } }]), { message: /printable ASCII/ });
});

test('an answer can come drop by drop, is whole with the last one, and ends when its reader goes', async (t) => {
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { clock });
  simulator.setFaults([{ drip: '1s' }]);
  const sent = { date: new Date(clock.now()) };
  const dripping = send(address, STATUS, V1, sent);
  for (let piece = 0; piece < 10; piece++) {
    await until(() => clock.sleeping === 1);
    t.is(simulator.requests()[0]?.finishedAtMs, null);
    clock.advance(100);
  }
  t.like(json(await dripping), { Status: 'COMPLETE' });
  t.like(simulator.requests()[0], { code: 'success', fault: 'drip' });
  const cut = send(address, STATUS, V1, { ...sent, cutAfter: 'data' });
  await until(() => clock.sleeping === 1);
  clock.advance(100);
  await cut;
  await finished(() => simulator.requests().slice(1));
  clock.advance(100);
  await new Promise(setImmediate);
  t.is(clock.sleeping, 0);
});

test('a body of 50 MB can be cut off by its reader, and the next request is answered', async (t) => {
  const { simulator, address } = await start(t);
  simulator.setFaults([{ body: { bytes: 52_428_800 } }]);
  await send(address, STATUS, V1, { cutAfter: 'data' });
  await finished(simulator.requests);
  t.is(simulator.requests()[0]?.fault, 'body');
  simulator.setFaults([]);
  t.is((await send(address, STATUS, V1)).status, 200);
});

test('a connection can be reset before the head', async (t) => {
  const { reply, entry } = await ask(t, { reset: 'before_head' });
  t.like(reply, { status: 0, text: '', error: 'ECONNRESET' });
  t.like(entry, { code: '', httpStatus: null, fault: 'reset' });
});

test('a connection can be reset in the middle of the body', async (t) => {
  const { reply } = await ask(t, { reset: 'mid_body' });
  t.like(reply, { status: 200, error: 'ECONNRESET' });
  t.true(reply.text.startsWith('{"Status"'));
  t.true(reply.text.length < Number(reply.headers['content-length']));
});

test('a connection can hang before the head, and is under way until the client gives up', async (t) => {
  const { simulator, address } = await start(t);
  simulator.setFaults([{ hang: 'before_head', first: 1 }]);
  const patience = new AbortController();
  const hanging = send(address, STATUS, V1, { signal: patience.signal });
  await until(() => simulator.requests()[0]?.fault === 'hang');
  t.is((await send(address, STATUS, V1)).status, 200);
  t.is(simulator.requests()[1]?.underWay, 2);
  t.is(simulator.requests()[0]?.finishedMonotonicMs, null);
  patience.abort();
  t.like(await hanging, { status: 0, error: 'ABORT_ERR' });
  await finished(simulator.requests);
  await send(address, STATUS, V1);
  t.is(simulator.requests()[2]?.underWay, 1);
});

test('a connection can hang in the middle of the body', async (t) => {
  const { reply } = await ask(t, { hang: 'mid_body' }, { cutAfter: 'data' });
  t.is(reply.status, 200);
  t.true(reply.text.length > 0 && reply.text.length < Number(reply.headers['content-length']));
});

test('closing cuts connections that hang, and the simulator can listen again with all that it knows', async (t) => {
  const { simulator, address } = await start(t);
  simulator.setFaults([{ hang: 'before_head' }]);
  const hanging = send(address, STATUS, V1);
  await until(() => simulator.requests()[0]?.fault === 'hang');
  await simulator.close();
  t.is((await hanging).error, 'ECONNRESET');
  t.is((await send(address, STATUS, V1)).error, 'ECONNREFUSED');
  simulator.setFaults([]);
  await simulator.listen('127.0.0.1', Number(address.split(':')[1]));
  t.is((await send(address, STATUS, V1)).status, 200);
  t.is(simulator.requests().length, 2);
  await t.throwsAsync(simulator.listen('127.0.0.1', 0), { message: /does not listen yet/ });
});

test('a fault strikes only the operation, instance, repository and tag that it names', async (t) => {
  const repositories = [
    { namespace: 'shop', name: 'api', id: 'crr-1', tags: ['v1', 'v2'] },
    { namespace: 'shop', name: 'web', id: 'crr-2', tags: ['v1'] },
  ];
  const { simulator, address } = await start(t, {
    scenario: {
      instances: [
        { id: 'cri-1', repositories },
        { id: 'cri-2', repositories },
      ],
    },
  });
  const requests = [
    [STATUS, V1],
    [STATUS, { ...V1, Tag: 'v2' }],
    [STATUS, { ...V1, RepoId: 'crr-2' }],
    [STATUS, { ...V1, InstanceId: 'cri-2' }],
    ['GetRepository', { InstanceId: 'cri-1', RepoId: 'crr-1' }],
    ['GetRepository', { InstanceId: 'cri-1', RepoNamespaceName: 'shop', RepoName: 'api' }],
  ] as const;
  const struck = async (match: Omit<FaultInput, 'error'>) => {
    simulator.setFaults([{ ...match, error: { code: 'Struck' } }]);
    const codes: unknown[] = [];
    for (const [action, parameters] of requests) codes.push(json(await send(address, action, parameters)).Code);
    return codes.flatMap((code, index) => (code === 'Struck' ? [index] : []));
  };
  t.deepEqual(await struck({}), [0, 1, 2, 3, 4, 5]);
  t.deepEqual(await struck({ operation: STATUS }), [0, 1, 2, 3]);
  t.deepEqual(await struck({ instance: 'cri-2' }), [3]);
  t.deepEqual(await struck({ repository: 'crr-2' }), [2]);
  t.deepEqual(await struck({ repository: 'shop/api' }), [0, 1, 3, 4, 5]);
  t.deepEqual(await struck({ tag: 'v1', instance: 'cri-1' }), [0, 2]);
});

test('a fault strikes the page of a list that it names, and the first where a request names none', async (t) => {
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: [{ count: 50 }] }];
  const { simulator, address } = await start(t, { scenario: { instances: [{ id: 'cri-1', repositories }] } });
  const codes = async (page: number) => {
    simulator.setFaults([{ page, error: { code: 'Struck' } }]);
    const seen: unknown[] = [];
    for (const number of [{}, { PageNo: '1' }, { PageNo: '2' }, { PageNo: '3' }, { PageNo: '30' }]) {
      seen.push(json(await send(address, 'ListRepoTag', { ...V1, PageSize: '10', ...number })).Code);
    }
    seen.push(json(await send(address, 'GetRepository', V1)).Code);
    return seen;
  };
  const [ok, struck] = ['success', 'Struck'];
  t.deepEqual(await codes(3), [ok, ok, ok, struck, ok, ok]);
  t.deepEqual(await codes(1), [struck, struck, ok, ok, ok, ok]);
});

test('the total of a list can be a lie, its items are true', async (t) => {
  const { simulator, address } = await start(t);
  simulator.setFaults([{ total_count: 0, operation: 'ListRepository' }, { total_count: 700 }]);
  t.like(await callWithSdk(address, 'ListRepository', V1), { body: { TotalCount: '0', IsSuccess: true } });
  const { body } = await callWithSdk(address, 'ListRepoTag', V1);
  t.is(body.TotalCount, '700');
  t.is((body.Images as unknown[]).length, 1);
  t.is((await callWithSdk(address, 'GetRepoTagScanStatus', V1)).body.TotalCount, undefined);
  t.is(simulator.requests()[1]?.fault, 'total_count');
});

test('a fault strikes within its time window, counted from when it was put in force', async (t) => {
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { clock });
  clock.advance(100_000);
  simulator.setFaults([{ from: '10s', until: '20s', error: { code: 'Struck' } }]);
  const codes: unknown[] = [];
  for (const step of [9_999, 1, 9_999, 1]) {
    clock.advance(step);
    codes.push(json(await send(address, STATUS, V1, { date: new Date(clock.now()) })).Code);
  }
  t.deepEqual(codes, ['success', 'Struck', 'Struck', 'success']);
});

test('a fault strikes so many requests and then no more, and the next one follows', async (t) => {
  const { simulator, address } = await start(t);
  simulator.setFaults([
    { first: 2, error: { code: 'A' } },
    { first: 1, error: { code: 'B' } },
  ]);
  const codes: unknown[] = [];
  for (let n = 0; n < 4; n++) codes.push(json(await send(address, STATUS, V1)).Code);
  t.deepEqual(codes, ['A', 'A', 'B', 'success']);
});

test('a share of the requests is struck, the same ones for the same seed', async (t) => {
  const outcomes = async (seed: number) => {
    const scenario = { instances: [], faults: [{ share: 0.3, error: { code: 'Struck' } }] };
    const { address } = await start(t, { seed, scenario });
    const codes: unknown[] = [];
    for (let n = 0; n < 200; n++) codes.push(json(await send(address, STATUS, V1)).Code);
    return codes;
  };
  const first = await outcomes(3);
  const struck = first.filter((code) => code === 'Struck').length;
  t.true(struck > 35 && struck < 85, String(struck));
  t.deepEqual(await outcomes(3), first);
  t.notDeepEqual(await outcomes(4), first);
});

test('a fault never strikes a request that is refused', async (t) => {
  const { simulator, address } = await start(t);
  simulator.setFaults([{ error: { code: 'Struck' } }]);
  t.is(
    json(await send(address, STATUS, V1, { key: { id: 'nobody', secret: 'x' } })).Code,
    'InvalidAccessKeyId.NotFound',
  );
});

test('faults are replaced over HTTP, and bad ones are refused with their problems and change nothing', async (t) => {
  const { address } = await start(t);
  const put = (body: string) => exchange({ address, method: 'PUT', path: '/_sim/faults', body });
  t.is((await put(JSON.stringify([{ first: 100, error: { code: 'Struck' } }]))).status, 200);
  t.is(json(await send(address, STATUS, V1)).Code, 'Struck');
  for (const [body, problem] of [
    ['[{"hang":"never"}]', 'faults[0].hang: expected one of before_head, mid_body, found "never"'],
    ['{"hang":"before_head"}', 'faults: expected a list of faults, found a map'],
    ['[', 'expected JSON, found something else'],
  ] as const) {
    const reply = await put(body);
    t.is(reply.status, 400);
    t.deepEqual(json(reply).problems, [problem]);
  }
  t.is(json(await send(address, STATUS, V1)).Code, 'Struck');
  t.is((await put('[]')).status, 200);
  t.is(json(await send(address, STATUS, V1)).Code, 'success');
});

/** Waits until no request is under way. */
function finished(requests: () => readonly { finishedMonotonicMs: number | null }[]): Promise<void> {
  return until(() => requests().every(({ finishedMonotonicMs }) => finishedMonotonicMs !== null));
}

/** Looks again and again until it holds, for ten seconds at most. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('expected a condition to hold within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test('a next_token stands in the place of the true one', async (t) => {
  const { simulator, address } = await start(t);
  simulator.setFaults([{ next_token: 'nowhere' }]);
  const asked = { ...V1, MaxResults: '100' };
  t.like(json(await send(address, 'ListRepoTag', asked)), { NextToken: 'nowhere', IsSuccess: true });
  t.like(json(await send(address, 'GetRepoTagScanStatus', V1)), { NextToken: undefined, Status: 'COMPLETE' });
  simulator.setFaults([]);
  t.is(json(await send(address, 'ListRepoTag', { ...asked, NextToken: 'nowhere' })).Code, 'InvalidNextToken');
});
