import test from 'ava';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../src/util/duration.ts';

test('durations are read as Prometheus writes them', (t) => {
  const read = {
    '500ms': 500,
    '15s': 15_000,
    '10m': 600_000,
    '2h': 7_200_000,
    '30d': 2_592_000_000,
    '1h30m': 5_400_000,
    '0s': 0,
    '1m1ms': 60_001,
  };
  t.deepEqual(Object.fromEntries(Object.keys(read).map((text) => [text, parseDuration(text)])), read);
});

test('a text that is not a duration is refused', (t) => {
  for (const text of [
    '',
    '5',
    '5 s',
    '-5s',
    '1.5h',
    's',
    '5S',
    '5m5h',
    '5m5m',
    '1y',
    '5s ',
    '１s',
    '99999999999999999d',
  ]) {
    t.is(parseDuration(text), undefined, JSON.stringify(text));
  }
});

test('every whole number of milliseconds is formatted so that it parses to the same number', (t) => {
  t.notThrows(() =>
    fc.assert(fc.property(fc.nat({ max: 10 ** 12 }), (ms) => parseDuration(formatDuration(ms)) === ms)),
  );
  t.is(formatDuration(90_000), '1m30s');
});
