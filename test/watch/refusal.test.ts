import test from 'ava';
import { Refusal } from '../../src/watch/refusal.ts';

test('probes come 5 s after the refusal and then at doubled distances of up to 5 min', (t) => {
  const refusal = new Refusal();
  refusal.refusedAt(0, 0);
  const distances: number[] = [];
  for (let probe = 0, now = 0; probe < 9; probe++) {
    distances.push((refusal.probeAtMs - now) / 1_000);
    now = refusal.probeAtMs;
    refusal.probeFailed(now);
  }
  t.deepEqual(distances, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test('one accepted request ends it, unless it was sent before the refusal', (t) => {
  const refusal = new Refusal();
  refusal.refusedAt(900, 1_000);
  t.false(refusal.accepted(950));
  t.true(refusal.refused);
  t.true(refusal.accepted(6_000));
  t.false(refusal.refused);
  t.false(refusal.accepted(7_000), 'accepted without a refusal before is no news');
});

test('a refused answer to a request older than the last accepted one changes nothing', (t) => {
  const refusal = new Refusal();
  refusal.accepted(2_000);
  refusal.refusedAt(1_999, 2_500);
  t.false(refusal.refused);
  refusal.refusedAt(2_001, 2_500);
  t.true(refusal.refused);
});

test('answers that were under way do not put the probe off, and a new refusal starts at 5 s again', (t) => {
  const refusal = new Refusal();
  refusal.refusedAt(0, 0);
  refusal.refusedAt(0, 3_000);
  t.is(refusal.probeAtMs, 5_000);
  refusal.probeFailed(5_000);
  t.is(refusal.probeAtMs, 15_000);
  refusal.accepted(15_000);
  refusal.refusedAt(20_000, 20_000);
  t.is(refusal.probeAtMs, 25_000);
});

test('a changed secret lets the next probe start at once', (t) => {
  const refusal = new Refusal();
  refusal.refusedAt(0, 0);
  refusal.probeNow(1_234);
  t.is(refusal.probeAtMs, 1_234);
});
