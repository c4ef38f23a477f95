// What the operations answer: fields and types of the real API, its pages, and its words for what does not exist.
import test from 'ava';
import { callWithSdk, exchange, json, send, start, V1 } from './clients.ts';
import { ManualClock } from './manual-clock.ts';

const REGISTRY = {
  instances: [
    {
      id: 'cri-1',
      repositories: [
        { namespace: 'shop', name: 'api', id: 'crr-1', tags: ['v1', { count: 250, name: 'b{n}', start: 5 }] },
        { namespace: 'shop', name: 'web' },
        { namespace: 'other', name: 'api', id: 'crr-3', tags: [] },
      ],
    },
    { id: 'cri-2' },
  ],
};

test('GetRepository finds a repository by its id and by its names', async (t) => {
  const { address } = await start(t, { scenario: REGISTRY });
  const byId = await callWithSdk(address, 'GetRepository', { InstanceId: 'cri-1', RepoId: 'crr-1' });
  t.like(byId.body, {
    RepoId: 'crr-1',
    RepoName: 'api',
    RepoNamespaceName: 'shop',
    RepoStatus: 'NORMAL',
    IsSuccess: true,
  });
  const asked = { InstanceId: 'cri-1', RepoNamespaceName: 'shop', RepoName: 'web' };
  const byName = await callWithSdk(address, 'GetRepository', asked);
  t.regex(String(byName.body.RepoId), /^crr-[0-9a-f]{16}$/);
  const again = await start(t, { scenario: REGISTRY, seed: 99 });
  t.is((await callWithSdk(again.address, 'GetRepository', asked)).body.RepoId, byName.body.RepoId);
});

for (const [what, action, parameters, code] of [
  ['an instance', 'GetRepoTagScanStatus', { ...V1, InstanceId: 'cri-0' }, 'INSTANCE_NOT_EXIST'],
  ['a repository', 'GetRepoTagScanStatus', { ...V1, RepoId: 'crr-0' }, 'REPO_NOT_EXIST'],
  ['a repository of another instance', 'GetRepoTagScanStatus', { ...V1, InstanceId: 'cri-2' }, 'REPO_NOT_EXIST'],
  ['a tag', 'GetRepoTagScanStatus', { ...V1, Tag: 'v0' }, 'REPO_TAG_NOT_EXIST'],
  [
    'a tag named like a property of objects',
    'GetRepoTagScanSummary',
    { ...V1, Tag: '__proto__' },
    'REPO_TAG_NOT_EXIST',
  ],
  [
    'a namespace',
    'GetRepository',
    { InstanceId: 'cri-1', RepoNamespaceName: 'x', RepoName: 'api' },
    'NAMESPACE_NOT_EXIST',
  ],
  ['a name', 'GetRepository', { InstanceId: 'cri-1', RepoNamespaceName: 'other', RepoName: 'web' }, 'REPO_NOT_EXIST'],
] as const) {
  test(`${what} that does not exist is a business error in HTTP 200`, async (t) => {
    const { address } = await start(t, { scenario: REGISTRY });
    const reply = await send(address, action, parameters);
    t.is(reply.status, 200);
    t.like(json(reply), { Code: code, IsSuccess: false });
  });
}

for (const [action, parameters, code, status] of [
  ['GetRepoTagScanStatus', {}, 'MissingInstanceId', 400],
  ['GetRepoTagScanStatus', { InstanceId: 'cri-1' }, 'MissingRepoId', 400],
  ['GetRepoTagScanStatus', { InstanceId: 'cri-1', RepoId: 'crr-1', Tag: '' }, 'MissingTag', 400],
  ['GetRepository', { InstanceId: 'cri-1' }, 'MissingRepoId', 400],
  ['GetRepository', { InstanceId: 'cri-1', RepoName: 'api' }, 'MissingRepoNamespaceName', 400],
  ['GetRepository', { InstanceId: 'cri-1', RepoNamespaceName: 'shop' }, 'MissingRepoName', 400],
  ['DeleteEverything', V1, 'InvalidAction.NotFound', 404],
  ['toString', V1, 'InvalidAction.NotFound', 404],
] as const) {
  test(`${action} with ${JSON.stringify(parameters)} is refused with ${code}`, async (t) => {
    const { address } = await start(t, { scenario: REGISTRY });
    const reply = await send(address, action, parameters);
    t.is(reply.status, status);
    t.deepEqual(Object.keys(json(reply)).sort(), ['Code', 'HostId', 'Message', 'RequestId']);
    t.is(json(reply).Code, code);
    await t.throwsAsync(callWithSdk(address, action, parameters), { code });
  });
}

