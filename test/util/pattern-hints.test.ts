import test from 'ava';
import { patternHint } from '../../src/util/pattern-hints.ts';

for (const pattern of ['.*', '^v', 'v\\d+', '(a|b)', 'api$', 'v.+', '[0-9]*', 'v1{2}', '.*-rc']) {
  test(`${pattern} looks like a regular expression`, (t) => {
    t.regex(patternHint(pattern) ?? '', /looks like a regular expression, .* \* stands for any characters/);
  });
}

for (const pattern of ['*', 'v*', '1.*', 'v1.2.?', 'shop/api', 'a-b_c.d', 'release.*']) {
  test(`${pattern} is a pattern like any other`, (t) => {
    t.is(patternHint(pattern), undefined);
  });
}

test('invisible characters in a pattern are shown as escapes', (t) => {
  t.true(patternHint('^\u0085\u202e')?.startsWith('"^\\u0085\\u202e" looks'));
});
