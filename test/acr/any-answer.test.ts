// Whatever comes back, it is an answer or an `ApiError` that is fit to be shown.
import type { IncomingMessage, ServerResponse } from 'node:http';
import test from 'ava';
import fc from 'fast-check';
import { ErrorCodeLimiter } from '../../src/acr/error-code-limiter.ts';
import type { AcrApi } from '../../src/acr/operations.ts';
import { Redactor } from '../../src/util/redactor.ts';
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

test('any status with any body is an answer or an ApiError', async (t) => {
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
        if (result) return status < 400 && result.status.length <= 64;
        const error = await failureOf(call);
        return CODES.test(error.code) && /^[\w.:-]{0,64}$/.test(error.requestId);
      }),
      { numRuns: 300 },
    ),
  );
});

test('any bytes in place of HTTP are an ApiError', async (t) => {
  let bytes = Buffer.alloc(0);
  const { host } = await startTcp(t, (socket) => socket.once('data', () => socket.end(bytes)));
  const api = testApi(host);
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

/** Every operation of the port that reads fields which an answer must have. */
const OPERATIONS: readonly ((api: AcrApi) => Promise<unknown>)[] = [
  (api) => api.getRepoTagScanStatus(scanRequest),
  (api) => api.getRepoTagScanSummary(scanRequest),
  (api) => api.getRepository({ instanceId: 'cri-1', repoId: 'crr-1' }),
  (api) => api.listRepository({ instanceId: 'cri-1', pageNo: 1, pageSize: 100 }),
  (api) => api.listRepoTag({ instanceId: 'cri-1', repoId: 'crr-1', pageNo: 1, pageSize: 100 }),
  (api) => api.listEventCenterRecord({ instanceId: 'cri-1', pageNo: 1, pageSize: 100 }),
];

/** The fields that are read, the ones without which an answer is refused more often. */
const FIELDS = 'Status HighSeverity RepoId RepoName RepoNamespaceName Repositories Images Tag'
  .concat(' Status HighSeverity RepoId Repositories Images Tag ScanService Code Message RequestId LowSeverity')
  .concat(' TotalCount Digest ImageUpdate __proto__ Records RuleNames RecordId CreateTime')
  .split(' ');

/** JSON text that nests, repeats and counts without a bound but that of an answer. */
const deep = fc
  .tuple(fc.constantFrom(['[', ']'], ['{"a":', '}'], ['[0,', ',{}]']), fc.constantFrom(1, 50, 20_000, 100_000))
  .map(([[open = '', close = ''], depth]) => `${open.repeat(depth)}null${close.repeat(depth)}`);
const wide = fc
  .tuple(fc.constantFrom('{}', '[]', '"\\ud800"', '1e400', '{"Tag":"v1"}'), fc.integer({ min: 1, max: 2_000 }))
  .map(([item, count]) => `[${Array(count).fill(item).join()}]`);
const number = fc.constantFrom('1e400', '-1e-400', '9'.repeat(5_000), '0.1', '-0');
const anyText = fc.string({ unit: 'binary', maxLength: 200 }).map((text) => JSON.stringify(text));
const plain = fc.constantFrom('"success"', 'true', 'false', 'null', '"v1"', '3', '"3"', '[]', '{}');
const hostile = fc.oneof(plain, anyText, deep, wide, number);
/** A success more often than not: only of that the fields are read. A key may come twice. */
const objectOf = (value: fc.Arbitrary<string>) =>
  fc
    .tuple(
      fc.constantFrom('"IsSuccess":true', '"IsSuccess":true', '"IsSuccess":false'),
      fc.array(fc.tuple(fc.constantFrom(...FIELDS), value), { maxLength: 6 }),
    )
    .map(([success, entries]) => `{${[success, ...entries.map(([name, text]) => `"${name}":${text}`)].join()}}`);
const listOfObjects = fc.array(objectOf(hostile), { maxLength: 3 }).map((list) => `[${list.join()}]`);
const hostileBody = fc.oneof(
  deep,
  objectOf(hostile),
  objectOf(listOfObjects),
  objectOf(fc.oneof(hostile, listOfObjects)),
);

test('any JSON, however deep, wide or large, is an answer or an ApiError in every operation', async (t) => {
  let answer = (_: IncomingMessage, response: ServerResponse) => response.end();
  const { host } = await startHttp(t, (request, response) => {
    answer(request, response);
  });
  const api = testApi(host);
  await t.notThrowsAsync(async () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(
          ...OPERATIONS,
          (api: AcrApi) => api.getRepoTag(scanRequest),
          (api: AcrApi) => api.listEventCenterRuleName({ instanceId: 'cri-1' }),
        ),
        fc.constantFrom(200, 200, 200, 503),
        hostileBody,
        async (...given) => {
          const [operation, status, text] = given;
          answer = (_, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(text);
          const result = operation(api);
          const succeeded = await result.then(
            () => true,
            () => false,
          );
          if (succeeded) return status < 400;
          const { code } = await failureOf(result);
          return CODES.test(code) && code !== 'NetworkError';
        },
      ),
      { numRuns: 300 },
    ),
  );
});

for (const [place, body] of [
  ['a field', (nested: string) => `{"IsSuccess":true,"Status":${nested},"HighSeverity":${nested},"RepoId":${nested}}`],
  [
    'a list',
    (nested: string) =>
      `{"IsSuccess":true,"Repositories":[${nested}],"Images":[${nested}],"Records":[${nested}],"Status":${nested}}`,
  ],
  [
    'an item of a list',
    (nested: string) =>
      `{"IsSuccess":true,"Status":[${nested}],"Repositories":[{"RepoId":${nested}}],"Images":[{"Tag":${nested}}]}`,
  ],
  ['a code and a message', (nested: string) => `{"IsSuccess":false,"Code":${nested},"Message":${nested}}`],
  ['a body', (nested: string) => nested],
] as const) {
  test(`lists nested 100,000 deep in ${place} are an InvalidResponse of every operation`, async (t) => {
    const text = body(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    const { host } = await startHttp(t, (_, response) => response.writeHead(200, { connection: 'close' }).end(text));
    for (const operation of OPERATIONS) {
      const { code, message } = await failureOf(operation(testApi(host)));
      t.is(code, 'InvalidResponse', message);
    }
  });
}

test('an error of our own code is not taken for one of the API', async (t) => {
  const { host } = await startHttp(t, (_, response) => response.writeHead(400).end('{"Code":"SystemError"}'));
  const defect = new TypeError('a defect');
  const errorCodes = new ErrorCodeLimiter(new Redactor());
  errorCodes.admit = () => {
    throw defect;
  };
  t.is(await t.throwsAsync(testApi(host, { errorCodes }).getRepoTagScanStatus(scanRequest)), defect);
});
