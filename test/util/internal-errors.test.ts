import test from 'ava';
import { InternalErrors } from '../../src/util/internal-errors.ts';
import { keepRunning } from '../../src/util/keep-running.ts';
import type { LogFields } from '../../src/util/logger.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const lines: (LogFields & { readonly message: string })[] = [];
  const counted: string[] = [];
  const log = (message: string, fields?: LogFields) => void lines.push({ ...fields, message });
  const logger = { debug() {}, info() {}, warn() {}, error: log };
  const errors = new InternalErrors({ logger, clock, count: (component) => void counted.push(component) });
  return { clock, lines, counted, errors };
}

test('every error is counted, and the same error of a component is logged once a minute, with its stack in one field', async (t) => {
  const { clock, lines, counted, errors } = setUp();
  for (let index = 0; index < 5; index++) errors.report('polling', new TypeError('of our own'), { tag: `v${index}` });
  errors.report('web', new TypeError('of our own'));
  errors.report('polling', 'no error at all');
  t.deepEqual(counted, [...Array(5).fill('polling'), 'web', 'polling']);
  t.deepEqual(
    lines.map(({ component, error, tag }) => [component, error, tag]),
    [
      ['polling', 'TypeError: of our own', 'v0'],
      ['web', 'TypeError: of our own', undefined],
      ['polling', 'no error at all', undefined],
    ],
  );
  t.regex(String(lines[0]?.stack), /^TypeError: of our own\n +at /);
  await clock.advance(60_000);
  errors.report('polling', new TypeError('of our own'));
  t.is(lines[3]?.repeats, 4);
});

test('a loop that throws is started again a second later, until it ends or its signal is aborted', async (t) => {
  const { clock } = setUp();
  const reported: unknown[] = [];
  const stop = new AbortController();
  let starts = 0;
  const loop = async () => {
    starts += 1;
    throw new Error(`start ${starts}`);
  };
  const running = keepRunning(loop, stop.signal, { clock, report: (error) => void reported.push(error) });
  await clock.advance(999);
  t.is(starts, 1);
  await clock.advance(2_001);
  t.is(starts, 4);
  stop.abort();
  await running;
  t.is(reported.length, 4);
  await keepRunning(async () => {}, new AbortController().signal, { clock, report: () => t.fail() });
});
