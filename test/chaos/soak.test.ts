import test from 'ava';
import { median } from '../../chaos/soak/memory.ts';
import { reportOf } from '../../chaos/soak/report.ts';
import { RATE } from '../../chaos/soak/world.ts';

/** A soak of four minutes, whose process has this many bytes in each quarter. */
function record(quarters: readonly number[], requests = RATE * 240) {
  const memory = quarters.flatMap((rss) =>
    Array.from({ length: 60 }, () => ({ rss, heapTotal: rss / 2, heapUsed: rss / 4, external: 1 })),
  );
  return { memory, requests, seconds: 240, problems: [] };
}

test('a soak whose last quarter is within 2 % of the one before is in order, whatever came earlier', (t) => {
  t.deepEqual(reportOf(record([10e6, 50e6, 100e6, 101.9e6])).problems, []);
  t.deepEqual(reportOf(record([10e6, 50e6, 100e6, 98.1e6])).problems, []);
});

test('a soak whose memory moves by more than 2 % from the third quarter to the last is not', (t) => {
  for (const last of [102.1e6, 97.9e6]) {
    const [problem = ''] = reportOf(record([100e6, 100e6, 100e6, last])).problems;
    t.regex(problem, /^expected resident memory in the last quarter within 2 %/);
  }
});

test('a soak without samples is not in order', (t) => {
  t.is(reportOf({ memory: [], requests: RATE * 240, seconds: 240, problems: [] }).problems.length, 1);
});

test('a soak with fewer requests than nine tenths of what the rate allows, or with more than that and 2, is not in order', (t) => {
  const problems = (requests: number) => reportOf(record([1e6, 1e6, 1e6, 1e6], requests)).problems;
  t.deepEqual(problems(Math.ceil(0.9 * RATE * 240)), []);
  t.deepEqual(problems(RATE * 240 + 2), []);
  t.is(problems(Math.ceil(0.9 * RATE * 240) - 1).length, 1);
  t.is(problems(RATE * 240 + 3).length, 1);
});

test('what went wrong on the way is in the report', (t) => {
  const { lines, problems } = reportOf({ ...record([1e6, 1e6, 1e6, 1e6]), problems: ['the exporter ended with 1'] });
  t.deepEqual(problems, ['the exporter ended with 1']);
  t.true(lines.includes('problem: the exporter ended with 1'));
});

test('the median of an even number of values lies between the two in the middle', (t) => {
  t.is(median([4, 1, 3, 2]), 2.5);
  t.is(median([3, 1, 2]), 2);
});
