import test from 'ava';
import { Slices } from '../../src/metrics/slices.ts';

/** A step that takes so many milliseconds and is called so often. */
function busy(times: number, ms: number, log: (left: number) => void): () => boolean {
  let left = times;
  return () => {
    const end = performance.now() + ms;
    while (performance.now() < end);
    log(--left);
    return left > 0;
  };
}

test('work is done to its end, with turns of the event loop in between', async (t) => {
  const order: string[] = [];
  const timer = setInterval(() => order.push('other'), 1);
  await new Slices().run(busy(20, 2, (left) => order.push(`step ${left}`)));
  clearInterval(timer);
  t.is(order.filter((entry) => entry.startsWith('step')).length, 20);
  t.true(order.indexOf('other') < order.indexOf('step 0'));
});

test('two pieces of work take turns and both end', async (t) => {
  const slices = new Slices();
  const order: string[] = [];
  await Promise.all([slices.run(busy(5, 6, () => order.push('a'))), slices.run(busy(5, 6, () => order.push('b')))]);
  t.is(order.join(''), 'ababababab');
});

test('work that throws rejects for its owner only, and later work goes on', async (t) => {
  const slices = new Slices();
  const failing = slices.run(() => {
    throw new Error('broken');
  });
  const other = slices.run(() => false);
  await t.throwsAsync(failing, { message: 'broken' });
  await t.notThrowsAsync(other);
  await t.notThrowsAsync(slices.run(() => false));
});
