// What the answers with lists and numbers become, and what is not believed of them.
import test, { type ExecutionContext } from 'ava';
import { Redactor } from '../../src/util/redactor.ts';
import { startHttp } from '../helpers/raw-server.ts';
import { failureOf, scanRequest, testApi } from './setup.ts';

async function apiAnswering(t: ExecutionContext, body: object) {
  const { host } = await startHttp(t, (_, response) => {
    response.end(JSON.stringify({ IsSuccess: true, Code: 'success', RequestId: 'R-1', ...body }));
  });
  return testApi(host);
}

const NUMBERS = { HighSeverity: 1, MediumSeverity: 0, LowSeverity: 12, UnknownSeverity: 3, TotalSeverity: 16 };
const PAGE = { instanceId: 'cri-1', pageNo: 1, pageSize: 100 };
const REPOSITORY = { RepoId: 'crr-1', RepoNamespaceName: 'shop', RepoName: 'api' };

test('the numbers of a summary arrive by severity', async (t) => {
  const api = await apiAnswering(t, NUMBERS);
  t.deepEqual(await api.getRepoTagScanSummary(scanRequest), {
    highSeverity: 1,
    mediumSeverity: 0,
    lowSeverity: 12,
    unknownSeverity: 3,
    requestId: 'R-1',
  });
});

for (const [title, numbers] of [
  ['missing', { HighSeverity: undefined }],
  ['null', { LowSeverity: null }],
  ['negative', { MediumSeverity: -1 }],
  ['a text', { UnknownSeverity: '3' }],
  ['a fraction', { HighSeverity: 1.5 }],
] as const) {
  test(`a number of a summary that is ${title} is an InvalidResponse, not a value`, async (t) => {
    const api = await apiAnswering(t, { ...NUMBERS, ...numbers });
    const [field = ''] = Object.keys(numbers);
    const { code, message } = await failureOf(api.getRepoTagScanSummary(scanRequest));
    t.is(code, 'InvalidResponse');
    t.true(message.includes(`expected a whole number of at least 0 in ${field}`), message);
  });
}

test('lists arrive with what is used of them, times and totals from text', async (t) => {
  const images = [
    { Tag: 'v1', Digest: 'sha256:a', ImageUpdate: '1700000000000', ImageSize: 5, Status: 'NORMAL' },
    { Tag: 'v2', Digest: 'ab'.repeat(32), ImageUpdate: 1_700_000_000_001, Status: 'DELETING' },
    { Tag: 'v3', Digest: null, ImageUpdate: 'yesterday' },
  ];
  const api = await apiAnswering(t, {
    Images: images,
    Repositories: [{ ...REPOSITORY, RepoStatus: 'DELETING' }],
    TotalCount: '3',
  });
  t.deepEqual(await api.listRepoTag({ ...PAGE, repoId: 'crr-1' }), {
    images: [
      { tag: 'v1', digest: 'sha256:a', imageUpdate: 1_700_000_000_000, isDeleting: false },
      { tag: 'v2', digest: 'ab'.repeat(32), imageUpdate: 1_700_000_000_001, isDeleting: true },
      { tag: 'v3', digest: '', imageUpdate: undefined, isDeleting: false },
    ],
    totalCount: 3,
    nextToken: '',
    requestId: 'R-1',
  });
  t.deepEqual(await api.listRepository(PAGE), {
    repositories: [{ repoId: 'crr-1', repoNamespaceName: 'shop', repoName: 'api', isGone: true }],
    totalCount: 3,
    nextToken: '',
    requestId: 'R-1',
  });
});

test('a single tag arrives with its digest as it is answered, and with whether it is being deleted', async (t) => {
  const request = { instanceId: 'cri-1', repoId: 'crr-1', tag: 'v1' };
  const digest = 'ab'.repeat(32);
  const normal = await apiAnswering(t, { Tag: 'v1', Digest: digest, Status: 'NORMAL', ImageUpdate: 1_700_000_000_000 });
  t.deepEqual(await normal.getRepoTag(request), {
    digest,
    imageUpdate: 1_700_000_000_000,
    isDeleting: false,
    requestId: 'R-1',
  });
  const deleting = await apiAnswering(t, { Tag: 'v1', Status: 'DELETING' });
  t.like(await deleting.getRepoTag(request), { digest: '', imageUpdate: undefined, isDeleting: true });
});

