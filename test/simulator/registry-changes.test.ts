// What can be done to the registry of a running simulator, in the program and over HTTP.
import test, { type ExecutionContext } from 'ava';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { eventually } from '../helpers/eventually.ts';
import { exchange, json, KEY, send, start } from './clients.ts';
import { ManualClock } from './manual-clock.ts';

const SCENARIO = {
  instances: [
    {
      id: 'cri-1',
      repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: ['v1', { tag: 'v2', age: '1d' }] }],
    },
  ],
  scan: { duration: '10s', retry_share: 0, failure_share: 0, scanned_share: 1 },
};
const IDS = { InstanceId: 'cri-1', RepoId: 'crr-1' };
const SEVERITIES = ['HighSeverity', 'MediumSeverity', 'LowSeverity', 'UnknownSeverity', 'TotalSeverity'] as const;

/** A simulator whose clock stands still, and how to ask it. */
async function begin(t: ExecutionContext) {
  const clock = new ManualClock();
  const { simulator, address } = await start(t, { scenario: SCENARIO, clock });
  const ask = async (action: string, parameters: Readonly<Record<string, string>>) =>
    json(await send(address, action, { ...IDS, ...parameters }, { date: new Date(clock.now()) }));
  const status = async (parameters: Readonly<Record<string, string>>) => {
    const { Status, Code } = await ask('GetRepoTagScanStatus', parameters);
    return Status ?? Code;
  };
  const images = async () => (await ask('ListRepoTag', {})).Images as Readonly<Record<string, string>>[];
  const change = async (method: 'POST' | 'DELETE', path: string, input: Readonly<Record<string, unknown>>) => {
    const query = new URLSearchParams(input as Readonly<Record<string, string>>);
    const asked = method === 'POST' ? { path, body: JSON.stringify(input) } : { path: `${path}?${query}` };
    const reply = await exchange({ address, method, ...asked });
    return { status: reply.status, body: json(reply) };
  };
  return { clock, simulator, address, ask, status, images, change };
}

test('a tag that is pushed is there at once, as the newest, and its scan begins', async (t) => {
  const { clock, simulator, ask, status, images } = await begin(t);
  clock.advance(60_000);
  const truth = simulator.pushTag('cri-1', 'crr-1', 'v3');
  t.like(truth, { tag: 'v3', status: 'SCANNING', sinceMs: 60_000, imageUpdateMs: clock.now(), vulnerabilities: null });
  const [newest] = await images();
  const now = String(clock.now());
  t.like(newest, { Tag: 'v3', Digest: truth.digest, ImageUpdate: now, ImageCreate: now });
  t.is((await ask('ListRepoTag', {})).TotalCount, '3');
  t.is(await status({ Tag: 'v3' }), 'SCANNING');
  clock.advance(10_000);
  t.is(await status({ Tag: 'v3' }), 'COMPLETE');
});

test('the truth lists the images that a tag had before, whose scans go on', async (t) => {
  const { clock, simulator, status } = await begin(t);
  const former = simulator.pushTag('cri-1', 'crr-1', 'v3');
  t.deepEqual(former.former, []);
  clock.advance(1_000);
  const { digest } = simulator.pushTag('cri-1', 'crr-1', 'v3');
  clock.advance(9_000);
  const truth = simulator.state().find(({ tag }) => tag === 'v3');
  t.like(truth, { digest, status: 'SCANNING' });
  t.deepEqual(
    truth?.former.map(({ digest, status }) => [digest, status]),
    [[former.digest, 'COMPLETE']],
  );
  t.is(await status({ Tag: 'v3', Digest: former.digest }), 'COMPLETE');
});

