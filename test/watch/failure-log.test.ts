import test from 'ava';
import { createWatching, entry } from '../helpers/watching.ts';

const API = { namespace: 'shop', name: 'api', id: 'crr-api' };

/** A tag that keeps failing with these codes, one poll after the other; gives what was logged. */
async function logged(...codes: readonly (string | undefined)[]): Promise<string[]> {
  const watching = createWatching();
  const stop = new AbortController();
  await watching.watch(entry(API, 'v1'));
  void watching.lane.run(stop.signal);
  for (const code of codes) {
    await watching.clock.advance(0);
    const { answer } = watching.next();
    if (code === undefined) answer.status('COMPLETE');
    else answer.error(code, 'transport');
    await watching.clock.advance(600_000);
  }
  stop.abort();
  return watching.events.map((event) =>
    event.replace(/^(.*?) \{.*"code":"(\w+)".*?(?:"repeats":(\d+))?\}$/, '$1 $2 $3').trim(),
  );
}

test('an error is logged when it changes, and when it ends', async (t) => {
  t.deepEqual(await logged('SystemError', 'NoPrivilege', 'SystemError', undefined, undefined), [
    'poll failed SystemError',
    'poll failed NoPrivilege',
    'poll failed SystemError',
    'poll answered again SystemError',
  ]);
});

test('the same error of the same tag is logged once in ten minutes, with how often it came', async (t) => {
  const watching = createWatching();
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  watching.poller.timing = { ...watching.poller.timing, backoff: { initialMs: 60_000, maxMs: 60_000 } };
  await watching.watch(entry(API, 'v1'));
  void watching.lane.run(stop.signal);
  // Polls come every 30 s: the back-off is 60 s, its random half 0.
  for (let polls = 0; polls < 41; polls++) {
    await watching.clock.advance(0);
    watching.next().answer.error('SystemError', 'transport');
    await watching.clock.advance(30_000);
  }
  t.deepEqual(
    watching.events.map((event) => /"repeats":(\d+)/.exec(event)?.[1]),
    [undefined, '20', '20'],
  );
});

test('other tags are told of in their own right', async (t) => {
  const watching = createWatching();
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  await watching.watch(entry(API, 'v1', 'v2'));
  void watching.lane.run(stop.signal);
  await watching.clock.advance(0);
  for (const { answer } of watching.pending.splice(0)) answer.error('SystemError', 'transport');
  await watching.clock.advance(0);
  t.is(watching.events.length, 2);
});
