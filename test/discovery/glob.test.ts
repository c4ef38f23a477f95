// Patterns of names, beside a matcher that is made of a definition rather than of an algorithm.
import test from 'ava';
import fc from 'fast-check';
import { anyOf, glob } from '../../src/discovery/glob.ts';

/** By the definition: what the first character of the pattern stands for, and the rest for the rest. Exponential, for short texts. */
function plainly(pattern: string, text: string): boolean {
  const [first, ...rest] = pattern;
  const others = rest.join('');
  if (first === undefined) return text === '';
  if (first === '*') return plainly(others, text) || (text !== '' && plainly(pattern, text.slice(1)));
  return text !== '' && (first === '?' || first === text[0]) && plainly(others, text.slice(1));
}

test('a pattern matches what it says, on texts of few letters', (t) => {
  const letters = fc.constantFrom('a', 'b', '/');
  const pattern = fc
    .array(fc.oneof(letters, fc.constantFrom('*', '?')), { maxLength: 8 })
    .map((parts) => parts.join(''));
  const text = fc.array(letters, { maxLength: 9 }).map((parts) => parts.join(''));
  let matches = 0;
  const property = fc.property(pattern, text, (one, other) => {
    const expected = plainly(one, other);
    if (expected) matches += 1;
    t.is(glob(one)(other), expected, `${one} on ${other}`);
  });
  fc.assert(property, { numRuns: 5_000 });
  t.true(matches > 200, `${matches} of the texts matched`);
});

test('a text that a pattern was made from matches, whatever stands in it', (t) => {
  const piece = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll(/[*?]/g, '.'));
  const property = fc.property(
    fc.array(piece, { minLength: 1, maxLength: 6 }),
    fc.array(piece, { minLength: 6 }),
    (pieces, fill) => {
      const text = pieces.map((each, index) => (index === 0 ? each : `${fill[index]}${each}`)).join('');
      t.true(glob(pieces.join('*'))(text));
      t.true(glob(text)(text));
      t.false(glob(`${text}x`)(text));
      t.false(glob(`x${text}`)(text));
    },
  );
  fc.assert(property, { numRuns: 500 });
});

test('what has a meaning in a regular expression has none in a pattern, and case counts', (t) => {
  t.true(glob('v1.0+x')('v1.0+x'));
  t.false(glob('v1.0')('v1x0'));
  t.false(glob('V1')('v1'));
  t.false(glob('v1')('v1\n'));
  t.true(glob('?')('😅'), 'a character, not half of one');
});

test('one of several patterns is enough, and without any nothing matches', (t) => {
  t.true(anyOf(['a*', 'b'])('b'));
  t.false(anyOf(['a*', 'b'])('c'));
  t.false(anyOf([])(''));
});

test('patterns of many stars or many characters come to an end, which one that backtracks would not', (t) => {
  const text = 'a'.repeat(255);
  for (const [pattern, expected] of [
    ['*'.repeat(100), true],
    ['*a'.repeat(100), true],
    [`${'*a'.repeat(100)}*b`, false],
    [`${'a*'.repeat(200)}b`, false],
    [`*${'a?'.repeat(60)}b*`, false],
    ['?*'.repeat(127), true],
    ['a'.repeat(10_000), false],
    ['*'.repeat(10_000), true],
    [`${'?*'.repeat(5_000)}`, false],
  ] as const) {
    t.is(glob(pattern)(text), expected, pattern.slice(0, 20));
  }
});
