// Answers of the ACR API as they should not be, for the targets that hand them to the client.
import fc from 'fast-check';
import { createAcrApi } from '../src/acr/acr-api.ts';
import { ApiError, credentialsUnavailable } from '../src/acr/api-error.ts';
import { Routes } from '../src/acr/connections/routes.ts';
import type { CredentialSource } from '../src/acr/credentials/credentials.ts';
import { ErrorCodeLimiter } from '../src/acr/error-code-limiter.ts';
import type { AcrApi, AcrOperations } from '../src/acr/operations.ts';
import type { Sdk } from '../src/acr/sdk.ts';
import { DIRECT } from '../src/model/connection-settings.ts';
import { systemClock } from '../src/util/clock.ts';
import { Redactor } from '../src/util/redactor.ts';
import { ANY_JSON, jsonLike, type Shape } from './json-texts.ts';
import { requireFitMessage, requireNoSecret, SECRETS } from './outputs.ts';
import { edited, repeated, spoilt } from './texts.ts';

const OUTLINE = { Code: '"success"', IsSuccess: 'true', RequestId: '"BC648259-91A7-4502-BED3-EDF64361FA83"' };
const REPOSITORY = { RepoId: '"crr-1"', RepoNamespaceName: '"shop"', RepoName: '"api"', RepoStatus: '"NORMAL"' };
const IMAGE = {
  Tag: '"v1"',
  Digest: `"sha256:${'ab'.repeat(32)}"`,
  ImageUpdate: '"1700000000000"',
  Status: '"NORMAL"',
};
const PAGE = { PageNo: '1', PageSize: '100', TotalCount: '"2"', NextToken: '"abc+/=="' };

const tagged = { instanceId: 'cri-1', repoId: 'crr-1', tag: 'v1' };
const paged = { instanceId: 'cri-1', pageNo: 1, pageSize: 100 };

/** Each operation, and the shape of its answer. */
export const OPERATIONS = [
  {
    name: 'GetRepoTagScanStatus',
    ask: (api: AcrOperations) => api.getRepoTagScanStatus(tagged),
    shape: { ...OUTLINE, Status: '"COMPLETE"', ScanService: '"ACR_SCAN_SERVICE"' },
  },
  {
    name: 'GetRepoTagScanSummary',
    ask: (api: AcrOperations) => api.getRepoTagScanSummary(tagged),
    shape: {
      ...OUTLINE,
      HighSeverity: '1',
      MediumSeverity: '2',
      LowSeverity: '3',
      UnknownSeverity: '0',
      TotalSeverity: '6',
    },
  },
  {
    name: 'GetRepository',
    ask: (api: AcrOperations) => api.getRepository({ instanceId: 'cri-1', repoId: 'crr-1' }),
    shape: { ...OUTLINE, ...REPOSITORY },
  },
  {
    name: 'ListRepository',
    ask: (api: AcrOperations) => api.listRepository(paged),
    shape: { ...OUTLINE, ...PAGE, Repositories: [REPOSITORY, { ...REPOSITORY, RepoName: '"web"' }] },
  },
  {
    name: 'ListRepoTag',
    ask: (api: AcrOperations) => api.listRepoTag({ ...paged, repoId: 'crr-1' }),
    shape: { ...OUTLINE, ...PAGE, Images: [IMAGE, { ...IMAGE, Tag: '"v2"' }] },
  },
  {
    name: 'GetRepoTag',
    ask: (api: AcrOperations) => api.getRepoTag(tagged),
    shape: { ...OUTLINE, ...IMAGE },
  },
] as const satisfies readonly { name: string; ask: (api: AcrOperations) => Promise<object>; shape: Shape }[];

/** The operation of a number. */
export function operationAt(number: number): (typeof OPERATIONS)[number] {
  const operation = OPERATIONS[number];
  if (operation === undefined) throw new Error(`expected an operation, found ${number}`);
  return operation;
}

const CODES = [
  ...[
    'Throttling.User',
    'Throttling',
    'NoPrivilege',
    'Forbidden.RAM',
    'SignatureDoesNotMatch',
    'InvalidAccessKeyId.NotFound',
  ],
  ...[
    'InvalidSecurityToken.Expired',
    'SystemError',
    'REPO_TAG_NOT_EXIST',
    'INSTANCE_NOT_EXIST',
    'InvalidAction.NotFound',
  ],
  ...[
    'success',
    'SUCCESS',
    'Never.Seen_1-x',
    'a'.repeat(65),
    'odd code',
    'näh',
    SECRETS.accessKeySecret,
    'other',
    'toString',
  ],
];

