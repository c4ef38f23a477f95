import test from 'ava';
import { YieldEvery } from '../../src/util/yield-every.ts';

/** Counts turns, and remembers how many items were done at each. */
function setUp(every: number) {
  const done: number[] = [];
  const doneAtTurns: number[] = [];
  const yieldEvery = new YieldEvery(async () => {
    doneAtTurns.push(done.length);
  }, every);
  return { yieldEvery, done, doneAtTurns };
}

test('the event loop gets a turn after the given number of steps, and all steps are made', async (t) => {
  const { yieldEvery, done, doneAtTurns } = setUp(10);
  await yieldEvery.each(Array(25).keys(), (index) => done.push(index));
  t.is(done.length, 25);
  t.deepEqual(doneAtTurns, [10, 20]);
});

test('work that shares the counter shares the turns, and steps that are made at once bring the next turn forward', async (t) => {
  const { yieldEvery, done, doneAtTurns } = setUp(10);
  await yieldEvery.each(Array(4).keys(), (index) => done.push(index));
  yieldEvery.count(3);
  await yieldEvery.each(Array(4).keys(), (index) => done.push(index));
  t.deepEqual(doneAtTurns, [7]);
});

test('with the default turn, timers and I/O run in between', async (t) => {
  let ran = false;
  setImmediate(() => {
    ran = true;
  });
  await new YieldEvery(undefined, 2).each([1, 2], () => t.false(ran));
  t.true(ran);
});
