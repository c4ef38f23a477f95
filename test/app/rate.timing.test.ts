// The promises about rate and order, measured at the simulator from arrival times.
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { LoggedRequest } from '../../src/simulator/request-log.ts';
import { type Clock, systemClock } from '../../src/util/clock.ts';
import { countBetween, largestExcess, longestGapMs } from '../helpers/arrivals.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  type ConfigurationInput,
  configurationFor,
  type ExporterOptions,
  instanceAt,
  startExporter,
  startSimulator,
} from '../helpers/exporter.ts';
import { Pace } from '../helpers/pace.ts';

const REPOSITORY = { namespace: 'shop', name: 'api', id: 'crr-1' };
/** How much of the quota is used at least while more is due, of what the machine lets through, and what any window of time may exceed it by. */
const USED = 0.97;
const EXCESS = 2;

function tagNames(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${n}`);
}

/** Polls so many COMPLETE tags at so many requests a second, all of them due all the time. */
async function startBusy(
  t: ExecutionContext,
  { tags, rate, simulatorClock, ...options }: { tags: number; rate: number; simulatorClock?: Clock } & ExporterOptions,
) {
  const complete = { count: tags, name: 'v{n}', start: 0, status: 'COMPLETE' };
  const scenario = {
    instances: [{ id: 'cri-1', repositories: [{ ...REPOSITORY, tags: [complete] }] }],
    latency: '100ms',
  };
  const simulator = await startSimulator(t, scenario, simulatorClock);
  const configuration = (requestsPerSecond: number): ConfigurationInput =>
    configurationFor(simulator.address, {
      instances: [instanceAt(simulator.address, { repositories: [{ ...REPOSITORY, tags: tagNames('v', tags) }] })],
      rate_limit: { requests_per_second: requestsPerSecond, max_concurrent: concurrencyFor(rate) },
      intervals: { scanning: '1s', complete: '1s', failed: '1s' },
    });
  const exporter = await startExporter(t, configuration(rate), { logLevel: 'info', ...options });
  await eventually('polling runs', () => (simulator.requests().length > 0 ? true : undefined));
  return { simulator, configuration, startedAtMs: performance.now(), pace: new Pace(t, rate), ...exporter };
}

/** Asserts that the quota was used between two times, but for what the machine cost. */
function assertUsed(
  t: ExecutionContext,
  { simulator, pace }: { simulator: { requests(): readonly LoggedRequest[] }; pace: Pace },
  { rate, fromMs, toMs }: { rate: number; fromMs: number; toMs: number },
): void {
  const used = countBetween(simulator.requests(), fromMs, toMs);
  const [due, lost] = [(rate * (toMs - fromMs)) / 1_000, pace.lostBetween(fromMs, toMs)];
  t.true(used >= Math.floor(USED * due) - lost, `${used} of ${due} requests; the machine cost ${lost}`);
}

/** Carries answers that take 300 ms, of which 100 are the simulator's. */
function concurrencyFor(rate: number): number {
  return Math.ceil(rate * 0.3) + 1;
}

function mostUnderWay(requests: readonly LoggedRequest[]): number {
  return Math.max(...requests.map(({ underWay }) => underWay));
}

for (const { rate, seconds, tags } of [
  { rate: 20, seconds: 20, tags: 2_000 },
  { rate: 100, seconds: 5, tags: 2_000 },
  { rate: 0.5, seconds: 11, tags: 20 },
]) {
  test.serial(`at ${rate}/s for ${seconds} s no window exceeds rate × T + 2, and the quota is used`, async (t) => {
    const { simulator, startedAtMs, pace } = await startBusy(t, { tags, rate });
    await sleep(seconds * 1_000);
    const requests = simulator.requests();
    t.true(largestExcess(requests, rate) <= EXCESS, `${largestExcess(requests, rate)} over the rate`);
    assertUsed(t, { simulator, pace }, { rate, fromMs: startedAtMs, toMs: startedAtMs + seconds * 1_000 });
    t.true(mostUnderWay(requests) <= concurrencyFor(rate), `${mostUnderWay(requests)} under way`);
  });
}

test.serial('never more than max_concurrent are under way, when answers are slow or never come', async (t) => {
  const simulator = await startSimulator(t, {
    instances: [
      { id: 'cri-1', repositories: [{ ...REPOSITORY, tags: [{ count: 100, name: 'v{n}', status: 'COMPLETE' }] }] },
    ],
    latency: { min: '100ms', max: '400ms' },
    faults: [
      { share: 0.1, hang: 'before_head' },
      { share: 0.1, hang: 'mid_body' },
    ],
  });
  const instances = [
    instanceAt(simulator.address, { repositories: [{ ...REPOSITORY, tags: tagNames('v', 100).slice(1) }] }),
  ];
  const limits = { requests_per_second: 100, max_concurrent: 3 };
  await startExporter(
    t,
    configurationFor(simulator.address, { instances, rate_limit: limits, request_timeout: '600ms' }),
  );
  const sent = await eventually('60 requests are sent', () => {
    return simulator.requests().length >= 60 ? simulator.requests() : undefined;
  });
  t.is(mostUnderWay(sent), 3);
});

test.serial('a reload every second does not exceed the rate, and does not slow it down', async (t) => {
  const { simulator, app, startedAtMs, pace } = await startBusy(t, { tags: 500, rate: 20 });
  for (let second = 0; second < 8; second++) {
    t.deepEqual(await app.reload(), { problems: [] });
    await sleep(1_000);
  }
  const requests = simulator.requests();
  t.true(largestExcess(requests, 20) <= EXCESS, `${largestExcess(requests, 20)} over the rate`);
  assertUsed(t, { simulator, pace }, { rate: 20, fromMs: startedAtMs, toMs: performance.now() });
});

test.serial('a reload with another rate holds that one from then on', async (t) => {
  const { simulator, app, write, configuration, pace } = await startBusy(t, { tags: 500, rate: 50 });
  await sleep(1_000);
  write(configuration(5));
  t.deepEqual(await app.reload(), { problems: [] });
  const reloadedAtMs = performance.now();
  const slowPace = new Pace(t, 5);
  await sleep(5_000);
  const slow = simulator.requests().filter(({ arrivedMonotonicMs }) => arrivedMonotonicMs > reloadedAtMs);
  t.true(largestExcess(slow, 5) <= EXCESS, `${largestExcess(slow, 5)} over the rate`);
  assertUsed(t, { simulator, pace: slowPace }, { rate: 5, fromMs: reloadedAtMs, toMs: reloadedAtMs + 5_000 });
  write(configuration(50));
  t.deepEqual(await app.reload(), { problems: [] });
  const fastAtMs = performance.now();
  await sleep(2_000);
  assertUsed(t, { simulator, pace }, { rate: 50, fromMs: fastAtMs, toMs: fastAtMs + 2_000 });
});

test.serial('scanning tags are polled in time, and each lower group gets one of five requests', async (t) => {
  // In turns, so that the first sweep, which is fast, does not leave all scanning tags due at the same time.
  const repositories = tagNames('', 20).flatMap((n) => [
    { ...REPOSITORY, name: `scanning-${n}`, id: `crr-scanning-${n}`, count: 1, status: 'SCANNING' },
    { ...REPOSITORY, name: `never-answered-${n}`, id: `crr-never-answered-${n}`, count: 25, status: 'COMPLETE' },
    { ...REPOSITORY, name: `complete-${n}`, id: `crr-complete-${n}`, count: 50, status: 'COMPLETE' },
  ]);
  const simulator = await startSimulator(t, {
    instances: [
      {
        id: 'cri-1',
        repositories: repositories.map(({ count, status, ...repository }) => ({
          ...repository,
          tags: [{ count, name: 'v{n}', start: 0, status }],
        })),
      },
    ],
    faults: tagNames('crr-never-answered-', 20).map((repository) => ({ repository, error: { code: 'SystemError' } })),
  });
  const watched = repositories.map(({ count, status: _, ...repository }) => ({
    ...repository,
    tags: tagNames('v', count),
  }));
  // What is complete, or has failed, is due again at once, so that both are overdue all the time.
  const configuration = (requestsPerSecond: number) =>
    configurationFor(simulator.address, {
      instances: [instanceAt(simulator.address, { repositories: watched })],
      rate_limit: { requests_per_second: requestsPerSecond, max_concurrent: 8 },
      intervals: { scanning: '15s', complete: '1ms', failed: '1ms' },
      backoff: { initial: '1ms', max: '1ms' },
    });
  const { app, write, until } = await startExporter(t, configuration(100), { logLevel: 'info' });
  await until(
    'every tag was asked once',
    (page) => page.families.get('acr_scan_tag_poll_success')?.samples.length === 1_520,
  );
  write(configuration(5));
  t.deepEqual(await app.reload(), { problems: [] });
  const pace = new Pace(t, 5);
  const slowAtMs = performance.now() + 1_000;
  await sleep(46_000);
  const slow = simulator.requests().filter(({ arrivedMonotonicMs }) => arrivedMonotonicMs > slowAtMs);
  t.true(largestExcess(slow, 5) <= EXCESS, `${largestExcess(slow, 5)} over the rate`);
  assertUsed(t, { simulator, pace }, { rate: 5, fromMs: slowAtMs, toMs: slowAtMs + 45_000 });

  for (const group of ['crr-never-answered', 'crr-complete']) {
    const longest = Math.max(...runsWithout(slow, group));
    t.true(longest <= 4, `${longest} requests in a row without one of ${group}`);
  }
  for (const id of tagNames('crr-scanning-', 20)) {
    const polls = simulator.requests().filter(({ parameters }) => parameters.RepoId === id);
    const startsAtMs = [...polls.slice(1).map(({ arrivedMonotonicMs }) => arrivedMonotonicMs), performance.now()];
    const waitsMs = startsAtMs.map((atMs, n) => atMs - (polls[n]?.finishedMonotonicMs ?? 0));
    t.true(waitsMs.length >= 4, `the tag of ${id} was polled ${polls.length} times`);
    t.true(Math.max(...waitsMs) <= 16_000, `the tag of ${id} waited ${Math.max(...waitsMs)} ms`);
  }
});

/** The lengths of all runs of requests without one for a repository whose id begins so. */
function runsWithout(requests: readonly LoggedRequest[], repositoryId: string): number[] {
  const lengths = [0];
  for (const { parameters } of requests) {
    if (parameters.RepoId?.startsWith(repositoryId)) lengths.push(0);
    else lengths.push((lengths.pop() ?? 0) + 1);
  }
  return lengths;
}

for (const [name, stepMs] of [
  ['back', -3_600_000],
  ['forward', 3_600_000],
] as const) {
  test.serial(`the wall clock set ${name} an hour changes nothing about polling`, async (t) => {
    let offsetMs = 0;
    const realNow = Date.now;
    t.teardown(() => {
      Date.now = realNow;
    });
    const { simulator, pace } = await startBusy(t, {
      tags: 500,
      rate: 20,
      // The API's own clock stays, and the date of the signature is not taken from `Date.now`.
      simulatorClock: { ...systemClock, now: () => realNow() },
      clock: { ...systemClock, now: () => realNow() + offsetMs },
    });
    // bottleneck reads the wall clock itself, so it is the process's that steps.
    Date.now = () => realNow() + offsetMs;
    await sleep(2_000);
    const steppedAtMs = performance.now();
    offsetMs = stepMs;
    await sleep(5_000);
    const requests = simulator.requests();
    t.true(largestExcess(requests, 20) <= EXCESS, `${largestExcess(requests, 20)} over the rate`);
    const gapMs = longestGapMs(requests, steppedAtMs - 1_000, steppedAtMs + 5_000);
    t.true(gapMs <= 1_200, `${gapMs} ms without a request`);
    // After the step was noticed.
    assertUsed(t, { simulator, pace }, { rate: 20, fromMs: steppedAtMs + 1_500, toMs: steppedAtMs + 5_000 });
  });
}
