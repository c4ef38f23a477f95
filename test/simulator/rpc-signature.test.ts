// The older signature (HMAC-SHA1 over the parameters), asked by a client that signs by the book; expected signatures are published ones.
import { createHmac, randomUUID } from 'node:crypto';
import test from 'ava';
import { isRpcSignedWith, rpcStringToSign } from '../../src/simulator/rpc-signature.ts';
import { exchange, json, KEY, type Key, SMALL, start, V1 } from './clients.ts';
import { ManualClock } from './manual-clock.ts';

type Parameters = Readonly<Record<string, string>>;

/** Percent-encodes byte by byte: only letters, digits and `-_.~` stay. */
function encode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[\w.~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

const encodeAll = (parameters: Parameters) =>
  Object.keys(parameters)
    .sort()
    .map((name) => `${encode(name)}=${encode(parameters[name] ?? '')}`)
    .join('&');

function sign(method: string, parameters: Parameters, secret: string): Parameters {
  const toSign = `${method}&%2F&${encode(encodeAll(parameters))}`;
  return { ...parameters, Signature: createHmac('sha1', `${secret}&`).update(toSign).digest('base64') };
}

const common = (action: string, key: Key, nowMs = Date.now()): Parameters => ({
  Action: action,
  Version: '2018-12-01',
  Format: 'JSON',
  AccessKeyId: key.id,
  SignatureMethod: 'HMAC-SHA1',
  SignatureVersion: '1.0',
  SignatureNonce: randomUUID(),
  Timestamp: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
  ...(key.token !== undefined && { SecurityToken: key.token }),
});

const inQuery = (address: string, method: string, parameters: Parameters) =>
  exchange({ address, method, path: `/?${encodeAll(parameters)}` });
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const inForm = (address: string, parameters: Parameters) =>
  exchange({ address, method: 'POST', path: '/', headers: FORM, body: encodeAll(parameters) });

test('the published example has the published signature', (t) => {
  const example = {
    Format: 'XML',
    AccessKeyId: 'testid',
    Action: 'DescribeRegions',
    SignatureMethod: 'HMAC-SHA1',
    SignatureNonce: '3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf',
    SignatureVersion: '1.0',
    Timestamp: '2016-02-23T12:46:24Z',
    Version: '2014-05-26',
  };
  const parameters = Object.entries({ ...example, Signature: 'OLeaidS1JvxuMvnyHOwuJ+uX5qY=' });
  const request = { method: 'GET', parameters };
  t.true(isRpcSignedWith('testsecret', request), rpcStringToSign(request));
  t.false(isRpcSignedWith('testsecret', { ...request, method: 'POST' }));
  t.false(isRpcSignedWith('testsecre', request));
  t.is(sign('GET', example, 'testsecret').Signature, 'OLeaidS1JvxuMvnyHOwuJ+uX5qY=');
});

for (const [how, ask] of [
  ['the query of GET', (address: string, given: Parameters) => inQuery(address, 'GET', sign('GET', given, KEY.secret))],
  [
    'the query of POST',
    (address: string, given: Parameters) => inQuery(address, 'POST', sign('POST', given, KEY.secret)),
  ],
  ['a form', (address: string, given: Parameters) => inForm(address, sign('POST', given, KEY.secret))],
  [
    'the query, with the action in a header too,',
    (address: string, given: Parameters) => {
      const headers = { 'x-acs-action': given.Action ?? '', 'x-acs-version': given.Version ?? '' };
      const path = `/?${encodeAll(sign('GET', given, KEY.secret))}`;
      return exchange({ address, method: 'GET', path, headers });
    },
  ],
] as const) {
  test(`a request with the older signature in ${how} is answered, whatever its characters`, async (t) => {
    const tag = `a b+c*d'e!f(g)~h&j=k/ä漢🙂`;
    const repositories = [{ namespace: 'n', name: 'r', id: 'crr-1', tags: [{ tag, status: 'FAILED' }] }];
    const { address, simulator } = await start(t, { scenario: { instances: [{ id: 'cri-1', repositories }] } });
    const reply = await ask(address, { ...common('GetRepoTagScanStatus', KEY), ...V1, Tag: tag });
    t.is(reply.status, 200, reply.text);
    t.like(json(reply), { Status: 'FAILED', Code: 'success', IsSuccess: true });
    t.like(simulator.requests()[0], { action: 'GetRepoTagScanStatus', accessKeyId: KEY.id, code: 'success' });
    t.false(JSON.stringify(simulator.requests()).includes('Signature'));
  });
}

test('with the older signature too, what is wrong is answered with the code of the real API', async (t) => {
  const clock = new ManualClock();
  const keys = [
    { access_key_id: KEY.id, access_key_secret: KEY.secret },
    { access_key_id: 'STS.1', access_key_secret: 'temporary', security_token: 'my-token' },
  ];
  const temporary = { id: 'STS.1', secret: 'temporary', token: 'my-token' };
  const { address } = await start(t, { clock, scenario: { ...SMALL, keys } });
  const code = async (parameters: Parameters) => json(await inQuery(address, 'GET', parameters)).Code;
  const now = clock.now();
  const given = { ...common('GetRepository', KEY, now), ...V1 };
  const signed = sign('GET', given, KEY.secret);
  t.not(await code(signed), 'SignatureDoesNotMatch');
  t.is(await code(signed), 'SignatureNonceUsed');
  t.is(await code(sign('GET', { ...given, SignatureNonce: 'n2' }, 'wrong')), 'SignatureDoesNotMatch');
  t.is(
    await code(sign('GET', { ...given, SignatureNonce: 'n3', AccessKeyId: 'nobody' }, KEY.secret)),
    'InvalidAccessKeyId.NotFound',
  );
  t.is(
    await code(sign('GET', { ...common('GetRepository', KEY, now - 901_000), ...V1 }, KEY.secret)),
    'InvalidTimeStamp.Expired',
  );
  t.is(await code(sign('GET', { ...given, SignatureMethod: 'HMAC-SHA256' }, KEY.secret)), 'IncompleteSignature');
  t.is(await code(sign('GET', { ...given, Version: '2016-06-07' }, KEY.secret)), 'InvalidVersion');
  t.is(await code(sign('GET', { ...given, Action: 'DescribeRegions' }, KEY.secret)), 'InvalidAction.NotFound');
  const sts = { ...common('GetRepoTagScanStatus', temporary, now), ...V1 };
  t.is(await code(sign('GET', sts, temporary.secret)), 'success');
  const tokenless = { ...common('GetRepoTagScanStatus', { id: 'STS.1', secret: 'temporary' }, now), ...V1 };
  t.is(await code(sign('GET', tokenless, temporary.secret)), 'InvalidSecurityToken.Expired');
});

for (const missing of [
  'AccessKeyId',
  'Signature',
  'SignatureMethod',
  'SignatureVersion',
  'SignatureNonce',
  'Timestamp',
]) {
  test(`without ${missing} a request is refused in JSON`, async (t) => {
    const { address } = await start(t);
    const { [missing]: _, ...given } = sign('GET', { ...common('GetRepository', KEY), ...V1 }, KEY.secret);
    const reply = await inQuery(address, 'GET', given);
    t.is(reply.status, 400);
    t.is(json(reply).Code, `Missing${missing}`);
  });
}

test('an API request without any signature gets an error in JSON, and only people get the page', async (t) => {
  const { address } = await start(t);
  const asked = { Action: 'GetRepoTagScanStatus', Version: '2018-12-01', ...V1 };
  for (const [reply, code] of [
    [await inQuery(address, 'GET', asked), 'MissingAccessKeyId'],
    [await inForm(address, asked), 'MissingAccessKeyId'],
    [await inQuery(address, 'GET', V1), 'MissingAction'],
    [await exchange({ address, method: 'POST', path: '/' }), 'MissingAction'],
    [
      await exchange({ address, method: 'GET', path: '/', headers: { 'x-acs-version': '2018-12-01' } }),
      'MissingAction',
    ],
    [await exchange({ address, method: 'GET', path: '/', headers: { authorization: 'acs a:b' } }), 'MissingAction'],
  ] as const) {
    t.is(reply.status, 400, reply.text);
    t.regex(String(reply.headers['content-type']), /^application\/json/);
    t.is(json(reply).Code, code);
  }
  const page = await exchange({ address, method: 'GET', path: '/' });
  t.is(page.status, 200);
  t.true(page.text.startsWith('acr-simulator'));
});
