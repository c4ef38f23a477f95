// The faults of the API, chosen by the seed. To add a fault, add it to the list.
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
/** What stands in place of a status or a list. Where a name is there twice, the last one counts. */
const NO_STATUS = ['"Status":7', '"Status":["COMPLETE"]', '"Status":"COMPLETE","Status":true', '"Status":{"a":1}'];
const NO_LIST = [
  '"TotalCount":"3","Images":"none","Repositories":{}',
  '"TotalCount":3,"Images":[null],"Repositories":[7]',
  '"TotalCount":"03","Images":[{"Tag":7}],"Repositories":[{"RepoId":1,"RepoName":"a"}]',
  '"Images":[],"Images":[[]],"Repositories":[],"Repositories":[[]]',
];
const BUSINESS_CODES = ['REPO_TAG_NOT_EXIST', 'REPO_NOT_EXIST', 'INSTANCE_NOT_EXIST', 'SYSTEM_ERROR'];

function sometimes(random: Random, fault: Fault): Fault {
  return { share: random.one([0.1, 0.3, 0.7, 1]), ...fault };
}

function body(name: string, content: Fault): FaultKind {
  return { name, draw: (random) => sometimes(random, { body: content }) };
}

function answer(fields: string): string {
  return `{"Code":"success","IsSuccess":true,"RequestId":"1",${fields}}`;
}

export const FAULTS: readonly FaultKind[] = [
  {
    name: 'throttled, with a delay to wait',
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
  body('truncated JSON', { text: '{"RequestId":"1","Status":"COMP' }),
  body('an HTML page', { http_status: 502, content_type: 'text/html', text: '<html>Bad gateway</html>' }),
  body('an empty body', { text: '' }),
  body('null', { text: 'null' }),
  body('a huge body', { bytes: 3_000_000 }),
  body('very deeply nested JSON', { text: '{"Status":'.repeat(20_000) }),
  body('text in another character set', {
    content_type: 'application/json;charset=utf-16le',
    text: [...'{"Code":"success","Status":"COMPLETE"}'].join('\0'),
  }),
  body('no content', { http_status: 204, text: '' }),
  {
    name: 'a redirect',
    draw: (random) =>
      sometimes(random, {
        body: {
          http_status: random.one([301, 302, 307, 308]),
          headers: { location: random.one(['/_sim/state', 'http://127.0.0.1:9/', '//', '']) },
          text: '',
        },
      }),
  },
  body('plain text that is declared as compressed', {
    headers: { 'content-encoding': 'gzip' },
    text: '\u001f\u008b\b{}',
  }),
  {
    name: 'an answer in small, slow pieces',
    draw: (random) => sometimes(random, { drip: `${random.whole(100, 1_500)}ms` }),
  },
  body('an error without a code', { http_status: 400, text: '{"Code":404,"Message":["no"]}' }),
  {
    name: 'a status that is not a text, or appears twice',
    draw: (random) => sometimes(random, { ...STATUS, body: { text: answer(random.one(NO_STATUS)) } }),
  },
  {
    name: 'a list that is not a list, or appears twice',
    draw: (random) => sometimes(random, { operation: random.one(LISTS), body: { text: answer(random.one(NO_LIST)) } }),
  },
  {
    name: 'a time stamp that the API refuses',
    draw: (random) => sometimes(random, { error: { code: 'InvalidTimeStamp.Expired' } }),
  },
  {
    name: 'a list with a wrong total',
    draw: (random) => sometimes(random, { operation: random.one(LISTS), total_count: random.whole(0, 500) }),
  },
  {
    name: 'a list with an invalid next token',
    draw: (random) => sometimes(random, { operation: random.one(LISTS), next_token: 'nowhere' }),
  },
];