test('latency and keys change while the simulator runs', async (t) => {
  const { clock, address, status } = await begin(t);
  const put = async (path: string, input: unknown) => {
    const reply = await exchange({ address, method: 'PUT', path, body: JSON.stringify(input) });
    return { status: reply.status, body: json(reply) };
  };
  t.deepEqual(await put('/_sim/latency', '900ms'), { status: 200, body: { minMs: 900, maxMs: 900 } });
  const slow = status({ Tag: 'v1' });
  await eventually('the answer waits', () => clock.sleeping === 1 || undefined);
  clock.advance(900);
  t.is(await slow, 'COMPLETE');
  t.is((await put('/_sim/latency', { min: '0s', max: '0s' })).status, 200);
  t.deepEqual(await put('/_sim/keys', [{ access_key_id: 'another', access_key_secret: 'secret' }]), {
    status: 200,
    body: { keys: 1 },
  });
  t.is(await status({ Tag: 'v1' }), 'InvalidAccessKeyId.NotFound');
  t.is(
    (
      await put(
        '/_sim/keys',
        [KEY].map(({ id, secret }) => ({ access_key_id: id, access_key_secret: secret })),
      )
    ).status,
    200,
  );
  t.is(await status({ Tag: 'v1' }), 'COMPLETE');
  t.deepEqual(await put('/_sim/latency', '7'), {
    status: 400,
    body: { problems: ['latency: expected a duration such as 15s or 1h30m, found "7"'] },
  });
});

test('a tag that is pushed again has another digest, is the newest, and is scanned anew', async (t) => {
  const { clock, simulator, status, images } = await begin(t);
  const before = (await images()).find(({ Tag }) => Tag === 'v2');
  t.is(Number(before?.ImageUpdate), clock.now() - 86_400_000);
  t.is(await status({ Tag: 'v2' }), 'COMPLETE');
  clock.advance(5_000);
  const truth = simulator.pushTag('cri-1', 'crr-1', 'v2');
  const after = await images();
  t.deepEqual(
    after.map(({ Tag }) => Tag),
    ['v2', 'v1'],
  );
  t.is(after[0]?.Digest, truth.digest);
  t.not(after[0]?.Digest, before?.Digest);
  t.is(Number(after[0]?.ImageUpdate), clock.now());
  t.is(after[0]?.ImageCreate, before?.ImageCreate, 'the tag is as old as it was');
  t.is(await status({ Tag: 'v2' }), 'SCANNING');
  t.is(simulator.state().find(({ tag }) => tag === 'v2')?.digest, truth.digest);
  t.not(simulator.pushTag('cri-1', 'crr-1', 'v2').digest, truth.digest);
});

test('a push of the digest that the tag has already moves only the time of its last push', async (t) => {
  const { clock, simulator, status, images } = await begin(t);
  const [{ Digest: digest = '' } = {}] = (await images()).filter(({ Tag }) => Tag === 'v2');
  clock.advance(5_000);
  simulator.pushTag('cri-1', 'crr-1', 'v2', { digest: `sha256:${digest}` });
  t.like((await images())[0], { Tag: 'v2', Digest: digest, ImageUpdate: String(clock.now()) });
  t.is(await status({ Tag: 'v2' }), 'COMPLETE');
});

test('a digest names the image that the tag has or had, and any other one does not exist', async (t) => {
  const { clock, simulator, ask, status } = await begin(t);
  const [first, second, third] = ['11', '22', '33'].map((pair) => pair.repeat(32));
  simulator.pushTag('cri-1', 'crr-1', 'v3', { digest: first ?? '', vulnerabilities: { high: 7 } });
  clock.advance(10_000);
  simulator.pushTag('cri-1', 'crr-1', 'v3', { digest: `sha256:${second}` });
  t.is(await status({ Tag: 'v3', Digest: first ?? '' }), 'COMPLETE');
  t.is((await ask('GetRepoTagScanSummary', { Tag: 'v3', Digest: `sha256:${first}` })).HighSeverity, 7);
  t.is(await status({ Tag: 'v3', Digest: `sha256:${first}` }), 'COMPLETE');
  for (const digest of ['', second ?? '', `sha256:${second}`]) {
    t.is(await status({ Tag: 'v3', Digest: digest }), 'SCANNING', digest);
  }
  t.is(await status({ Tag: 'v3', Digest: third ?? '' }), 'REPO_TAG_NOT_EXIST');
  t.is(await status({ Tag: 'v1', Digest: first ?? '' }), 'REPO_TAG_NOT_EXIST');
  for (let n = 0; n < 10; n++) simulator.pushTag('cri-1', 'crr-1', 'v3');
  t.is(await status({ Tag: 'v3', Digest: second ?? '' }), 'SCANNING', 'the tenth before the present one');
  t.is(await status({ Tag: 'v3', Digest: first ?? '' }), 'REPO_TAG_NOT_EXIST', 'the eleventh');
});

