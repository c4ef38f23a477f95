// What the log says of credentials: why they are refused, and how far throttling has slowed requests down.
import test from 'ava';
import { ApiError, type ApiErrorKind } from '../../src/acr/api-error.ts';
import { SchedulerLog } from '../../src/scheduler/scheduler-log.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { createScriptedPipeline, entry } from '../helpers/scripted-pipeline.ts';

const MINUTE = 60_000;

function setUp() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = (message: string, fields: object = {}) => void lines.push([message, ...Object.values(fields)].join(' '));
  return { clock, lines, log: new SchedulerLog('default', { debug: log, info: log, warn: log, error: log }, clock) };
}

function errorOf(code: string, kind: ApiErrorKind): ApiError {
  return new ApiError({ code, kind, message: 'of the test', requestId: 'r-1' });
}

test('a refusal is logged with its reason and the next probe, and again when the reason changes or after ten minutes', async (t) => {
  const { clock, lines, log } = setUp();
  log.refused(errorOf('InvalidAccessKeyId.NotFound', 'refused'), 5_000);
  log.refused(errorOf('InvalidAccessKeyId.NotFound', 'refused'), 10_000);
  log.refused(errorOf('SignatureDoesNotMatch', 'refused'), 19_500);
  await clock.advance(10 * MINUTE);
  log.refused(errorOf('SignatureDoesNotMatch', 'refused'), 300_000);
  log.accepted();
  const refused = 'credentials refused: all requests with them wait default';
  t.deepEqual(lines, [
    `${refused} InvalidAccessKeyId.NotFound of the test r-1 in 5s`,
    `${refused} SignatureDoesNotMatch of the test r-1 in 20s`,
    `${refused} SignatureDoesNotMatch of the test r-1 in 5m`,
    'credentials accepted again default',
  ]);
});

test('throttling is logged when it lowers the rate further than before, and not each time that it comes back', async (t) => {
  const { clock, lines, log } = setUp();
  const throttled = errorOf('Throttling.User', 'throttled');
  for (let times = 0; times < 5; times++) {
    log.throttled(throttled, { current: 2.5, configured: 5 });
    await clock.advance(MINUTE);
    log.recovered(5);
  }
  log.throttled(throttled, { current: 1.25, configured: 5 });
  await clock.advance(10 * MINUTE);
  log.throttled(throttled, { current: 2.5, configured: 5 });
  const slowed = 'throttled: requests are slowed down default Throttling.User r-1';
  t.deepEqual(lines, [`${slowed} 2.5 5`, 'recovered from throttling default 5', `${slowed} 1.25 5`, `${slowed} 2.5 5`]);
});

test('a scheduler logs throttling, recovery, and why its credentials are refused', async (t) => {
  const pipeline = createScriptedPipeline();
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  await pipeline.watch(entry({ namespace: 'shop', name: 'api', id: 'crr-api' }, 'v1'));
  void pipeline.scheduler.run(stop.signal);
  await pipeline.clock.advance(0);
  pipeline.next().answer.error('Throttling.User', 'throttled');
  await pipeline.clock.advance(30_000);
  pipeline.next().answer.status('COMPLETE');
  await pipeline.clock.advance(10 * MINUTE);
  pipeline.next().answer.error('SignatureDoesNotMatch', 'refused');
  await pipeline.clock.advance(0);
  const events = pipeline.events.filter((event) => !event.startsWith('poll'));
  t.is(events.length, 3, events.join('\n'));
  t.regex(events[0] ?? '', /^throttled: .*"code":"Throttling.User".*"requests_per_second":5,"configured":10/);
  t.regex(events[1] ?? '', /^recovered from throttling .*"requests_per_second":10/);
  t.regex(events[2] ?? '', /^credentials refused: .*"code":"SignatureDoesNotMatch","error":".+".*"next_probe":"in 5s"/);
});