test('another API version and a missing action are refused', async (t) => {
  const { address } = await start(t);
  t.is(
    json(await send(address, 'GetRepository', V1, { headers: { 'x-acs-version': '2016-06-07' } })).Code,
    'InvalidVersion',
  );
  t.is(json(await exchange({ address, method: 'POST', path: '/' })).Code, 'MissingAction');
});

test('ListRepoTag pages through all tags, each once, with a total that is a text', async (t) => {
  const { address } = await start(t, { scenario: REGISTRY });
  const tags: unknown[] = [];
  const updates: number[] = [];
  for (const [page, length] of [
    [1, 100],
    [2, 100],
    [3, 51],
    [4, 0],
  ] as const) {
    const asked = { InstanceId: 'cri-1', RepoId: 'crr-1', PageNo: page, PageSize: 100 };
    const { body } = await callWithSdk(address, 'ListRepoTag', asked);
    t.like(body, { TotalCount: '251', PageNo: page, PageSize: 100 });
    const images = body.Images as readonly Record<string, unknown>[];
    t.is(images.length, length);
    tags.push(...images.map(({ Tag }) => Tag));
    updates.push(...images.map(({ ImageUpdate }) => Number(ImageUpdate)));
    for (const image of images) {
      t.regex(String(image.Digest), /^[0-9a-f]{64}$/);
      t.regex(typeof image.ImageUpdate === 'string' ? image.ImageUpdate : '', /^\d{13}$/);
      t.is(typeof image.ImageSize, 'number');
    }
  }
  t.deepEqual(
    updates,
    updates.toSorted((a, b) => b - a),
    'the last push first',
  );
  const builds = Array.from({ length: 250 }, (_, index) => `b${254 - index}`);
  t.deepEqual(
    tags.filter((tag) => tag !== 'v1'),
    builds,
    'tags with one name and a number were pushed in its order',
  );
  t.is(tags.length, 251);
});

test('a page has 30 entries by default and never more than 100', async (t) => {
  const { address } = await start(t, { scenario: REGISTRY });
  const count = async (page: Record<string, string>) => {
    const reply = json(await send(address, 'ListRepoTag', { InstanceId: 'cri-1', RepoId: 'crr-1', ...page }));
    return (reply.Images as unknown[] | undefined)?.length ?? reply.Code;
  };
  t.is(await count({}), 30);
  t.is(await count({ PageSize: '1000' }), 100);
  t.is(await count({ PageSize: '0' }), 'InvalidPageSize');
  t.is(await count({ PageNo: '-1' }), 'InvalidPageNo');
});

test('ListRepository filters by namespace, name and status', async (t) => {
  const { address } = await start(t, { scenario: REGISTRY });
  const names = async (filter: Record<string, string>) => {
    const { Repositories: list, TotalCount: total } = json(
      await send(address, 'ListRepository', { InstanceId: 'cri-1', ...filter }),
    );
    const found = (list as { RepoNamespaceName: string; RepoName: string }[]).map(
      ({ RepoNamespaceName, RepoName }) => `${RepoNamespaceName}/${RepoName}`,
    );
    t.is(total, String(found.length));
    return found;
  };
  t.deepEqual(await names({}), ['shop/api', 'shop/web', 'other/api']);
  t.deepEqual(await names({ RepoNamespaceName: 'shop', RepoStatus: 'NORMAL' }), ['shop/api', 'shop/web']);
  t.deepEqual(await names({ RepoName: 'api', RepoStatus: 'ALL' }), ['shop/api', 'other/api']);
  t.deepEqual(await names({ RepoStatus: 'DELETED' }), []);
});

