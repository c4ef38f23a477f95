// What the credentials package reads of answers that are too large or packed: real servers, the real package.
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { loadSdk } from '../../src/acr/sdk.ts';
import { askProvider, NO_DEADLINE_MS } from './setup.ts';

const MAX_BYTES = 100_000;
const sdk = await loadSdk({ answerBounds: { maxBytes: MAX_BYTES, timeoutMs: NO_DEADLINE_MS } });

const session = {
  AccessKeyId: 'STS.1',
  AccessKeySecret: 'granted-secret',
  SecurityToken: 'granted-token',
  Expiration: new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, ''),
};

test('an answer that does not end is read up to the bound, and its connection is closed', async (t) => {
  let written = 0;
  const { asked, closed } = await askProvider(t, sdk, (response) => {
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
  const { asked, closed } = await askProvider(t, sdk, (response) => response.end(Buffer.alloc(MAX_BYTES + 1, ' ')));
  await t.throwsAsync(asked, { message: /the answer has more than 100000 bytes/ });
  await closed;
});

test('a compressed answer is not decompressed', async (t) => {
  const packed = gzipSync(Buffer.alloc(10_000_000, ' '));
  const { asked, closed } = await askProvider(t, sdk, (response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
  });
  await t.throwsAsync(asked, { message: /the answer is encoded as gzip, which was not asked for/ });
  await closed;
});

test('an answer within the bounds is taken whole, up to the last byte', async (t) => {
  const text = JSON.stringify(session).padEnd(MAX_BYTES, ' ');
  const { asked } = await askProvider(t, sdk, (response) => {
    response.write(text.slice(0, 50_000));
    response.end(text.slice(50_000));
  });
  t.like(await asked, { accessKeyId: 'STS.1', securityToken: 'granted-token' });
});