test('no list is an empty one where the answer counts none, and else no answer', async (t) => {
  const empty = await apiAnswering(t, { TotalCount: '0' });
  t.deepEqual((await empty.listRepository(PAGE)).repositories, []);
  for (const body of [{ TotalCount: '4' }, {}, { Repositories: 'none' }, { Repositories: {} }]) {
    const api = await apiAnswering(t, body);
    t.is((await failureOf(api.listRepository(PAGE))).code, 'InvalidResponse', JSON.stringify(body));
  }
});

test('an item that is not what the API promises is an InvalidResponse that says which', async (t) => {
  for (const [item, flaw] of [
    [{ ...REPOSITORY, RepoId: 7 }, 'expected a text in Repositories[1].RepoId, found 7'],
    [null, 'expected an object in Repositories[1], found null'],
    [{ ...REPOSITORY, RepoName: 'n'.repeat(256) }, 'at most 255 characters in Repositories[1].RepoName, found 256'],
  ] as const) {
    const api = await apiAnswering(t, { Repositories: [REPOSITORY, item] });
    const { code, message } = await failureOf(api.listRepository(PAGE));
    t.is(code, 'InvalidResponse');
    t.true(message.includes(flaw), message);
  }
});

test('a total that is no number is not known', async (t) => {
  for (const total of [undefined, null, '', 'many', '-1', 1.5, {}]) {
    const api = await apiAnswering(t, { Repositories: [], TotalCount: total });
    t.is((await api.listRepository(PAGE)).totalCount, undefined, String(total));
  }
});

test('the token of the next page arrives as it is, and what is no token is an InvalidResponse', async (t) => {
  const token = '*****V3MpHK1AP0pfERHZN5pu6lESTRp/+w9F==';
  const more = await apiAnswering(t, { Images: [], NextToken: token });
  t.is((await more.listRepoTag({ ...PAGE, repoId: 'crr-1' })).nextToken, token);
  for (const last of [undefined, null, '']) {
    const api = await apiAnswering(t, { Images: [], NextToken: last });
    t.is((await api.listRepoTag({ ...PAGE, repoId: 'crr-1' })).nextToken, '');
  }
  for (const odd of [7, [token], 'x'.repeat(2_049)]) {
    const api = await apiAnswering(t, { Images: [], NextToken: odd });
    t.is((await failureOf(api.listRepoTag({ ...PAGE, repoId: 'crr-1' }))).code, 'InvalidResponse');
  }
});

test('a repository is gone when its status is another than NORMAL, not when the answer has none', async (t) => {
  const repositories = [undefined, null, '', 'NORMAL', 'DELETING', 'DELETED'].map((RepoStatus) => {
    return { ...REPOSITORY, RepoStatus };
  });
  const api = await apiAnswering(t, { Repositories: repositories });
  t.deepEqual(
    (await api.listRepository(PAGE)).repositories.map(({ isGone }) => isGone),
    [false, false, false, false, true, true],
  );
});

test('names that are read and not shown are not searched for secrets: a list may have ten thousand, and a process know hundreds', async (t) => {
  let searched = 0;
  class Counting extends Redactor {
    override redact(text: string): string {
      searched += 1;
      return super.redact(text);
    }
  }
  const Images = Array.from({ length: 1_000 }, (_, index) => ({ Tag: `v${index}` }));
  const { host } = await startHttp(t, (_, response) => response.end(JSON.stringify({ IsSuccess: true, Images })));
  const api = testApi(host, { redactor: new Counting() });
  const answer = await api.listRepoTag({ instanceId: 'cri-1', repoId: 'crr-1', pageNo: 1, pageSize: 100 });
  t.is(answer.images.length, 1_000);
  t.true(searched < 10, `${searched} texts`);
});
