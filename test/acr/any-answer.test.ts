// Whatever comes back, it is an answer or an `ApiError` that is fit to be shown.
import type { IncomingMessage, ServerResponse } from 'node:http';
import test from 'ava';
import fc from 'fast-check';
import { startHttp, startTcp } from '../helpers/raw-server.ts';
import { failureOf, scanAnswer, scanRequest, testApi } from './setup.ts';

const CODES = /^(?:[A-Za-z0-9._-]{1,64}|HttpStatus_[4-9]\d\d|InvalidResponse|other)$/;

const field = fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue(), fc.boolean(), fc.constant('success'));
const object = fc.record(
  { Status: field, Code: field, IsSuccess: field, Message: field, RequestId: field, ScanService: field },
  { requiredKeys: [] },
);
const body = fc.oneof(
  object.map((value) => JSON.stringify(value)),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary' }),
  fc.nat({ max: 140 }).map((length) => JSON.stringify(scanAnswer).slice(0, length)),
);

test('any status and any body', async (t) => {
  let answer = (_: IncomingMessage, response: ServerResponse) => response.end();
  const { host } = await startHttp(t, (request, response) => {
    answer(request, response);
  });
  const api = testApi(host);
  await t.notThrowsAsync(async () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 200, max: 999 }), body, async (status, text) => {
        answer = (_, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(text);
        const call = api.getRepoTagScanStatus(scanRequest);
        const result = await call.then(
          (value) => value,
          () => undefined,
        );
        if (result) return status < 400 && result.body.status.length > 0 && result.body.status.length <= 64;
        const error = await failureOf(call);
        return CODES.test(error.code) && /^[\w.:-]{0,64}$/.test(error.requestId);
      }),
      { numRuns: 300 },
    ),
  );
});

test('any bytes in place of HTTP', async (t) => {
  let bytes = Buffer.alloc(0);
  const { host } = await startTcp(t, (socket) => socket.once('data', () => socket.end(bytes)));
  const api = testApi(host, { requestTimeoutMs: 2000 });
  const head = fc.constantFrom('', 'HTTP/1.1 ', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n');
  await t.notThrowsAsync(async () =>
    fc.assert(
      fc.asyncProperty(head, fc.uint8Array({ maxLength: 100 }), async (start, rest) => {
        bytes = Buffer.concat([Buffer.from(start), rest]);
        const error = await failureOf(api.getRepoTagScanStatus(scanRequest));
        return error.kind === 'transport';
      }),
      { numRuns: 200 },
    ),
  );
});

test('any text in a request reaches the server as it is, or is an ApiError', async (t) => {
  let received: string | null = '';
  const { host } = await startHttp(t, ({ url = '' }, response) => {
    received = new URL(url, 'http://x').searchParams.get('Tag');
    response.end(JSON.stringify(scanAnswer));
  });
  const api = testApi(host);
  const tags = fc.string({ unit: 'binary', minLength: 1 });
  await fc.assert(
    fc.asyncProperty(tags, async (tag) => {
      await api.getRepoTagScanStatus({ ...scanRequest, tag });
      return received === tag;
    }),
  );
  t.is((await failureOf(api.getRepoTagScanStatus({ ...scanRequest, tag: '\ud800' }))).code, 'NetworkError');
});
