import test from 'ava';
import type { Tally } from '../../chaos/checker.ts';
import { LAWS } from '../../chaos/laws/laws.ts';
import { reportOf } from '../../chaos/report.ts';

/** Every law was checked once, but for some. */
function tallies(unchecked: readonly string[] = [], broken = 0): ReadonlyMap<string, Tally> {
  return new Map(LAWS.map(({ name }) => [name, { checked: unchecked.includes(name) ? 0 : 1, violations: [], broken }]));
}

test('a run in which every law was checked and none broken is in order, however long it is', (t) => {
  for (const minutes of [1, 60]) {
    const { lines, hasFailed } = reportOf({ seed: 7, minutes }, new Map(), tallies());
    t.false(hasFailed);
    t.is(lines.at(-1), 'seed 7: no violation');
    t.false(lines.some((line) => line.startsWith('never checked')));
  }
});

test('a run with a broken law has failed', (t) => {
  t.true(reportOf({ seed: 7, minutes: 1 }, new Map(), tallies([], 1)).hasFailed);
});

test('a law that was never checked is named, and is a failure in a run of five minutes or more', (t) => {
  const short = reportOf({ seed: 7, minutes: 4.9 }, new Map(), tallies(['idle', 'wait']));
  t.false(short.hasFailed);
  t.true(short.lines.includes('never checked: idle, wait') || short.lines.includes('never checked: wait, idle'));
  const long = reportOf({ seed: 7, minutes: 5 }, new Map(), tallies(['idle']));
  t.true(long.hasFailed);
  t.true(long.lines.includes('never checked: idle, which is a failure in a run of 5 minutes or more'));
});