test('a task scans the image that it names', async (t) => {
  const { clock, simulator, ask, status } = await begin(t);
  const { digest } = simulator.pushTag('cri-1', 'crr-1', 'v3');
  clock.advance(10_000);
  simulator.pushTag('cri-1', 'crr-1', 'v3');
  clock.advance(10_000);
  t.is((await ask('CreateRepoTagScanTask', { Tag: 'v3', Digest: digest })).IsSuccess, true);
  t.deepEqual([await status({ Tag: 'v3', Digest: digest }), await status({ Tag: 'v3' })], ['SCANNING', 'COMPLETE']);
});

test('a tag that is deleted does not exist, and one of its name is a new one', async (t) => {
  const { clock, simulator, ask, status, images } = await begin(t);
  const { digest } = simulator.pushTag('cri-1', 'crr-1', 'v3');
  simulator.deleteTag('cri-1', 'crr-1', 'v3');
  t.is(await status({ Tag: 'v3' }), 'REPO_TAG_NOT_EXIST');
  t.is((await ask('GetRepoTagScanSummary', { Tag: 'v3', Digest: digest })).Code, 'REPO_TAG_NOT_EXIST');
  t.is((await ask('ListRepoTag', {})).TotalCount, '2');
  t.deepEqual(
    simulator.state().map(({ tag }) => tag),
    ['v1', 'v2'],
  );
  t.throws(() => simulator.deleteTag('cri-1', 'crr-1', 'v3'), { message: /cri-1\/crr-1:v3/ });
  t.throws(() => simulator.setStatus('cri-1', 'crr-1', 'v3', 'FAILED'), { message: /cri-1\/crr-1:v3/ });
  clock.advance(1_000);
  t.not(simulator.pushTag('cri-1', 'crr-1', 'v3').digest, digest);
  t.is((await images())[0]?.ImageCreate, String(clock.now()));
});

test('a list moves between its pages: a push repeats an item, a deletion leaves one out', async (t) => {
  const { clock, simulator, ask } = await begin(t);
  const push = (tag: string) => {
    clock.advance(1_000);
    simulator.pushTag('cri-1', 'crr-1', tag);
  };
  const page = async (number: number) => {
    const { Images } = await ask('ListRepoTag', { PageNo: String(number), PageSize: '2' });
    return (Images as { Tag: string }[]).map(({ Tag }) => Tag).join(' ');
  };
  simulator.deleteTag('cri-1', 'crr-1', 'v1');
  simulator.deleteTag('cri-1', 'crr-1', 'v2');
  for (const tag of ['a', 'b', 'c', 'd']) push(tag);
  t.is(await page(1), 'd c');
  push('e');
  t.is(await page(2), 'c b');
  t.is(await page(1), 'e d');
  push('a');
  t.is(await page(2), 'd c');
  t.is(await page(1), 'a e');
  simulator.deleteTag('cri-1', 'crr-1', 'e');
  t.is(await page(2), 'c b');
});

