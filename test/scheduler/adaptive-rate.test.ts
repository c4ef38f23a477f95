import test from 'ava';
import { AdaptiveRate } from '../../src/scheduler/adaptive-rate.ts';

const throttled = (sentAtMs: number, nowMs: number) => ({ sentAtMs, nowMs });

test('throttling halves the rate once an episode: answers to requests sent before the halving change nothing', (t) => {
  const adaptiveRate = new AdaptiveRate(20);
  adaptiveRate.throttled(throttled(900, 1_000));
  t.is(adaptiveRate.current(1_000), 10);
  adaptiveRate.throttled(throttled(950, 1_100));
  adaptiveRate.throttled(throttled(999, 1_200));
  t.is(adaptiveRate.current(1_200), 10);
  adaptiveRate.throttled(throttled(1_000, 1_300));
  t.is(adaptiveRate.current(1_300), 5);
});

test('the rate never falls below a tenth of what is configured', (t) => {
  const adaptiveRate = new AdaptiveRate(20);
  for (let now = 0; now < 20_000; now += 1_000) adaptiveRate.throttled(throttled(now, now));
  t.is(adaptiveRate.current(19_000), 2);
});

test('the rate recovers by a tenth of what is configured every 10 s without throttling, up to what is configured', (t) => {
  const adaptiveRate = new AdaptiveRate(20);
  adaptiveRate.throttled(throttled(0, 0));
  const rates = [9_999, 10_000, 20_000, 49_999, 50_000, 1_000_000].map(
    (now) => Math.round(adaptiveRate.current(now) * 1_000) / 1_000,
  );
  t.deepEqual(rates, [10, 12, 14, 18, 20, 20]);
});

test('a throttled answer of the same episode restarts the 10 s', (t) => {
  const adaptiveRate = new AdaptiveRate(20);
  adaptiveRate.throttled(throttled(0, 1_000));
  adaptiveRate.throttled(throttled(500, 10_500));
  t.is(adaptiveRate.current(20_499), 10);
  t.is(adaptiveRate.current(20_500), 12);
});

test('retry-after pauses, is capped at 120 s, and a shorter one does not end a longer one', (t) => {
  const adaptiveRate = new AdaptiveRate(20);
  t.true(adaptiveRate.pausedUntilMs < 0);
  adaptiveRate.pause(1_000, 3_000);
  t.is(adaptiveRate.pausedUntilMs, 4_000);
  adaptiveRate.pause(1_500, 10);
  t.is(adaptiveRate.pausedUntilMs, 4_000);
  adaptiveRate.pause(2_000, 86_400_000);
  t.is(adaptiveRate.pausedUntilMs, 122_000);
  t.is(adaptiveRate.current(2_000), 20, 'only throttling halves');
});

test('another configured rate keeps the share that throttling has left', (t) => {
  const adaptiveRate = new AdaptiveRate(20);
  adaptiveRate.throttled(throttled(0, 0));
  adaptiveRate.configured = 100;
  t.is(adaptiveRate.current(0), 50);
});
