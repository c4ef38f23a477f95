import test from 'ava';
import {
  escapeLabelValue,
  formatLabels,
  formatMetadata,
  formatTimestamp,
} from '../../src/metrics/exposition-format.ts';

test('backslashes, quotes and newlines in a label value are escaped, and nothing else is touched', (t) => {
  t.is(escapeLabelValue('a\\b"c\nd'), 'a\\\\b\\"c\\nd');
  const untouched = 'v1.0-ß 🚀 {x=y}\t\r\u0000\u007f\u0085\u2028';
  t.is(escapeLabelValue(untouched), untouched);
});

test('halves of surrogate pairs become text that UTF-8 can write, and different texts stay different', (t) => {
  const given = [
    '\ud800',
    '\ud801',
    '\udc00',
    'a\udfffb',
    '\udc00\ud800',
    '\ufffdd800',
    '\ufffdfffdd800',
    '\ufffd\ud800',
  ];
  const texts = given.map(escapeLabelValue);
  t.is(new Set(texts.map((text) => Buffer.from(text).toString())).size, texts.length);
  for (const text of texts) t.is(Buffer.from(text).toString(), text);
});

test('labels are written in the order given, joined by commas', (t) => {
  t.is(formatLabels({ b: '1', a: 'x"y' }), 'b="1",a="x\\"y"');
  t.is(formatLabels({}), '');
});

test('help is escaped as the format asks', (t) => {
  t.is(formatMetadata('m', 'gauge', 'a\\b\n"c"', 'text'), '# HELP m a\\\\b\\n"c"\n# TYPE m gauge\n');
  t.is(formatMetadata('m', 'gauge', 'a\\b\n"c"', 'openmetrics'), '# HELP m a\\\\b\\n\\"c\\"\n# TYPE m gauge\n');
});

test('times are seconds with milliseconds, never with an exponent', (t) => {
  t.is(formatTimestamp(1_795_480_123_456), '1795480123.456');
  t.is(formatTimestamp(1_795_480_123_000), '1795480123.000');
  t.is(formatTimestamp(0), '0.000');
  t.is(formatTimestamp(1), '0.001');
  t.is(formatTimestamp(-1500), '-1.500');
});
