import test from 'ava';
import fc from 'fast-check';
import { messageText } from '../../src/acr/safe-text.ts';
import { Redactor } from '../../src/util/redactor.ts';

test('a text is one line without control characters and no longer than allowed, whatever it was', (t) => {
  const redactor = new Redactor();
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 20 }), (text, longest) => {
      const shown = messageText(text, redactor, longest);
      t.true(shown.length <= longest);
      t.notRegex(shown, /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u);
    }),
  );
  t.is(messageText(' a\r\n\tb\u2028\u202ec ', redactor), 'a b c');
  t.is(messageText('plain words, ümlauts and 😀', redactor), 'plain words, ümlauts and 😀');
});

test('a secret is removed before the text is cut, so that no part of it is left', (t) => {
  const redactor = new Redactor();
  redactor.add('verysecret');
  for (let before = 0; before < 30; before += 1) {
    t.notRegex(messageText(`${'x'.repeat(before)}verysecret${'y'.repeat(20)}`, redactor, 25), /very/);
  }
});