test('CreateRepoTagScanTask starts a scan, but no second one while it runs', async (t) => {
  const clock = new ManualClock();
  const scenario = { ...REGISTRY, scan: { duration: '10s', retry_share: 0, failure_share: 0, scanned_share: 1 } };
  const { address } = await start(t, { scenario, clock });
  const ask = async (action: string) => json(await send(address, action, V1, { date: new Date(clock.now()) }));
  clock.advance(60_000);
  t.is((await ask('GetRepoTagScanStatus')).Status, 'COMPLETE');
  t.like(await ask('CreateRepoTagScanTask'), { Code: 'success', IsSuccess: true });
  t.is((await ask('GetRepoTagScanStatus')).Status, 'SCANNING');
  clock.advance(9_000);
  t.is((await ask('CreateRepoTagScanTask')).IsSuccess, true);
  t.is((await ask('GetRepoTagScanStatus')).Status, 'SCANNING');
  clock.advance(1_000);
  t.is((await ask('GetRepoTagScanStatus')).Status, 'COMPLETE');
});

test('GetRepoTagScanSummary counts nothing before a scan is complete, and sums up afterwards', async (t) => {
  const { simulator, address } = await start(t, { scenario: REGISTRY });
  const severities = async () => {
    const { HighSeverity, MediumSeverity, LowSeverity, UnknownSeverity, TotalSeverity } = json(
      await send(address, 'GetRepoTagScanSummary', V1),
    );
    return [HighSeverity, MediumSeverity, LowSeverity, UnknownSeverity, TotalSeverity].map(Number);
  };
  simulator.setStatus('cri-1', 'crr-1', 'v1', 'SCANNING');
  t.deepEqual(await severities(), [0, 0, 0, 0, 0]);
  simulator.setStatus('cri-1', 'crr-1', 'v1', 'COMPLETE');
  const [high = 0, medium = 0, low = 0, unknown = 0, total = 0] = await severities();
  t.true(total > 0);
  t.is(high + medium + low + unknown, total);
});

test('a status or a course can be given to a tag at run time, but not to one that does not exist', async (t) => {
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { scenario: REGISTRY, clock });
  const ask = async () => json(await send(address, 'GetRepoTagScanStatus', V1, { date: new Date(clock.now()) })).Status;
  simulator.setStatus('cri-1', 'crr-1', 'v1', 'ODD');
  t.is(await ask(), 'ODD');
  clock.advance(5_000);
  simulator.setTimeline('cri-1', 'crr-1', 'v1', [{ status: 'SCANNING', for: '3s' }, { status: 'FAILED' }]);
  t.is(await ask(), 'SCANNING');
  clock.advance(3_000);
  t.is(await ask(), 'FAILED');
  t.throws(() => simulator.setStatus('cri-1', 'crr-1', 'v0', 'FAILED'), { message: /cri-1\/crr-1:v0/ });
  t.throws(() => simulator.setTimeline('cri-1', 'crr-1', 'v1', [{ status: 'A' }, { status: 'B' }]), {
    message: /"for"/,
  });
});

test('ListRepoTag goes by token where it is asked for, and gives the list as it was at the first page', async (t) => {
  const { address, simulator } = await start(t, { scenario: REGISTRY });
  const asked = { InstanceId: 'cri-1', RepoId: 'crr-1', MaxResults: '100', PageNo: '3', PageSize: '7' };
  const tags: unknown[] = [];
  const lengths: number[] = [];
  for (let token: unknown = ''; token !== undefined && lengths.length < 10; ) {
    const page = token === '' ? asked : { ...asked, NextToken: String(token) };
    const { Images, NextToken, ...rest } = json(await send(address, 'ListRepoTag', page));
    t.like(rest, { MaxResults: 100, TotalCount: '251', PageNo: undefined });
    const images = Images as { Tag: string }[];
    lengths.push(images.length);
    tags.push(...images.map(({ Tag }) => Tag));
    token = NextToken;
    simulator.pushTag('cri-1', 'crr-1', `new-${lengths.length}`);
    simulator.deleteTag('cri-1', 'crr-1', `b${5 + lengths.length}`);
  }
  t.deepEqual(lengths, [100, 100, 51]);
  t.is(new Set(tags).size, 251);
  t.false(tags.some((tag) => String(tag).startsWith('new-')));
});