const { accessKeySecret, securityToken } = SECRETS;
export const SIGNATURE = 'a1b2'.repeat(16);
export const NONCE = '0f8fad5b-d9cb-469f-a165-70867728950e';
export const AUTHORIZATION = `ACS3-HMAC-SHA256 Credential=LTAIexample,SignedHeaders=host;x-acs-date,Signature=${SIGNATURE}`;

/** What messages of the API give back of the request, secrets included. */
const ECHOES = [
  accessKeySecret,
  securityToken,
  encodeURIComponent(securityToken),
  encodeURIComponent(encodeURIComponent(accessKeySecret)),
  JSON.stringify(accessKeySecret),
  AUTHORIZATION,
  SIGNATURE,
  NONCE,
  `Specified signature is not matched with our calculation. server string to sign is:GET&%2F&${encodeURIComponent(securityToken)}`,
  `SecurityToken=${securityToken}`,
];

const message = fc.oneof(
  fc
    .array(fc.constantFrom(...ECHOES, ' ', ', ', '\n', '\u200b', 'Signature=', 'SecurityToken: "', 'no'), {
      maxLength: 4,
    })
    .map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom(...ECHOES), fc.nat({ max: 320 })).map(([echo, before]) => 'x'.repeat(before) + echo),
  repeated(['signature', 'Signature=', 'securitytoken: "', ' ', 'string to sign is ', '%25', 'ab'.repeat(9)]),
);
const value = fc.oneof(fc.constantFrom(...CODES), message).map((text) => JSON.stringify(text));

/** The shape of an error. */
const FAILURE: Shape = {
  Code: '"SystemError"',
  Message: '"it failed"',
  RequestId: '"R-1"',
  HostId: '"cr"',
  Recommend: '"https://x"',
};
const BUSINESS_FAILURE: Shape = { ...FAILURE, IsSuccess: 'false' };
const SUCCESSES = OPERATIONS.map(({ shape }) => write(shape));

function write(shape: Shape): string {
  const written = (each: Shape[string]): string => {
    if (typeof each === 'string') return each;
    if (Array.isArray(each)) return `[${each.map(write).join()}]`;
    return write(each as Shape);
  };
  return `{${Object.entries(shape)
    .map(([field, each]) => `"${field}":${written(each)}`)
    .join()}}`;
}

const PIECES = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u00',
  '\0',
  '\ufeff',
  ' ',
  '0',
  '-',
  'e',
  'null',
  '<html>',
  '\r\n',
  '"Code"',
  '"__proto__":',
];

const failure = fc
  .tuple(fc.oneof(jsonLike(FAILURE, value), jsonLike(BUSINESS_FAILURE, value)), fc.constantFrom(...CODES))
  .map(([text, code]) => Buffer.from(text.replace('"SystemError"', JSON.stringify(code))));

/** The bytes of bodies, for an operation by its number. */
export const bodies: readonly fc.Arbitrary<Buffer>[] = OPERATIONS.map(({ shape }) =>
  fc.oneof(
    { weight: 5, arbitrary: jsonLike(shape, value).map((text) => Buffer.from(text)) },
    { weight: 3, arbitrary: failure },
    { weight: 2, arbitrary: spoilt(edited(SUCCESSES, PIECES)) },
    { weight: 1, arbitrary: ANY_JSON.map((text) => Buffer.from(text)) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(
          '',
          ' ',
          '<html><title>502 Bad Gateway</title></html>',
          '\ufeff{}',
          '{"a":1}{"b":2}',
          `{"Tag":"${'x'.repeat(300)}"}`,
        )
        .map((text) => Buffer.from(text)),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          fc.constantFrom('{"Tag":"a"}', '{}', '1', '"x"', '{"RepoId":"a","RepoNamespaceName":"b","RepoName":"c"}'),
          fc.constantFrom(1, 100, 5_000),
        )
        .map(([item, count]) => {
          const list = Array(count).fill(item).join();
          return Buffer.from(`{"IsSuccess":true,"Images":[${list}],"Repositories":[${list}],"TotalCount":${count}}`);
        }),
    },
  ),
);

