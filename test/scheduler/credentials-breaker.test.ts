import test from 'ava';
import { CredentialsBreaker } from '../../src/scheduler/credentials-breaker.ts';

test('probes come 5 s after the refusal and then at doubled distances of up to 5 min', (t) => {
  const breaker = new CredentialsBreaker();
  breaker.recordRefusal(0, 0);
  const distances: number[] = [];
  for (let probe = 0, now = 0; probe < 9; probe++) {
    distances.push((breaker.probeAtMs - now) / 1_000);
    now = breaker.probeAtMs;
    breaker.probeFailed(now);
  }
  t.deepEqual(distances, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test('one accepted request ends it, unless it was sent before the refusal', (t) => {
  const breaker = new CredentialsBreaker();
  breaker.recordRefusal(900, 1_000);
  t.false(breaker.recordAcceptance(950));
  t.true(breaker.isRefused);
  t.true(breaker.recordAcceptance(6_000));
  t.false(breaker.isRefused);
  t.false(breaker.recordAcceptance(7_000), 'accepted without a refusal before is no news');
});

test('a refused answer to a request older than the last accepted one changes nothing', (t) => {
  const breaker = new CredentialsBreaker();
  breaker.recordAcceptance(2_000);
  breaker.recordRefusal(1_999, 2_500);
  t.false(breaker.isRefused);
  breaker.recordRefusal(2_001, 2_500);
  t.true(breaker.isRefused);
});

test('answers that were under way do not put the probe off, and a new refusal starts at 5 s again', (t) => {
  const breaker = new CredentialsBreaker();
  breaker.recordRefusal(0, 0);
  breaker.recordRefusal(0, 3_000);
  t.is(breaker.probeAtMs, 5_000);
  breaker.probeFailed(5_000);
  t.is(breaker.probeAtMs, 15_000);
  breaker.recordAcceptance(15_000);
  breaker.recordRefusal(20_000, 20_000);
  t.is(breaker.probeAtMs, 25_000);
});

test('a changed secret lets the next probe start at once, and the delays start again at 5 s', (t) => {
  const breaker = new CredentialsBreaker();
  breaker.recordRefusal(0, 0);
  for (const now of [5_000, 15_000, 35_000]) breaker.probeFailed(now);
  t.is(breaker.probeAtMs, 75_000);
  breaker.probeNow(40_000);
  t.is(breaker.probeAtMs, 40_000);
  breaker.probeFailed(40_000);
  t.is(breaker.probeAtMs, 45_000);
  breaker.probeFailed(45_000);
  t.is(breaker.probeAtMs, 55_000);
});
