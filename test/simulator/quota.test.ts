// The quota: so many requests a second for each access key and operation.
import test from 'ava';
import fc from 'fast-check';
import { ApiFailure } from '../../src/simulator/api-errors.ts';
import { TokenBuckets } from '../../src/simulator/quota.ts';
import { json, KEY, type Key, send, start, V1 } from './clients.ts';
import { ManualClock } from './manual-clock.ts';

const STATUS = 'GetRepoTagScanStatus';
const OTHER: Key = { id: 'other', secret: 'other-secret' };

test('each access key and operation has a quota of its own', async (t) => {
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { clock });
  simulator.setKeys([KEY, OTHER].map(({ id, secret }) => ({ access_key_id: id, access_key_secret: secret })));
  simulator.setQuota({
    requests_per_second: 2,
    burst: 3,
    retry_after: '700ms',
    operations: { ListRepoTag: { requests_per_second: 1 } },
  });
  const ask = (action: string, key = KEY) => send(address, action, V1, { key, date: new Date(clock.now()) });
  const codes = async (action: string, key = KEY) => {
    const seen: unknown[] = [];
    for (let n = 0; n < 4; n++) seen.push(json(await ask(action, key)).Code);
    return seen;
  };
  const throttled = 'Throttling.User';
  t.deepEqual(await codes(STATUS), ['success', 'success', 'success', throttled]);
  t.deepEqual(await codes(STATUS, OTHER), ['success', 'success', 'success', throttled]);
  t.deepEqual(await codes('ListRepoTag'), ['success', throttled, throttled, throttled]);
  const refused = await ask(STATUS);
  t.deepEqual([refused.status, refused.headers['x-acs-retry-after']], [400, '700']);
  clock.advance(1_000);
  t.deepEqual(await codes(STATUS), ['success', 'success', throttled, throttled]);
  simulator.setQuota(undefined);
  t.deepEqual(await codes(STATUS), ['success', 'success', 'success', 'success']);
});

test('requests that are refused for their signature take nothing from the quota', async (t) => {
  const { simulator, address } = await start(t, { clock: new ManualClock(Date.now()) });
  simulator.setQuota({ requests_per_second: 1 });
  for (let n = 0; n < 3; n++) {
    const reply = await send(address, STATUS, V1, { key: { ...KEY, secret: 'wrong' } });
    t.is(json(reply).Code, 'SignatureDoesNotMatch');
  }
  t.is(json(await send(address, STATUS, V1)).Code, 'success');
});

test('in no window are more requests allowed than rate × time + burst, and a patient client is never refused', (t) => {
  const gaps = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 80 });
  const rates = fc.record({ rate: fc.integer({ min: 1, max: 20 }), burst: fc.integer({ min: 1, max: 10 }) });
  fc.assert(
    fc.property(rates, gaps, ({ rate, burst }, pauses) => {
      const quota = new TokenBuckets({ requests_per_second: rate, burst, operations: {} });
      const allowed: number[] = [];
      let nowMs = 0;
      for (const pause of pauses) {
        nowMs += pause;
        if (isAllowed(quota, nowMs)) allowed.push(nowMs);
      }
      for (const [index, from] of allowed.entries()) {
        for (const [offset, to] of allowed.slice(index).entries()) {
          t.true(offset + 1 <= burst + (rate * (to - from)) / 1000 + 1e-6);
        }
      }
    }),
  );
  const quota = new TokenBuckets({ requests_per_second: 4, operations: {} });
  for (let n = 0; n < 100; n++) t.true(isAllowed(quota, n * 250));
});

function isAllowed(quota: TokenBuckets, nowMs: number): boolean {
  try {
    quota.take('key', STATUS, nowMs);
    return true;
  } catch (error) {
    if (error instanceof ApiFailure) return false;
    throw error;
  }
}
