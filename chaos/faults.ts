// What the API does wrong, drawn by the seed. To add a fault, add it to the list.
import type { Random } from './random.ts';

/** A fault as `PUT /_sim/faults` takes it. */
export type Fault = Readonly<Record<string, unknown>>;
export type FaultKind = { readonly name: string; readonly draw: (random: Random) => Fault };

const STATUS = { operation: 'GetRepoTagScanStatus' };
const LISTS = ['ListRepository', 'ListRepoTag'];
const CODES = [
  'SystemError',
  'InternalError',
  'ServiceUnavailable',
  'NoPrivilege',
  'Forbidden.RAM',
  'SignatureNonceUsed',
];
const BUSINESS_CODES = ['REPO_TAG_NOT_EXIST', 'REPO_NOT_EXIST', 'INSTANCE_NOT_EXIST', 'SYSTEM_ERROR'];

function sometimes(random: Random, fault: Fault): Fault {
  return { share: random.one([0.1, 0.3, 0.7, 1]), ...fault };
}

function body(name: string, content: Fault): FaultKind {
  return { name, draw: (random) => sometimes(random, { body: content }) };
}

export const FAULTS: readonly FaultKind[] = [
  {
    name: 'throttled, with a time to wait',
    draw: (random) => ({
      first: random.whole(1, 3),
      error: { code: random.one(['Throttling.User', 'Throttling.Api']), retry_after: `${random.whole(100, 1_500)}ms` },
    }),
  },
  { name: 'throttled', draw: (random) => ({ first: random.whole(1, 3), error: { code: 'Throttling' } }) },
  {
    name: 'HTTP 429',
    draw: (random) => ({ first: random.whole(1, 2), body: { http_status: 429, text: 'slow down' } }),
  },
  { name: 'HTTP 503', draw: (random) => ({ first: random.whole(1, 2), body: { http_status: 503, text: '' } }) },
  { name: 'an error', draw: (random) => sometimes(random, { error: { code: random.one(CODES) } }) },
  {
    name: 'an error in HTTP 200',
    draw: (random) => sometimes(random, { ...STATUS, business_error: { code: random.one(BUSINESS_CODES) } }),
  },
  {
    name: 'refused credentials',
    draw: () => ({ first: 1, error: { code: 'InvalidAccessKeyId.NotFound' } }),
  },
  {
    name: 'an unknown status',
    draw: (random) => sometimes(random, { ...STATUS, status: random.one(['QUEUED', 'scanning', '…']) }),
  },
  { name: 'a reset before the answer', draw: (random) => sometimes(random, { reset: 'before_head' }) },
  { name: 'a reset within the answer', draw: (random) => sometimes(random, { reset: 'mid_body' }) },
  { name: 'a hang before the answer', draw: (random) => sometimes(random, { hang: 'before_head' }) },
  { name: 'a hang within the answer', draw: (random) => sometimes(random, { hang: 'mid_body' }) },
  body('half a JSON', { text: '{"RequestId":"1","Status":"COMP' }),
  body('a page of HTML', { http_status: 502, content_type: 'text/html', text: '<html>Bad gateway</html>' }),
  body('nothing', { text: '' }),
  body('null', { text: 'null' }),
  body('a huge body', { bytes: 3_000_000 }),
  {
    name: 'a list with a false total',
    draw: (random) => sometimes(random, { operation: random.one(LISTS), total_count: random.whole(0, 500) }),
  },
  {
    name: 'a list with a token that leads nowhere',
    draw: (random) => sometimes(random, { operation: random.one(LISTS), next_token: 'nowhere' }),
  },
];
