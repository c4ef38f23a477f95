// Digests in their two forms.
import test from 'ava';
import fc from 'fast-check';
import { formOf, inForm, isSameDigest, shownDigest } from '../../src/model/digest.ts';

const digits = fc.stringMatching(/^[0-9a-f]{64}$/);

test('both forms of a digest are the same digest, are shown alike, and become each other', (t) => {
  const property = fc.property(digits, digits, (bare, other) => {
    const prefixed = `sha256:${bare}`;
    t.true(isSameDigest(bare, prefixed) && isSameDigest(prefixed, bare));
    t.is(isSameDigest(bare, `sha256:${other}`), bare === other);
    t.deepEqual([shownDigest(bare), shownDigest(prefixed)], [prefixed, prefixed]);
    t.deepEqual([formOf(bare), formOf(prefixed)], ['bare', 'prefixed']);
    t.deepEqual([inForm(bare, 'prefixed'), inForm(prefixed, 'bare')], [prefixed, bare]);
  });
  t.notThrows(() => fc.assert(property, { numRuns: 100 }));
});

test('a text that is no SHA-256 digest has one form alone', (t) => {
  for (const text of ['', 'sha256:67bf', 'sha512:67bf', `sha256:sha256:${'ab'.repeat(32)}`, 'AB'.repeat(32)]) {
    t.is(formOf(text), undefined);
    t.deepEqual([inForm(text, 'bare'), inForm(text, 'prefixed')], [text, text]);
  }
});
