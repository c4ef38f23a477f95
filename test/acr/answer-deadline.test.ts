// How long the credentials package waits for answers: real servers, the real package. The deadline is that of the whole process.
import test from 'ava';
import { loadSdk } from '../../src/acr/sdk.ts';
import { askProvider } from './setup.ts';

const sdk = await loadSdk({ answerBounds: { maxBytes: 100_000, timeoutMs: 500 } });

test('an answer that arrives byte by byte is given up at the deadline, and its connection is closed', async (t) => {
  const { asked, closed } = await askProvider(t, sdk, (response) => {
    const trickle = setInterval(() => response.write(' '), 50);
    response.once('close', () => clearInterval(trickle));
  });
  await t.throwsAsync(asked, { message: /no whole answer within 500 ms/ });
  await closed;
});

test('a request that is not answered at all is given up at the deadline', async (t) => {
  const { asked, closed } = await askProvider(t, sdk, () => {});
  await t.throwsAsync(asked, { message: /no whole answer within 500 ms/ });
  await closed;
});
