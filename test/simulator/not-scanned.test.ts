// How the simulator answers about images that were never scanned, about single tags, and to digests in either form.
import test from 'ava';
import { json, send, start } from './clients.ts';

const DIGEST = 'ab'.repeat(32);

const tags = [
  { tag: 'absent', status: 'NOT_SCANNED' },
  { tag: 'empty', status: 'NOT_SCANNED', not_scanned: 'empty' as const },
  { tag: 'null', status: 'NOT_SCANNED', not_scanned: 'null' as const },
  { tag: 'error', status: 'NOT_SCANNED', not_scanned: 'error' as const },
  { tag: 'business', status: 'NOT_SCANNED', not_scanned: 'business_error' as const },
];

function ask(address: string, action: string, parameters: Readonly<Record<string, string>>) {
  return send(address, action, { InstanceId: 'cri-1', RepoId: 'crr-1', ...parameters });
}

test('an image that was never scanned is answered in the way that the scenario says', async (t) => {
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }];
  const { address, simulator } = await start(t, { scenario: { instances: [{ id: 'cri-1', repositories }] } });
  const answers = new Map<string, unknown[]>();
  for (const { tag } of tags) {
    const reply = await ask(address, 'GetRepoTagScanStatus', { Tag: tag });
    const body = json(reply);
    answers.set(tag, [reply.status, body.Code, 'Status' in body ? body.Status : 'none']);
  }
  t.deepEqual(Object.fromEntries(answers), {
    absent: [200, 'success', 'none'],
    empty: [200, 'success', ''],
    null: [200, 'success', null],
    error: [404, 'SCAN_TASK_NOT_EXIST', 'none'],
    business: [200, 'SCAN_TASK_NOT_EXIST', 'none'],
  });
  t.deepEqual([...new Set(simulator.state().map(({ status }) => status))], ['NOT_SCANNED']);
});

test('a scan that is asked for is the first of an image that was never scanned', async (t) => {
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }];
  const { address } = await start(t, { scenario: { instances: [{ id: 'cri-1', repositories }] } });
  await ask(address, 'CreateRepoTagScanTask', { Tag: 'error' });
  t.is(json(await ask(address, 'GetRepoTagScanStatus', { Tag: 'error' })).Status, 'SCANNING');
});

test('a single tag has its times as numbers and its digest as lists show it', async (t) => {
  const repository = { namespace: 'shop', name: 'api', id: 'crr-1', tags: [{ tag: 'v1', digest: `sha256:${DIGEST}` }] };
  for (const [form, shown] of [
    ['bare', DIGEST],
    ['prefixed', `sha256:${DIGEST}`],
  ] as const) {
    const instances = [{ id: 'cri-1', listed_digests: form, repositories: [repository] }];
    const { address, simulator } = await start(t, { scenario: { instances } });
    const body = json(await ask(address, 'GetRepoTag', { Tag: 'v1' }));
    t.like(body, { Tag: 'v1', Digest: shown, Status: 'NORMAL', ImageUpdate: simulator.state()[0]?.imageUpdateMs });
    t.is(typeof body.ImageCreate, 'number');
    const { Images } = json(await ask(address, 'ListRepoTag', {}));
    t.like(Images, [{ Tag: 'v1', Digest: shown, ImageUpdate: String(body.ImageUpdate) }]);
    t.like(json(await ask(address, 'GetRepoTag', { Tag: 'v0' })), { Code: 'REPO_TAG_NOT_EXIST', IsSuccess: false });
  }
});

test('an instance that takes digests in one form finds no scan by the other one, and none at all where it takes none', async (t) => {
  const tag = { tag: 'v1', digest: DIGEST, status: 'COMPLETE' };
  const expected = {
    any: ['COMPLETE', 'COMPLETE', 'COMPLETE'],
    bare: ['COMPLETE', undefined, 'COMPLETE'],
    prefixed: [undefined, 'COMPLETE', 'COMPLETE'],
    none: [undefined, undefined, 'COMPLETE'],
  };
  for (const digests of ['any', 'bare', 'prefixed', 'none'] as const) {
    const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: [tag] }];
    const { address } = await start(t, { scenario: { instances: [{ id: 'cri-1', digests, repositories }] } });
    const statuses: unknown[] = [];
    for (const digest of [{ Digest: DIGEST }, { Digest: `sha256:${DIGEST}` }, {}]) {
      statuses.push(json(await ask(address, 'GetRepoTagScanStatus', { Tag: 'v1', ...digest })).Status);
    }
    t.deepEqual(statuses, expected[digests], digests);
  }
});

test('an instance may refuse digests in another form than the one that it takes', async (t) => {
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: [{ tag: 'v1', digest: DIGEST }] }];
  const { address } = await start(t, {
    scenario: { instances: [{ id: 'cri-1', digests: 'bare', other_digests: 'refused', repositories }] },
  });
  for (const action of ['GetRepoTagScanStatus', 'GetRepoTagScanSummary']) {
    const refused = json(await ask(address, action, { Tag: 'v1', Digest: `sha256:${DIGEST}` }));
    t.like(refused, { Code: 'InvalidParameter' }, action);
    t.like(json(await ask(address, action, { Tag: 'v1', Digest: DIGEST })), { IsSuccess: true }, action);
  }
});
