// How scans run over time: the same for the same seed and time, whatever was asked before.
import test from 'ava';
import fc from 'fast-check';
import { seededDraw } from '../../src/simulator/random.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { type ScanTiming, scanCourse, scriptedCourse, Timeline } from '../../src/simulator/timeline.ts';
import { ManualClock } from './manual-clock.ts';

const TIMING: ScanTiming = {
  duration: { minMs: 1_000, maxMs: 5_000 },
  retryShare: 0.3,
  retryDuration: { minMs: 500, maxMs: 900 },
  failureShare: 0.3,
  rescanInterval: { minMs: 2_000, maxMs: 9_000 },
  scannedShare: 0.5,
};

function timelineOf(seed: number, timing = TIMING): Timeline {
  return new Timeline(scanCourse(timing, seededDraw(seed, 'tag')), 0);
}

/** Every phase until `endMs`, found by asking at each end. */
function phasesUntil(timeline: Timeline, endMs: number) {
  const phases = [timeline.at(0)];
  for (let last = timeline.at(0); last.untilMs < endMs; last = timeline.at(last.untilMs))
    phases.push(timeline.at(last.untilMs));
  return phases;
}

test('the answer depends on the seed and the time alone, not on what was asked before', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.nat(200_000), { minLength: 1, maxLength: 30 }), (seed, times) => {
      const asked = timelineOf(seed);
      for (const time of times) t.deepEqual(asked.at(time), timelineOf(seed).at(time));
    }),
    { numRuns: 50 },
  );
});

test('phases follow each other without a gap, in the order of a scan, and with the lengths of the scenario', (t) => {
  const followers: Record<string, readonly string[]> = {
    SCANNING: ['RETRYING', 'COMPLETE', 'FAILED'],
    RETRYING: ['COMPLETE', 'FAILED'],
    COMPLETE: ['SCANNING'],
    FAILED: ['SCANNING'],
  };
  const lengths: Record<string, readonly [number, number]> = {
    SCANNING: [1_000, 5_000],
    RETRYING: [500, 900],
    COMPLETE: [2_000, 9_000],
    FAILED: [2_000, 9_000],
  };
  for (let seed = 0; seed < 50; seed++) {
    const phases = phasesUntil(timelineOf(seed), 120_000);
    t.true(phases.length > 10);
    for (const [index, { status, sinceMs, untilMs }] of phases.entries()) {
      const before = phases[index - 1];
      if (!before) continue;
      t.is(sinceMs, before.untilMs);
      t.true(followers[before.status]?.includes(status), `${before.status} before ${status}`);
      const [min = 0, max = 0] = lengths[status] ?? [];
      const length = untilMs - sinceMs;
      t.true(length > min - 1e-6 && length < max + 1e-6, `${status} for ${length} ms`);
    }
  }
});

test('the shares of the scenario are met over many scans', (t) => {
  const phases = Array.from({ length: 400 }, (_, seed) => phasesUntil(timelineOf(seed), 100_000)).flat();
  const count = (status: string) => phases.filter((phase) => phase.status === status).length;
  const scans = count('SCANNING');
  t.true(Math.abs(count('RETRYING') / scans - 0.3) < 0.03);
  t.true(Math.abs(count('FAILED') / (count('FAILED') + count('COMPLETE')) - 0.3) < 0.03);
  const scannedBefore = Array.from({ length: 400 }, (_, seed) => timelineOf(seed).at(0).status).filter(
    (status) => status !== 'SCANNING',
  ).length;
  t.true(Math.abs(scannedBefore / 400 - 0.5) < 0.08);
});

test('without an interval a tag is scanned once', (t) => {
  const timeline = timelineOf(1, {
    ...TIMING,
    rescanInterval: undefined,
    scannedShare: 0,
    retryShare: 0,
    failureShare: 0,
  });
  t.is(timeline.at(0).status, 'SCANNING');
  t.like(timeline.at(5_001), { status: 'COMPLETE', untilMs: Number.POSITIVE_INFINITY });
});

test('a script runs as written, and its last phase stays or the first follows it', (t) => {
  const phases = [
    { status: 'SCANNING', durationMs: 30 },
    { status: 'ODD', durationMs: 10 },
  ];
  const statuses = (repeat: boolean) => {
    const timeline = new Timeline(scriptedCourse(phases, repeat), 100);
    return [0, 100, 129, 130, 139, 140, 1_000].map((time) => timeline.at(time).status);
  };
  t.deepEqual(statuses(false), ['SCANNING', 'SCANNING', 'SCANNING', 'ODD', 'ODD', 'ODD', 'ODD']);
  t.deepEqual(statuses(true), ['SCANNING', 'SCANNING', 'SCANNING', 'ODD', 'ODD', 'SCANNING', 'SCANNING']);
});

test('two simulators with the same seed and clock say the same, and with another seed something else', (t) => {
  const scenario = {
    instances: [{ id: 'cri-1', repositories: [{ namespace: 'n', name: 'r', tags: [{ count: 100 }] }] }],
    scan: { rescan_interval: '1m' },
  };
  const history = (seed: number, stepMs: number) => {
    const clock = new ManualClock();
    const simulator = createSimulator({ scenario, seed, clock });
    for (let elapsed = 0; elapsed < 600_000; elapsed += stepMs) {
      clock.advance(stepMs);
      simulator.state();
    }
    return simulator.state().map(({ tag, status, sinceMs }) => ({ tag, status, sinceMs }));
  };
  t.deepEqual(history(7, 1_000), history(7, 200_000));
  t.notDeepEqual(history(7, 200_000), history(8, 200_000));
});

test('a jump of the wall clock changes no status', (t) => {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock });
  const before = simulator.state();
  clock.jump(-3_600_000);
  t.deepEqual(simulator.state(), before);
  clock.jump(7_200_000);
  t.deepEqual(simulator.state(), before);
});