test('a repository is added with all that a scenario may say of it, and its time begins then', async (t) => {
  const { clock, simulator, ask, status } = await begin(t);
  clock.advance(100_000);
  const tags = [
    { tag: 'old', age: '1h', deleted: '8s' },
    { tag: 'soon', pushed: '5s', timeline: [{ status: 'SCANNING', for: '3s' }, { status: 'FAILED' }] },
  ];
  const repoId = simulator.addRepository('cri-1', { namespace: 'shop', name: 'web', tags });
  const old = simulator.state().find(({ tag }) => tag === 'old');
  t.is(old?.imageUpdateMs, clock.now() - 3_600_000);
  t.is((await ask('ListRepository', {})).TotalCount, '2');
  t.is((await ask('GetRepository', { RepoId: '', RepoNamespaceName: 'shop', RepoName: 'web' })).RepoId, repoId);
  t.is(await status({ RepoId: repoId, Tag: 'soon' }), 'REPO_TAG_NOT_EXIST');
  clock.advance(5_000);
  t.is(await status({ RepoId: repoId, Tag: 'soon' }), 'SCANNING');
  clock.advance(2_999);
  t.is(await status({ RepoId: repoId, Tag: 'old' }), 'COMPLETE');
  clock.advance(1);
  t.is(await status({ RepoId: repoId, Tag: 'soon' }), 'FAILED');
  t.is(await status({ RepoId: repoId, Tag: 'old' }), 'REPO_TAG_NOT_EXIST');
  const again = { namespace: 'shop', name: 'web', id: 'crr-other' };
  t.throws(() => simulator.addRepository('cri-1', again), { message: /shop\/web/ });
  t.throws(() => simulator.addRepository('cri-1', { ...again, name: 'new', id: repoId }), {
    message: /new repository/,
  });
  t.throws(() => simulator.addRepository('cri-1', { namespace: 'n', name: 'r', tags: ['v1', { count: 2 }] }), {
    message: 'repository.tags[1]: expected each tag once, but "v1" is there already, found a map',
  });
});

test('a repository that is deleted is gone with its tags', async (t) => {
  const { simulator, ask, status } = await begin(t);
  simulator.deleteRepository('cri-1', 'crr-1');
  t.is(await status({ Tag: 'v1' }), 'REPO_NOT_EXIST');
  t.is((await ask('ListRepoTag', {})).Code, 'REPO_NOT_EXIST');
  t.is(
    (await ask('GetRepository', { RepoId: '', RepoNamespaceName: 'shop', RepoName: 'api' })).Code,
    'NAMESPACE_NOT_EXIST',
  );
  t.like(await ask('ListRepository', {}), { TotalCount: '0', Repositories: [] });
  t.deepEqual(simulator.state(), []);
  t.throws(() => simulator.deleteRepository('cri-1', 'crr-1'), { message: /cri-1\/crr-1/ });
  t.is(simulator.addRepository('cri-1', { namespace: 'shop', name: 'api', id: 'crr-1' }), 'crr-1');
});

test('the same can be done over HTTP', async (t) => {
  const { clock, simulator, ask, status, change } = await begin(t);
  clock.advance(1_000);
  const tag = { instanceId: 'cri-1', repoId: 'crr-1', tag: 'v3' };
  const image = { digest: 'sha256:67bf', vulnerabilities: { high: 1, low: 4 } };
  const pushed = await change('POST', '/_sim/tags', { ...tag, ...image });
  t.is(pushed.status, 200);
  t.deepEqual(
    pushed.body,
    simulator.state().find((each) => each.tag === 'v3'),
  );
  clock.advance(10_000);
  const summary = await ask('GetRepoTagScanSummary', { Tag: 'v3' });
  t.deepEqual(
    SEVERITIES.map((severity) => summary[severity]),
    [1, 0, 4, 0, 5],
  );
  t.deepEqual(await change('DELETE', '/_sim/tags', tag), { status: 200, body: {} });
  t.is(await status({ Tag: 'v3' }), 'REPO_TAG_NOT_EXIST');
  const repository = { namespace: 'shop', name: 'web', id: 'crr-2', tags: ['main'] };
  const added = await change('POST', '/_sim/repositories', { instanceId: 'cri-1', repository });
  t.deepEqual(added, { status: 200, body: { repoId: 'crr-2' } });
  t.is(await status({ RepoId: 'crr-2', Tag: 'main' }), 'COMPLETE');
  const removed = await change('DELETE', '/_sim/repositories', { instanceId: 'cri-1', repoId: 'crr-2' });
  t.deepEqual(removed, { status: 200, body: {} });
  t.is(await status({ RepoId: 'crr-2', Tag: 'main' }), 'REPO_NOT_EXIST');
});

