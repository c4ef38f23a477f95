import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { Mutex } from '../../src/util/mutex.ts';

test('changes are made one after the other, small ones at once only when no other is under way', async (t) => {
  const changes = new Mutex(() => {});
  const events: string[] = [];
  changes.soon(async () => void events.push('at once'));
  t.deepEqual(events, ['at once']);
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  const first = changes.run(async () => {
    events.push('first begins');
    await promise;
    events.push('first ends');
  });
  const second = changes.run(async () => void events.push('second'));
  changes.soon(async () => void events.push('small'));
  await setImmediate();
  t.deepEqual(events, ['at once', 'first begins']);
  resolve();
  await Promise.all([first, second]);
  await changes.run(async () => {});
  t.deepEqual(events, ['at once', 'first begins', 'first ends', 'second', 'small']);
});

test('a change that fails tells its caller, and the next one is made', async (t) => {
  const changes = new Mutex(() => {});
  await t.throwsAsync(
    changes.run(() => Promise.reject(new Error('no'))),
    { message: 'no' },
  );
  t.is(await changes.run(async () => 'yes'), 'yes');
});
