import test from 'ava';
import { ErrorCodeLimiter } from '../../src/acr/error-code-limiter.ts';
import { Redactor } from '../../src/util/redactor.ts';

test('codes of up to 64 letters, digits, dots, underscores and dashes are admitted', (t) => {
  const codes = new ErrorCodeLimiter(new Redactor());
  for (const code of ['Throttling.User', 'REPO_NOT_EXIST', 'a-b.C_9', 'x'.repeat(64)]) t.is(codes.admit(code), code);
  for (const code of ['', 'x'.repeat(65), 'a b', 'a\n', 'ä', '{x="1"}', 'a/b']) t.is(codes.admit(code), 'other');
});

test('the first 100 codes stay, later ones are other', (t) => {
  const codes = new ErrorCodeLimiter(new Redactor());
  const hundred = Array.from({ length: 100 }, (_, index) => `Code${index}`);
  t.deepEqual(
    hundred.map((code) => codes.admit(code)),
    hundred,
  );
  t.is(codes.admit('OneMore'), 'other');
  t.is(codes.admit('Code0'), 'Code0');
  t.is(codes.admit('Code99'), 'Code99');
});

test('a code that holds a secret is other, even when it became one only later', (t) => {
  const redactor = new Redactor();
  const codes = new ErrorCodeLimiter(redactor);
  t.is(codes.admit('x.verysecret'), 'x.verysecret');
  redactor.add('verysecret');
  t.is(codes.admit('x.verysecret'), 'other');
});
