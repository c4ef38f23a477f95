// Which reloads run, and when, of those that are requested at the same time.
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { ReloadQueue } from '../../src/app/reload-queue.ts';
import type { ReloadResult } from '../../src/web/routes.ts';

/** A queue whose reloads end when the test says so. Each result names the number of its reload. */
function createQueue() {
  const running: (() => void)[] = [];
  const queue = new ReloadQueue(
    () =>
      new Promise<ReloadResult>((resolve) => {
        const problems = [`reload ${running.length + 1}`];
        running.push(() => resolve({ problems }));
      }),
  );
  return { queue, running };
}

test('reloads that are requested during a reload share the next one, which begins after it', async (t) => {
  const { queue, running } = createQueue();
  const first = queue.add();
  await setImmediate();
  const [second, third] = [queue.add(), queue.add()];
  await setImmediate();
  t.is(running.length, 1);
  running[0]?.();
  t.deepEqual(await first, { problems: ['reload 1'] });
  await setImmediate();
  t.is(running.length, 2);
  running[1]?.();
  t.deepEqual(await Promise.all([second, third]), [{ problems: ['reload 2'] }, { problems: ['reload 2'] }]);
});

for (const outcome of ['succeeds', 'fails'] as const) {
  test(`a reload that is requested during the start begins when the start ${outcome}`, async (t) => {
    const { queue, running } = createQueue();
    let endStart = () => {};
    queue.waitFor(
      new Promise<void>((resolve, reject) => {
        endStart = outcome === 'succeeds' ? resolve : () => reject(new Error('no SDK'));
      }),
    );
    const reload = queue.add();
    await setImmediate();
    t.is(running.length, 0);
    endStart();
    await setImmediate();
    t.is(running.length, 1);
    running[0]?.();
    t.deepEqual(await reload, { problems: ['reload 1'] });
  });
}

test('a reload that many requests share does not run beside a change that was added between them', async (t) => {
  const { queue, running } = createQueue();
  const first = queue.add();
  let endChange = () => {};
  const change = queue.between(
    () =>
      new Promise((resolve) => {
        endChange = resolve;
      }),
  );
  queue.add();
  const last = queue.between(async () => {});
  await setImmediate();
  running[0]?.();
  await first;
  queue.add();
  await setImmediate();
  t.is(running.length, 1, 'the next reload waits for both changes');
  endChange();
  await Promise.all([change, last]);
  await setImmediate();
  t.is(running.length, 2);
});
