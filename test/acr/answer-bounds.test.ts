// What the credentials package reads of answers that are too large, too slow, or packed: real servers, the real package.
import type { RequestListener, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { loadSdk } from '../../src/acr/sdk.ts';
import { startHttp } from '../helpers/raw-server.ts';

const MAX_BYTES = 100_000;
const sdk = await loadSdk({ answerBounds: { maxBytes: MAX_BYTES, timeoutMs: 500 } });

const session = {
  AccessKeyId: 'STS.1',
  AccessKeySecret: 'granted-secret',
  SecurityToken: 'granted-token',
  Expiration: new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, ''),
};

/** Asks a credentials URI that is answered so; `closed` resolves when the server has lost the connection. */
async function ask(t: ExecutionContext, answer: (response: ServerResponse) => void) {
  let lost: () => void;
  const closed = new Promise<void>((resolve) => {
    lost = resolve;
  });
  const listener: RequestListener = (_, response) => {
    response.once('close', lost);
    answer(response);
  };
  const { host } = await startHttp(t, listener);
  const provider = sdk.providers.createSessionProvider('credentials_uri', {
    credentialsURI: `http://${host}/`,
    readTimeout: 60_000,
    connectTimeout: 60_000,
  });
  return { asked: provider.refresher(), closed };
}

test('an answer that does not end is read up to the bound, and its connection is closed', async (t) => {
  let written = 0;
  const { asked, closed } = await ask(t, (response) => {
    const chunk = Buffer.alloc(16_384, ' ');
    const more = () => {
      while (!response.destroyed && response.write(chunk)) written += chunk.length;
      written += chunk.length;
    };
    response.on('drain', more);
    more();
  });
  await t.throwsAsync(asked, { message: /the answer has more than 100000 bytes/ });
  await closed;
  // What lies in the buffers of both ends comes on top of what is read.
  t.true(written < 64 * MAX_BYTES, `${written} bytes were sent`);
});

test('an answer whose first chunk is already too large is rejected', async (t) => {
  const { asked, closed } = await ask(t, (response) => response.end(Buffer.alloc(MAX_BYTES + 1, ' ')));
  await t.throwsAsync(asked, { message: /the answer has more than 100000 bytes/ });
  await closed;
});

test('an answer that arrives byte by byte is given up at the deadline, and its connection is closed', async (t) => {
  const { asked, closed } = await ask(t, (response) => {
    const trickle = setInterval(() => response.write(' '), 50);
    response.once('close', () => clearInterval(trickle));
  });
  await t.throwsAsync(asked, { message: /no whole answer within 500 ms/ });
  await closed;
});

test('a request that is not answered at all is given up at the deadline', async (t) => {
  const { asked, closed } = await ask(t, () => {});
  await t.throwsAsync(asked, { message: /no whole answer within 500 ms/ });
  await closed;
});

test('a compressed answer is not decompressed', async (t) => {
  const packed = gzipSync(Buffer.alloc(10_000_000, ' '));
  const { asked, closed } = await ask(t, (response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
  });
  await t.throwsAsync(asked, { message: /the answer is encoded as gzip, which was not asked for/ });
  await closed;
});

test('an answer within the bounds is taken whole, up to the last byte', async (t) => {
  const text = JSON.stringify(session).padEnd(MAX_BYTES, ' ');
  const { asked } = await ask(t, (response) => {
    response.write(text.slice(0, 50_000));
    response.end(text.slice(50_000));
  });
  t.like(await asked, { accessKeyId: 'STS.1', securityToken: 'granted-token' });
});