test('a list by token ends without one: also an empty list, and one that fills its only page', async (t) => {
  const { address } = await start(t, { scenario: REGISTRY });
  const empty = json(await send(address, 'ListRepoTag', { InstanceId: 'cri-1', RepoId: 'crr-3', MaxResults: '100' }));
  t.like(empty, { Images: [], TotalCount: '0', NextToken: undefined });
  const full = json(await send(address, 'ListRepository', { InstanceId: 'cri-1', MaxResults: '3' }));
  t.is(full.NextToken, undefined);
  t.is((full.Repositories as unknown[]).length, 3);
});

test('a token that is none, or of no list, is InvalidNextToken, and an odd MaxResults InvalidMaxResults', async (t) => {
  const { address } = await start(t, { scenario: REGISTRY });
  const code = async (page: Record<string, string>) =>
    json(await send(address, 'ListRepoTag', { InstanceId: 'cri-1', RepoId: 'crr-1', ...page })).Code;
  t.is(await code({ NextToken: 'x' }), 'InvalidNextToken');
  t.is(await code({ NextToken: `${Buffer.from('99:0').toString('base64')}+/==`, MaxResults: '5' }), 'InvalidNextToken');
  t.is(await code({ MaxResults: '0' }), 'InvalidMaxResults');
});

test('an older API ignores MaxResults and NextToken', async (t) => {
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: [{ count: 251 }] }];
  const { address } = await start(t, { scenario: { instances: [{ id: 'cri-1', paging: 'pages', repositories }] } });
  const page = { MaxResults: '5', NextToken: 'x', PageNo: '2', PageSize: '100' };
  const body = json(await send(address, 'ListRepoTag', { InstanceId: 'cri-1', RepoId: 'crr-1', ...page }));
  t.like(body, { PageNo: 2, PageSize: 100, NextToken: undefined, MaxResults: undefined });
});

test('a tag whose deletion has begun is listed as DELETING until it is gone', async (t) => {
  const clock = new ManualClock();
  const tags = [{ tag: 'v1', deleting: '10s', deleted: '20s' }, 'v2'];
  const instances = [{ id: 'cri-1', repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }] }];
  const { address, simulator } = await start(t, { scenario: { instances }, clock });
  const statuses = async () => {
    const { Images } = json(
      await send(address, 'ListRepoTag', { InstanceId: 'cri-1', RepoId: 'crr-1' }, { date: new Date(clock.now()) }),
    );
    return (Images as { Tag: string; Status: string }[]).map(({ Tag, Status }) => `${Tag} ${Status}`).sort();
  };
  t.deepEqual(await statuses(), ['v1 NORMAL', 'v2 NORMAL']);
  clock.advance(10_000);
  t.deepEqual(await statuses(), ['v1 DELETING', 'v2 NORMAL']);
  t.deepEqual(
    simulator.state().map(({ isDeleting }) => isDeleting),
    [true, false],
  );
  clock.advance(10_000);
  t.deepEqual(await statuses(), ['v2 NORMAL']);
});

test('ListRepository filters by the status that a repository has', async (t) => {
  const repositories = (['NORMAL', 'DELETING', 'DELETED'] as const).map((status, index) => {
    return { namespace: 'shop', name: `r${index}`, status };
  });
  const { address } = await start(t, { scenario: { instances: [{ id: 'cri-1', repositories }] } });
  const names = async (filter: Record<string, string>) => {
    const { Repositories } = json(await send(address, 'ListRepository', { InstanceId: 'cri-1', ...filter }));
    return (Repositories as { RepoName: string; RepoStatus: string }[]).map(
      (each) => `${each.RepoName} ${each.RepoStatus}`,
    );
  };
  t.deepEqual(await names({ RepoStatus: 'NORMAL' }), ['r0 NORMAL']);
  t.deepEqual(await names({}), ['r0 NORMAL', 'r1 DELETING', 'r2 DELETED']);
});