const text = fc.constantFrom(
  '0',
  '1',
  '1500',
  '-1',
  '1e3',
  '0x10',
  '99999999999999999999',
  'soon',
  '',
  'Wed, 21 Oct 2026 07:28:00 GMT',
  '1.5',
  '1, 2',
  '١',
);

export const headers = fc.record(
  {
    'x-acs-retry-after': text,
    'retry-after': text,
    'x-acs-request-id': fc.constantFrom('R-2', '', 'a b', NONCE, 'x'.repeat(65), accessKeySecret.replace(/\W/g, '')),
    'content-type': fc.constantFrom('application/json', 'text/html', 'application/json;charset=gbk', ''),
  },
  { requiredKeys: [] },
);

export const statuses = fc.oneof(
  { weight: 4, arbitrary: fc.constant(200) },
  { weight: 3, arbitrary: fc.constantFrom(201, 204, 301, 304, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504) },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 999 }) },
);

const KEYS = { accessKeyId: 'LTAIexample', accessKeySecret, securityToken, type: 'sts' };

function heldKeys(): CredentialSource {
  return {
    ensure: async () => {},
    current: () => KEYS,
    unavailable: () => credentialsUnavailable('no credentials'),
    refresh: async () => false,
    refused: () => {},
    inUse: () => undefined,
    stop: () => {},
  };
}

/** So many secrets are remembered of a process that renews its credentials for days. */
const MANY_SECRETS = 250;

/** Requests go straight to their hosts. */
export function directRoutes(redactor: Redactor): Routes {
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  return new Routes(DIRECT, { env: {}, clock: systemClock, logger, redactor });
}

/** A client with the planted secrets; one that runs for long knows many more. */
export function apiOf(sdk: Sdk, host: string, options: { requestTimeoutMs: number; isOld?: boolean }): AcrApi {
  const redactor = options.isOld ? OLD_REDACTOR : new Redactor();
  for (const secret of Object.values(SECRETS)) redactor.add(secret);
  return createAcrApi({
    sdk,
    endpoint: { protocol: 'http', host },
    region: 'cn-hangzhou',
    routes: directRoutes(redactor),
    credentials: heldKeys(),
    requestTimeoutMs: options.requestTimeoutMs,
    errorCodes: new ErrorCodeLimiter(redactor),
    redactor,
  });
}

const OLD_REDACTOR = new Redactor();
for (let number = 0; number < MANY_SECRETS; number++) OLD_REDACTOR.add(`token+${number}/${'t0k/en='.repeat(100)}`);

const CODE = /^(?:[A-Za-z0-9._-]{1,64})$/;
const REQUEST_ID = /^[\w.:-]{0,64}$/;

/** Looks at what an operation came to; `sent` is what must not come back. Gives it in a word. */
export async function requireOutcome(
  ask: () => Promise<object>,
  sent: readonly string[],
): Promise<{ word: string; body?: object }> {
  let body: object;
  try {
    body = await ask();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    requireError(error, sent);
    return { word: error.kind };
  }
  requireBody(body);
  return { word: 'read', body };
}

function requireError({ code, message: shown, requestId, retryAfterMs }: ApiError, sent: readonly string[]): void {
  requireFitMessage(shown, 'the message');
  if (!CODE.test(code)) throw new Error(`expected a code, found ${JSON.stringify(code)}`);
  requireNoSecret(code, 'the code');
  if (!REQUEST_ID.test(requestId)) throw new Error(`expected an id of a request, found ${JSON.stringify(requestId)}`);
  requireNoSecret(requestId, 'the id of the request');
  if (retryAfterMs !== undefined && !(retryAfterMs >= 0 && retryAfterMs < 1e15))
    throw new Error(`a wait of ${retryAfterMs} ms`);
  const echo = sent.find((each) => `${shown} ${code} ${requestId}`.includes(each));
  if (echo !== undefined) throw new Error(`the error gives back ${echo}: ${shown}`);
}

function requireBody(body: object): void {
  const fields: Readonly<Record<string, unknown>> = { ...body };
  const { requestId, status = '', scanService = '' } = fields;
  if (typeof requestId !== 'string' || !REQUEST_ID.test(requestId))
    throw new Error(`the id of a request is ${String(requestId)}`);
  for (const shown of [status, scanService, requestId]) {
    if (typeof shown !== 'string' || shown.length > 64 || /\p{Cc}/u.test(shown))
      throw new Error(`not to be shown: ${JSON.stringify(shown)}`);
    requireNoSecret(shown, 'the answer');
  }
}
