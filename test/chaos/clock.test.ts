// Clocks that are set while time goes on, and limits that change.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { CLOCK_PROBE, type ClockSpan, noteStep, setClock, trueTimes } from '../../chaos/clock.ts';
import { allowance, maxConcurrentAt } from '../../chaos/limits.ts';

/** Right at first, an hour ahead from 10 s on, 2 s behind from 20 s on. */
function clock(): ClockSpan[] {
  const spans: ClockSpan[] = [{ from: 0, to: Number.POSITIVE_INFINITY, offsetMs: 0 }];
  noteStep(spans, 10_000, 3_600_000);
  noteStep(spans, 20_000, -2_000);
  return spans;
}

test('a time that a clock shows is the true one less what the clock was off by then', (t) => {
  t.deepEqual(trueTimes(clock(), 5_000, 30_000), [5_000]);
  t.deepEqual(trueTimes(clock(), 3_612_000, 30_000), [12_000]);
  t.deepEqual(trueTimes(clock(), 23_000, 30_000), [25_000]);
});

test('a time that a clock never showed, or shows only later, is none', (t) => {
  t.deepEqual(trueTimes(clock(), 15_000, 30_000), []);
  t.deepEqual(trueTimes(clock(), 23_000, 24_000), []);
  t.deepEqual(trueTimes(clock(), 3_612_000, 11_000), []);
});

test('a time over which a clock was set back may be one of two', (t) => {
  const spans: ClockSpan[] = [{ from: 0, to: Number.POSITIVE_INFINITY, offsetMs: 0 }];
  noteStep(spans, 10_000, -2_000);
  t.deepEqual(trueTimes(spans, 9_000, 30_000), [11_000, 9_000]);
  t.deepEqual(trueTimes(spans, 9_000, 10_500), [9_000]);
});

test('setting the clock of a process moves its dates and leaves its monotonic clock alone', async (t) => {
  const program = `
    process.on('message', (message) => message === 'now' && process.send([
      Date.now(), new Date().getTime(), Date.parse(Date()), new Date(7).getTime(), new Date() instanceof Date, performance.now(),
    ]));
    process.send('ready');
    setInterval(() => {}, 1_000);`;
  const args = [`--import=${CLOCK_PROBE}`, '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'message');
  const ask = async () => {
    child.send('now');
    const [[now, made, called, given, isDate, monotonic]] = await once(child, 'message');
    return { now, made, called, given, isDate, monotonic };
  };
  const before = await ask();
  const at = (await setClock(child, -3_600_000)) ?? 0;
  const after = await ask();
  t.true(at >= before.now && at - 3_600_000 <= after.now);
  t.true(after.made >= after.now && after.made < before.now - 3_500_000);
  t.true(Math.abs(after.called - after.now) <= 2_000);
  t.deepEqual([after.given, after.isDate], [7, true]);
  t.true(after.monotonic >= before.monotonic && after.monotonic < before.monotonic + 60_000);
});

test('between two files the higher of their limits holds', (t) => {
  const files = [
    { toldAt: 0, inForceAt: 100, rate: 40, maxConcurrent: 4 },
    { toldAt: 10_000, inForceAt: 11_000, rate: 10, maxConcurrent: 8 },
    { toldAt: 20_000, inForceAt: 21_000, rate: 20, maxConcurrent: 2 },
  ];
  const allowed = allowance(files);
  const inWindow = (from: number, to: number) => Math.round(allowed(to) - allowed(from));
  t.is(inWindow(0, 10_000), 400);
  t.is(inWindow(10_000, 11_000), 40);
  t.is(inWindow(11_000, 20_000), 90);
  t.is(inWindow(20_000, 30_000), 200);
  t.is(inWindow(-1_000, 0), 40);
  t.deepEqual(
    [5_000, 10_500, 15_000, 20_500, 25_000].map((at) => maxConcurrentAt(files, at)),
    [4, 8, 8, 8, 2],
  );
});

test('a file that was never answered may be in force until another one is', (t) => {
  const files = [
    { toldAt: 0, inForceAt: 100, rate: 10, maxConcurrent: 4 },
    { toldAt: 10_000, inForceAt: Number.POSITIVE_INFINITY, rate: 40, maxConcurrent: 8 },
    { toldAt: 20_000, inForceAt: 21_000, rate: 10, maxConcurrent: 4 },
  ];
  const allowed = allowance(files);
  t.is(Math.round(allowed(21_000) - allowed(10_000)), 440);
  t.is(Math.round(allowed(31_000) - allowed(21_000)), 100);
});
