import test from 'ava';
import type { RateLimits } from '../../src/model/settings.ts';
import { RateLimiter } from '../../src/scheduler/rate-limiter.ts';
import { systemClock } from '../../src/util/clock.ts';
import { Pace } from '../helpers/pace.ts';

// bottleneck paces by real time, so these tests do too: they run one after the other, and compare starts with each other.

/** Of waits that nothing ends. */
const FOR_EVER = new AbortController().signal;

/** Starts jobs that last `jobMs`, one after the other, until `untilMs` has passed; gives the times of their starts. */
async function startJobs(limiter: RateLimiter, { untilMs, jobMs }: { untilMs: number; jobMs: number }) {
  const starts: number[] = [];
  let mostInFlight = 0;
  const begin = performance.now();
  while (performance.now() - begin < untilMs) {
    await limiter.start(async () => {
      starts.push(performance.now());
      mostInFlight = Math.max(mostInFlight, limiter.inFlight);
      await systemClock.sleep(jobMs);
    }, FOR_EVER);
  }
  return { starts, mostInFlight };
}

/** The most by which any window of time holds more starts than rate × length. */
function largestExcess(starts: readonly number[], requestsPerSecond: number): number {
  let most = 0;
  starts.forEach((from, first) => {
    starts.slice(first).forEach((to, index) => {
      most = Math.max(most, index + 1 - ((to - from) / 1_000) * requestsPerSecond);
    });
  });
  return most;
}

function limiterOf(limits: RateLimits): RateLimiter {
  return new RateLimiter(limits, systemClock);
}

test.serial(
  'no window of time holds more than rate × T + 1.6 starts, which leaves room for the network, and at least 97 % of what the machine lets through is used',
  async (t) => {
    const limiter = limiterOf({ requestsPerSecond: 100, maxConcurrent: 4 });
    const [pace, beginMs] = [new Pace(t, 100), performance.now()];
    const { starts } = await startJobs(limiter, { untilMs: 3_000, jobMs: 5 });
    t.true(largestExcess(starts, 100) <= 1.6, `${largestExcess(starts, 100)}`);
    const lost = pace.lostBetween(beginMs, beginMs + 3_000);
    t.true(starts.length >= 0.97 * 300 - lost, `${starts.length} starts in 3 s; the machine cost ${lost}`);
  },
);

test.serial('never more than maxConcurrent are in flight, also when that changes', async (t) => {
  const limiter = limiterOf({ requestsPerSecond: 1_000, maxConcurrent: 3 });
  t.is((await startJobs(limiter, { untilMs: 300, jobMs: 20 })).mostInFlight, 3);
  limiter.limits = { requestsPerSecond: 1_000, maxConcurrent: 5 };
  t.is((await startJobs(limiter, { untilMs: 300, jobMs: 20 })).mostInFlight, 5);
});

test.serial(
  'a start that waits for its turn while maxConcurrent is lowered waits for the end of a job, too',
  async (t) => {
    const limiter = limiterOf({ requestsPerSecond: 20, maxConcurrent: 2 });
    const ends: (() => void)[] = [];
    const job = () => new Promise<void>((resolve) => ends.push(resolve));
    await limiter.start(job, FOR_EVER);
    const second = limiter.start(async () => void t.is(limiter.inFlight, 1), FOR_EVER);
    await systemClock.sleep(10);
    limiter.limits = { requestsPerSecond: 20, maxConcurrent: 1 };
    await systemClock.sleep(100);
    for (const end of ends) end();
    t.true(await second);
    t.plan(2);
  },
);

test.serial(
  'a start that waited for the end of a job is not made up for, so that what arrives late is not crowded',
  async (t) => {
    const limiter = limiterOf({ requestsPerSecond: 20, maxConcurrent: 1 });
    const starts: number[] = [];
    for (let n = 0; n < 22; n++) {
      await limiter.start(async () => {
        starts.push(performance.now());
        await systemClock.sleep(n % 2 === 0 ? 68 : 1);
      }, FOR_EVER);
    }
    const gaps = starts.slice(1).map((start, index) => start - (starts[index] ?? start));
    const afterShort = gaps.filter((_, index) => index % 2 === 1).sort((one, other) => one - other);
    t.is(afterShort.length, 10);
    t.true((afterShort[5] ?? 0) >= 45, `${afterShort}`);
  },
);

test.serial(
  'jobs that are in flight when the rate changes still count, and free their places when they end',
  async (t) => {
    const limiter = limiterOf({ requestsPerSecond: 100, maxConcurrent: 3 });
    const ends: (() => void)[] = [];
    const job = () => new Promise<void>((resolve) => ends.push(resolve));
    await limiter.start(job, FOR_EVER);
    await limiter.start(job, FOR_EVER);
    limiter.limits = { requestsPerSecond: 200, maxConcurrent: 3 };
    await limiter.start(job, FOR_EVER);
    for (let n = 0; n < 3; n++) {
      const next = limiter.start(job, FOR_EVER);
      await systemClock.sleep(50);
      t.is(ends.length, 3);
      ends.shift()?.();
      t.true(await next);
      t.is(limiter.inFlight, 3);
    }
  },
);

test.serial('another rate holds from the next slots on, and the last start is not forgotten', async (t) => {
  const limiter = limiterOf({ requestsPerSecond: 100, maxConcurrent: 4 });
  await startJobs(limiter, { untilMs: 200, jobMs: 1 });
  limiter.limits = { requestsPerSecond: 10, maxConcurrent: 4 };
  const { starts } = await startJobs(limiter, { untilMs: 1_000, jobMs: 1 });
  t.true(largestExcess(starts.slice(1), 10) <= 2, `${starts}`);
});

for (const byMs of [-3_600_000, 3_600_000]) {
  test.serial(`the wall clock jumping by ${byMs / 60_000} minutes neither stalls nor bunches starts`, async (t) => {
    const realNow = Date.now;
    t.teardown(() => {
      Date.now = realNow;
    });
    const limiter = limiterOf({ requestsPerSecond: 20, maxConcurrent: 4 });
    const jobs = startJobs(limiter, { untilMs: 4_000, jobMs: 1 });
    await systemClock.sleep(1_000);
    Date.now = () => realNow() + byMs;
    const { starts } = await jobs;
    t.true(largestExcess(starts, 20) <= 2, `${largestExcess(starts, 20)}`);
    t.true(
      starts.length >= 55,
      `${starts.length} of 80 starts: no more than the second until the jump is noticed is lost`,
    );
  });
}

test.serial('an aborted wait ends, leaves the slot to the next job, and does not start that earlier', async (t) => {
  const limiter = limiterOf({ requestsPerSecond: 2, maxConcurrent: 1 });
  const starts: number[] = [];
  const begin = async () => void starts.push(performance.now());
  t.true(await limiter.start(begin, FOR_EVER));
  const stop = new AbortController();
  const waiting = limiter.start(async () => t.fail('started after the stop'), stop.signal);
  stop.abort();
  t.false(await waiting);
  t.false(await limiter.start(async () => t.fail('started after the stop'), stop.signal));
  t.true(await limiter.start(begin, FOR_EVER));
  t.true(largestExcess(starts, 2) <= 1.1, `${largestExcess(starts, 2)}`);
});
