// Who is let in, asked by the official SDK's core and by a client that signs by the book.
import test from 'ava';
import { callWithSdk, json, KEY, type Key, send, start, V1 } from './clients.ts';
import { ManualClock } from './manual-clock.ts';

const STATUS = 'GetRepoTagScanStatus';

test('the official SDK with the right key is answered', async (t) => {
  const { address } = await start(t);
  const { statusCode, body } = await callWithSdk(address, STATUS, V1);
  t.is(statusCode, 200);
  t.like(body, { Status: 'COMPLETE', Code: 'success', IsSuccess: true, ScanService: 'ACR_SCAN_SERVICE' });
  t.regex(String(body.RequestId), /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
});

test('signatures hold over every kind of character in a tag', async (t) => {
  const tag = `a b+c*d'e!f(g)h~i%j&k=l/m?n;ä漢🙂`;
  const { address } = await start(t, {
    scenario: {
      instances: [
        { id: 'cri-1', repositories: [{ namespace: 'n', name: 'r', id: 'crr-1', tags: [{ tag, status: 'FAILED' }] }] },
      ],
    },
  });
  const asked = { ...V1, Tag: tag };
  t.is((await callWithSdk(address, STATUS, asked)).body.Status, 'FAILED');
  t.is(json(await send(address, STATUS, asked)).Status, 'FAILED');
  t.is(json(await send(address, STATUS, asked, { method: 'GET' })).Status, 'FAILED');
});

test('parameters with names that need encoding may be signed as they are, as the SDK does, or encoded', async (t) => {
  const { address } = await start(t);
  const asked = { ...V1, 'Filter[a b]': 'x' };
  t.is((await callWithSdk(address, STATUS, asked)).body.Status, 'COMPLETE');
  t.is(json(await send(address, STATUS, asked)).Status, 'COMPLETE');
});

test('parameters are also taken from a signed form', async (t) => {
  const { address } = await start(t);
  t.is((await callWithSdk(address, STATUS, {}, KEY, { body: V1 })).body.Status, 'COMPLETE');
  t.is(json(await send(address, STATUS, {}, { form: 'InstanceId=cri-1&RepoId=crr-1&Tag=v1' })).Status, 'COMPLETE');
});

test('a form that was changed after it was signed is refused', async (t) => {
  const { address } = await start(t);
  const form = 'InstanceId=cri-1&RepoId=crr-1&Tag=v1';
  const reply = await send(address, STATUS, {}, { form, otherForm: form.replace('v1', 'v2') });
  t.is(json(reply).Code, 'SignatureDoesNotMatch');
});

test('a wrong secret is refused, and the answer gives back what was sent but no secret', async (t) => {
  const { address } = await start(t);
  const error = await t.throwsAsync(callWithSdk(address, STATUS, V1, { ...KEY, secret: 'wrong-secret' }));
  t.like(error, { code: 'SignatureDoesNotMatch', statusCode: 400 });
  const reply = await send(address, STATUS, V1, { key: { ...KEY, secret: 'wrong-secret' }, nonce: 'my-nonce' });
  t.is(reply.status, 400);
  t.like(json(reply), { Code: 'SignatureDoesNotMatch', HostId: address });
  const message = String(json(reply).Message);
  for (const part of ['x-acs-signature-nonce:my-nonce', 'InstanceId=cri-1&RepoId=crr-1&Tag=v1', 'ACS3-HMAC-SHA256\n']) {
    t.true(message.includes(part), part);
  }
  t.false(reply.text.includes('wrong-secret'));
  t.false(reply.text.includes(KEY.secret));
});

test('an unknown key is not found', async (t) => {
  const { address } = await start(t);
  const error = await t.throwsAsync(callWithSdk(address, STATUS, V1, { ...KEY, id: 'nobody' }));
  t.like(error, { code: 'InvalidAccessKeyId.NotFound', statusCode: 404 });
});

for (const [what, headers] of [
  ['no Authorization', { authorization: '' }],
  ['another algorithm', { authorization: 'ACS3-RSA-SHA256 Credential=a,SignedHeaders=host,Signature=00' }],
  ['no nonce', { 'x-acs-signature-nonce': '' }],
] as const) {
  test(`a request with ${what} has an incomplete signature`, async (t) => {
    const { address } = await start(t);
    const reply = await send(address, STATUS, V1, { headers });
    t.deepEqual([reply.status, json(reply).Code], [400, 'IncompleteSignature']);
  });
}

test('a signature that leaves out the date or the nonce is incomplete, for it could be replayed', async (t) => {
  const { address } = await start(t);
  const signedHeaders = ['host', 'x-acs-action', 'x-acs-version', 'x-acs-signature-nonce'];
  t.is(json(await send(address, STATUS, V1, { signedHeaders })).Code, 'IncompleteSignature');
  const all = [...signedHeaders, 'x-acs-date'];
  t.is(json(await send(address, STATUS, V1, { signedHeaders: all })).Code, 'success');
});

test('dates are accepted within 15 minutes and not beyond, in both directions', async (t) => {
  const clock = new ManualClock();
  const { address } = await start(t, { clock });
  for (const [offset, code] of [
    [-901_000, 'InvalidTimeStamp.Expired'],
    [-899_000, 'success'],
    [899_000, 'success'],
    [901_000, 'InvalidTimeStamp.Expired'],
  ] as const) {
    const reply = await send(address, STATUS, V1, { date: new Date(clock.now() + offset) });
    t.deepEqual([json(reply).Code, reply.status], [code, code === 'success' ? 200 : 400], String(offset));
  }
  const undated = await send(address, STATUS, V1, { headers: { 'x-acs-date': 'yesterday' } });
  t.is(json(undated).Code, 'InvalidTimeStamp.Format');
});

test('the SDK is refused as stale when the clocks differ', async (t) => {
  const { address } = await start(t, { clock: new ManualClock(Date.parse('2020-01-01T00:00:00Z')) });
  const error = await t.throwsAsync(callWithSdk(address, STATUS, V1));
  t.like(error, { code: 'InvalidTimeStamp.Expired', statusCode: 400 });
});

test('a nonce works once, and is not used up by a request that was refused', async (t) => {
  const { address } = await start(t);
  const wrong = await send(address, STATUS, V1, { nonce: 'n', key: { ...KEY, secret: 'wrong' } });
  t.is(json(wrong).Code, 'SignatureDoesNotMatch');
  t.is(json(await send(address, STATUS, V1, { nonce: 'n' })).Code, 'success');
  const again = await send(address, STATUS, V1, { nonce: 'n' });
  t.deepEqual([again.status, json(again).Code], [400, 'SignatureNonceUsed']);
});

test('a nonce is remembered for as long as its request could be replayed', async (t) => {
  const clock = new ManualClock();
  const { address } = await start(t, { clock });
  const date = new Date(clock.now());
  t.is(json(await send(address, STATUS, V1, { nonce: 'n', date })).Code, 'success');
  clock.advance(899_000);
  t.is(json(await send(address, STATUS, V1, { nonce: 'other', date: new Date(clock.now()) })).Code, 'success');
  t.is(json(await send(address, STATUS, V1, { nonce: 'n', date })).Code, 'SignatureNonceUsed');
});

const TEMPORARY: Key = { id: 'STS.1', secret: 'temporary-secret', token: 'the-token' };
const KEYS = [
  {
    access_key_id: TEMPORARY.id,
    access_key_secret: TEMPORARY.secret,
    security_token: 'the-token',
    security_token_expires: '1h',
  },
  { access_key_id: KEY.id, access_key_secret: KEY.secret },
];

test('a temporary key needs its security token', async (t) => {
  const { simulator, address } = await start(t);
  simulator.setKeys(KEYS);
  t.is((await callWithSdk(address, STATUS, V1, TEMPORARY)).body.Status, 'COMPLETE');
  const wrong = await t.throwsAsync(callWithSdk(address, STATUS, V1, { ...TEMPORARY, token: 'another' }));
  t.like(wrong, { code: 'InvalidSecurityToken.Expired', statusCode: 400 });
  const { token: _, ...without } = TEMPORARY;
  const absent = await t.throwsAsync(callWithSdk(address, STATUS, V1, without));
  t.like(absent, { code: 'InvalidSecurityToken.Expired', statusCode: 400 });
  const needless = await t.throwsAsync(callWithSdk(address, STATUS, V1, { ...KEY, token: 'any' }));
  t.like(needless, { code: 'InvalidSecurityToken.MismatchWithAccessKey', statusCode: 400 });
});

test('a security token expires', async (t) => {
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { clock });
  simulator.setKeys(KEYS);
  const ask = async () => json(await send(address, STATUS, V1, { key: TEMPORARY, date: new Date(clock.now()) })).Code;
  clock.advance(3_599_000);
  t.is(await ask(), 'success');
  clock.advance(1_000);
  t.is(await ask(), 'InvalidSecurityToken.Expired');
});

test('keys can be replaced at run time', async (t) => {
  const { simulator, address } = await start(t);
  const rotated = { id: 'rotated', secret: 'rotated-secret' };
  simulator.setKeys([{ access_key_id: rotated.id, access_key_secret: rotated.secret }]);
  t.is(json(await send(address, STATUS, V1)).Code, 'InvalidAccessKeyId.NotFound');
  t.is(json(await send(address, STATUS, V1, { key: rotated })).Code, 'success');
});
