import test from 'ava';
import fc from 'fast-check';
import { Redactor } from '../../src/util/redactor.ts';

test('a secret is removed from any text, also percent-encoded once or twice, and escaped for JSON up to three times', (t) => {
  const property = fc.property(
    fc.string({ minLength: 6, unit: 'grapheme' }),
    fc.string(),
    fc.string(),
    (secret, before, after) => {
      fc.pre(!'[redacted]'.includes(secret));
      const redactor = new Redactor();
      redactor.add(secret);
      const strict = encodeURIComponent(secret).replace(
        /[!'()*]/g,
        (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
      );
      const writings = [
        secret,
        encodeURIComponent(secret),
        strict,
        encodeURIComponent(strict),
        JSON.stringify(secret).slice(1, -1),
        JSON.stringify(JSON.stringify(secret)).slice(3, -3),
        JSON.stringify(JSON.stringify(JSON.stringify(secret))).slice(7, -7),
      ];
      return writings.every((writing) => !redactor.redact(`${before} ${writing} ${after}`).includes(` ${writing} `));
    },
  );
  t.notThrows(() => fc.assert(property));
});

test('texts without secrets, and values that are too short for a secret, do not change', (t) => {
  const redactor = new Redactor();
  for (const secret of ['', 'a', 'abc']) redactor.add(secret);
  redactor.add('longer-secret');
  t.is(redactor.redact('abc is the alphabet'), 'abc is the alphabet');
});

test('of very many secrets the latest are remembered', (t) => {
  const redactor = new Redactor();
  for (let i = 0; i < 1_000; i++) redactor.add(`secret-number-${i}!`);
  t.is(redactor.redact('secret-number-999! secret-number-990!'), '[redacted] [redacted]');
});
