import test from 'ava';
import { countText, rateText, shortDigest, spanText } from '../../../src/web/page/texts.ts';

test('durations are in the largest unit of which there are two', (t) => {
  const spans = [-5, 0, 499, 59_499, 60_000, 200_000, 3_600_000, 86_399_000, 86_400_000, 187_200_000].map(spanText);
  t.deepEqual(spans, ['0 s', '0 s', '0 s', '59 s', '60 s', '3 min', '60 min', '23 h', '24 h', '2 d']);
});

test('rates, counts and digests are short', (t) => {
  t.deepEqual([5, 0.25, 10 / 3, 0.0001].map(rateText), ['5', '0.25', '3.33', '0.0001']);
  t.deepEqual([countText(1, 'tag'), countText(0, 'tag'), countText(12_345, 'tag')], ['1 tag', '0 tags', '12,345 tags']);
  t.is(shortDigest('sha256:0123456789abcdef'), '0123456789ab');
});