test('a change over HTTP that is wrong says why, and changes nothing', async (t) => {
  const { simulator, address, change } = await begin(t);
  const before = simulator.state();
  const tag = { instanceId: 'cri-1', repoId: 'crr-1', tag: 'v9' };
  const repository = { namespace: 'shop', name: 'api' };
  for (const [method, path, input, status, problem] of [
    ['POST', '/_sim/tags', { ...tag, tag: '' }, 400, 'tag: expected a tag of 1 to 255 characters, found an empty text'],
    [
      'POST',
      '/_sim/tags',
      { ...tag, digset: 'x' },
      400,
      /^digset: expected one of .*, found an unknown key \(did you mean digest\?\)$/,
    ],
    ['POST', '/_sim/tags', { ...tag, repoId: 'crr-0' }, 404, 'expected a repository that exists, found cri-1/crr-0'],
    ['DELETE', '/_sim/tags', tag, 404, 'expected a tag that exists, found cri-1/crr-1:v9'],
    [
      'POST',
      '/_sim/repositories',
      { instanceId: 'cri-0', repository },
      404,
      'expected an instance that exists, found cri-0',
    ],
    [
      'POST',
      '/_sim/repositories',
      { instanceId: 'cri-1', repository },
      409,
      /^expected a new repository, found shop\/api/,
    ],
    [
      'POST',
      '/_sim/repositories',
      { instanceId: 'cri-1' },
      400,
      /^repository: expected a map with the keys .*, found nothing$/,
    ],
    ['DELETE', '/_sim/repositories', { instanceId: 'cri-1', repoId: 'crr-0' }, 404, /crr-0$/],
  ] as const) {
    const { status: found, body } = await change(method, path, input);
    const [text = '', ...more] = body.problems as string[];
    t.deepEqual([found, more], [status, []], text);
    if (typeof problem === 'string') t.is(text, problem);
    else t.regex(text, problem);
  }
  for (const [body, problem] of [
    ['{', 'expected JSON, found something else'],
    ['[]', /^expected a map with the keys instanceId, .*, found an empty list$/],
  ] as const) {
    const reply = await exchange({ address, method: 'POST', path: '/_sim/tags', body });
    t.is(reply.status, 400);
    const [text = ''] = json(reply).problems as string[];
    t.true(typeof problem === 'string' ? text === problem : problem.test(text), text);
  }
  const wrongMethod = await exchange({ address, method: 'GET', path: '/_sim/tags' });
  t.deepEqual([wrongMethod.status, wrongMethod.headers.allow], [405, 'POST, DELETE']);
  t.deepEqual(simulator.state(), before);
});

test('what happens by hand happens after what was to happen before', async (t) => {
  const clock = new ManualClock();
  const tags = [
    { tag: 'v1', repushed: ['10s'] },
    { tag: 'v2', deleted: '10s' },
  ];
  const repositories = [{ namespace: 'n', name: 'r', id: 'crr-1', tags }];
  const { simulator } = await start(t, { scenario: { instances: [{ id: 'cri-1', repositories }] }, clock });
  clock.advance(20_000);
  const { digest } = simulator.pushTag('cri-1', 'crr-1', 'v1');
  t.throws(() => simulator.deleteTag('cri-1', 'crr-1', 'v2'));
  t.is(tagNamed(simulator, 'v1')?.digest, digest);
  t.is(tagNamed(simulator, 'v1')?.imageUpdateMs, clock.now());
});

function tagNamed(simulator: Simulator, name: string) {
  return simulator.state().find(({ tag }) => tag === name);
}
