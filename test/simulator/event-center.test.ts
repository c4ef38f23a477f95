// What happens in the registry and what its event center has of it.
import test from 'ava';
import fc from 'fast-check';
import { seededDraw } from '../../src/simulator/random.ts';
import type { ScenarioInput } from '../../src/simulator/scenario.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { type Course, type Phase, scanCourse, scriptedCourse, Timeline } from '../../src/simulator/timeline.ts';
import { callWithSdk, json, send, start } from './clients.ts';
import { ManualClock } from './manual-clock.ts';

const RECORDS = 'ListEventCenterRecord';
const SCANS = 'cr:Artifact:ScanCompleted';
const INSTANCE = { InstanceId: 'cri-1' };

type EventCenter = NonNullable<NonNullable<ScenarioInput['instances']>[number]['event_center']>;
type Record_ = { readonly RecordId: string; readonly Tag: string; readonly CreateTime: number };

/** One repository of tags whose scans end after 1, 2, 3, … minutes. */
function scenario(event_center: EventCenter = { rules: ['scans'] }, count = 3): ScenarioInput {
  const tags = Array.from({ length: count }, (_, index) => ({
    tag: `v${index + 1}`,
    timeline: [{ status: 'SCANNING', for: `${index + 1}m` }, { status: index === 1 ? 'FAILED' : 'COMPLETE' }],
  }));
  return {
    instances: [{ id: 'cri-1', event_center, repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }] }],
  };
}

async function records(address: string, clock: ManualClock, asked: Readonly<Record<string, string>> = {}) {
  const body = json(await send(address, RECORDS, { ...INSTANCE, ...asked }, { date: new Date(clock.now()) }));
  return body as { Records: readonly Record_[]; TotalCount: number; IsSuccess: boolean };
}

const courses: fc.Arbitrary<Course> = fc.oneof(
  fc.record({ seed: fc.nat(), rescans: fc.boolean() }).map(({ seed, rescans }) =>
    scanCourse(
      {
        duration: { minMs: 1_000, maxMs: 5_000 },
        retryShare: 0.4,
        retryDuration: { minMs: 500, maxMs: 900 },
        failureShare: 0.4,
        rescanInterval: rescans ? { minMs: 2_000, maxMs: 9_000 } : undefined,
        scannedShare: 0.5,
      },
      seededDraw(seed),
    ),
  ),
  fc
    .record({
      phases: fc.array(
        fc.record<Phase>({
          status: fc.constantFrom('NOT_SCANNED', 'SCANNING', 'RETRYING', 'COMPLETE', 'FAILED'),
          durationMs: fc.integer({ min: 1, max: 5_000 }),
        }),
        { minLength: 1, maxLength: 5 },
      ),
      repeat: fc.boolean(),
    })
    .map(({ phases, repeat }) => scriptedCourse(phases, repeat)),
);

test('the next end of a scan is the first change to COMPLETE or FAILED, for every course and moment', (t) => {
  fc.assert(
    fc.property(courses, fc.nat(30_000), (course, from) => {
      const end = new Timeline(course, 0).nextEndAfter(from);
      const walked = new Timeline(course, 0);
      let before = walked.at(from);
      for (let changes = 0; changes < 12; changes++) {
        if (before.untilMs === Number.POSITIVE_INFINITY) break;
        const phase = walked.at(before.untilMs);
        if (phase.status !== before.status && ['COMPLETE', 'FAILED'].includes(phase.status)) {
          t.deepEqual(end, { atMs: phase.sinceMs, status: phase.status as 'COMPLETE' });
          return;
        }
        before = phase;
      }
      t.is(end, undefined);
    }),
  );
});

test('an instance without a rule has no rule names and no records, and TotalCount is a number', async (t) => {
  const clock = new ManualClock();
  const { address, simulator } = await start(t, { scenario: scenario({}), clock });
  clock.advance(600_000);
  t.like(await records(address, clock), { Records: [], TotalCount: 0, IsSuccess: true });
  const names = json(await send(address, 'ListEventCenterRuleName', INSTANCE, { date: new Date(clock.now()) }));
  t.like(names, { RuleNames: [], IsSuccess: true });
  t.deepEqual(simulator.events(), []);
});

test('the end of each scan is recorded at its time, to the second and with numbers, whenever one asks', async (t) => {
  const clock = new ManualClock(Date.parse('2026-03-01T12:00:00.700Z'));
  const rules = ['scans', { name: 'builds', id: 'crecr-builds', type: 'cr:Artifact:BuildCompleted' }];
  const { address } = await start(t, { scenario: scenario({ rules }), clock });
  clock.advance(59_000);
  t.is((await records(address, clock)).TotalCount, 0);
  clock.advance(81_000);
  const { Records: found, TotalCount: total } = await records(address, clock);
  t.is(total, 2);
  const [first] = found.filter(({ Tag }) => Tag === 'v1');
  t.like(first, {
    RuleName: 'scans',
    InstanceId: 'cri-1',
    Namespace: 'shop',
    RepoName: 'api',
    EventChannel: 'EVENT_BRIDGE',
    EventType: SCANS,
    CreateTime: Date.parse('2026-03-01T12:01:00Z'),
    UpdateTime: Date.parse('2026-03-01T12:01:00Z'),
  });
  t.regex(first?.RecordId ?? '', /^crecrr-[0-9a-f]{16}$/);
});

test('rule names, and records by the rule and the other filters', async (t) => {
  const clock = new ManualClock();
  const rules = ['scans', { name: 'more', id: 'crecr-more' }];
  const { address } = await start(t, { scenario: scenario({ rules }), clock });
  clock.advance(90_000);
  const names = json(await send(address, 'ListEventCenterRuleName', INSTANCE, { date: new Date(clock.now()) }));
  const { RuleNames: found } = names as { RuleNames: { RuleId: string; RuleName: string }[] };
  t.deepEqual(
    found.map(({ RuleName }) => RuleName),
    ['scans', 'more'],
  );
  t.regex(found[0]?.RuleId ?? '', /^crecr-[0-9a-f]{16}$/);
  t.is(found[1]?.RuleId, 'crecr-more');
  const totals = [
    {},
    { RuleId: 'crecr-more' },
    { RuleId: 'crecr-other' },
    { EventType: SCANS, RepoNamespaceName: 'shop', RepoName: 'api' },
    { EventType: 'cr:Artifact:BuildCompleted' },
    { RepoName: 'web' },
    { RepoNamespaceName: 'other' },
  ].map(async (asked) => (await records(address, clock, asked)).TotalCount);
  t.deepEqual(await Promise.all(totals), [2, 1, 0, 2, 0, 0, 0]);
});

test('records come in pages, each record on one of them, also with the SDK', async (t) => {
  const clock = new ManualClock();
  const { address } = await start(t, { scenario: scenario({ rules: ['scans'] }, 25), clock });
  clock.advance(25 * 60_000);
  const pages = ['1', '2', '3', '4'].map(
    async (PageNo) => (await records(address, clock, { PageNo, PageSize: '10' })).Records,
  );
  const found = await Promise.all(pages);
  t.deepEqual(
    found.map(({ length }) => length),
    [10, 10, 5, 0],
  );
  t.is(new Set(found.flat().map(({ RecordId }) => RecordId)).size, 25);
  const { address: present } = await start(t, { scenario: scenario() });
  t.is(
    (await callWithSdk(present, RECORDS, { ...INSTANCE, EventType: SCANS, PageNo: 1, PageSize: 100 })).body.TotalCount,
    0,
  );
});

test('the order is rough: the newest first, the oldest first or any, drawn by the seed', async (t) => {
  const many = Array.from({ length: 200 }, (_, index) => ({
    tag: `v${index}`,
    timeline: [{ status: 'SCANNING', for: `${index * 5 + 1}s` }, { status: 'COMPLETE' }],
  }));
  const timesOf = async (order: NonNullable<EventCenter['order']>, seed: number) => {
    const clock = new ManualClock();
    const repositories = [{ namespace: 'n', name: 'r', tags: many }];
    const { address } = await start(t, {
      scenario: { instances: [{ id: 'cri-1', event_center: { rules: ['scans'], order }, repositories }] },
      seed,
      clock,
    });
    clock.advance(1_000_000);
    return (await records(address, clock, { PageSize: '100' })).Records.map(({ CreateTime }) => CreateTime);
  };
  const sorted = (times: readonly number[]) =>
    times.every((time, index) => index === 0 || time >= (times[index - 1] ?? 0));
  const disorder = (times: readonly number[]) =>
    Math.max(...times.slice(1).map((time, index) => (times[index] ?? 0) - time));
  const newest = await timesOf('newest_first', 1);
  const oldest = await timesOf('oldest_first', 1);
  t.true(disorder(newest.toReversed()) <= 30_000 && disorder(oldest) <= 30_000);
  t.false(sorted(newest.toReversed()) || sorted(oldest));
  t.true(Math.min(...newest) > Math.max(...oldest) - 60_000);
  t.true(disorder(await timesOf('any', 1)) > 300_000);
  t.deepEqual(await timesOf('any', 1), await timesOf('any', 1));
  t.notDeepEqual(await timesOf('any', 1), await timesOf('any', 2));
});

test('a record is listed after the lag, and only the last ones stay', async (t) => {
  const clock = new ManualClock();
  const { address } = await start(t, { scenario: scenario({ rules: ['scans'], lag: '30s', keep: 4 }, 20), clock });
  clock.advance(80_000);
  t.is((await records(address, clock)).TotalCount, 0);
  clock.advance(10_000);
  t.is((await records(address, clock)).TotalCount, 1);
  clock.advance(1_200_000);
  t.deepEqual((await records(address, clock)).Records.map(({ Tag }) => Tag).sort(), ['v17', 'v18', 'v19', 'v20']);
});

test('every end of a scan and every push is an event, once, and nothing else is', (t) => {
  const statuses = ['SCANNING', 'RETRYING'];
  for (let seed = 1; seed <= 5; seed++) {
    const clock = new ManualClock();
    const tags = [
      { count: 8 },
      { tag: 'x', pushed: '20s', repushed: ['40s'], deleted: '200s' },
      { tag: 'y', status: 'FAILED' },
    ];
    const simulator = createSimulator({
      scenario: {
        instances: [
          { id: 'cri-1', event_center: { rules: ['scans'] }, repositories: [{ namespace: 'n', name: 'r', tags }] },
        ],
        scan: { duration: { min: '2s', max: '9s' }, failure_share: 0.3, rescan_interval: { min: '4s', max: '20s' } },
        pushes: { interval: { min: '3s', max: '15s' }, repush_share: 0.5, keep: 3 },
      },
      seed,
      clock,
    });
    const expected: string[] = [];
    let before = new Map(simulator.state().map((tag) => [tag.tag, tag]));
    for (let step = 0; step < 3_000; step++) {
      clock.advance(100);
      const after = new Map(simulator.state().map((tag) => [tag.tag, tag]));
      for (const [name, { status, digest, imageUpdateMs }] of after) {
        const was = before.get(name);
        if (was?.imageUpdateMs !== imageUpdateMs) expected.push(`push ${name}`);
        const isEnd = was?.digest === digest && was.status !== status && !statuses.includes(status);
        if (isEnd) expected.push(`${status} ${name}`);
      }
      before = after;
    }
    const found = simulator.events().map(({ status, tag }) => `${status ?? 'push'} ${tag}`);
    t.deepEqual(found.toSorted(), expected.toSorted());
    t.true(found.length > 100);
    t.is(new Set(simulator.events().map(({ id }) => id)).size, found.length);
  }
});

test('the events of a seed are the same whether one looks at the tags all the time or never', (t) => {
  const eventsOf = (looks: number) => {
    const clock = new ManualClock();
    const simulator = createSimulator({
      scenario: { ...scenario({ rules: ['scans'] }, 5), pushes: { interval: '7s', repush_share: 0.5 } },
      clock,
    });
    if (looks === 0) clock.advance(600_000);
    for (let look = 0; look < looks; look++) {
      clock.advance(600_000 / looks);
      simulator.state();
    }
    return simulator
      .events()
      .map(({ index, ...event }) => event)
      .toSorted((a, b) => a.happenedAtMs - b.happenedAtMs);
  };
  t.deepEqual(eventsOf(0), eventsOf(1_000));
  t.true(eventsOf(0).length > 50);
});

test('a push of the scenario is an event at its time, although nothing looks at the tags', (t) => {
  const clock = new ManualClock();
  const tags = [{ tag: 'x', pushed: '20s', status: 'SCANNING' }];
  const repositories = [{ namespace: 'n', name: 'r', tags }];
  const simulator = createSimulator({
    scenario: { instances: [{ id: 'cri-1', event_center: { rules: ['scans'] }, repositories }] },
    clock,
  });
  clock.advance(60_000);
  const [push] = simulator.events();
  t.like(push, { type: 'cr:Artifact:PushCompleted', tag: 'x', happenedAtMs: clock.now() - 40_000, recordIds: [] });
});

test('a status that is set ends a scan at once; an image that is deleted or replaced ends none', (t) => {
  const clock = new ManualClock();
  const simulator = createSimulator({ scenario: scenario(), clock });
  simulator.setStatus('cri-1', 'crr-1', 'v1', 'FAILED');
  simulator.setStatus('cri-1', 'crr-1', 'v1', 'FAILED');
  simulator.setTimeline('cri-1', 'crr-1', 'v2', [{ status: 'SCANNING', for: '5s' }, { status: 'COMPLETE' }]);
  simulator.deleteTag('cri-1', 'crr-1', 'v3');
  clock.advance(5_000);
  simulator.setStatus('cri-1', 'crr-1', 'v2', 'SCANNING');
  simulator.pushTag('cri-1', 'crr-1', 'v2', { digest: 'a'.repeat(64) });
  simulator.pushTag('cri-1', 'crr-1', 'v2', { digest: 'a'.repeat(64) });
  const id = simulator.addRepository('cri-1', {
    namespace: 'n',
    name: 'new',
    tags: [{ tag: 't', timeline: [{ status: 'SCANNING', for: '1s' }, { status: 'FAILED' }] }],
  });
  simulator.addRepository('cri-1', {
    namespace: 'n',
    name: 'gone',
    id: 'crr-gone',
    tags: [{ tag: 't', timeline: [{ status: 'SCANNING', for: '1s' }, { status: 'FAILED' }] }],
  });
  simulator.deleteRepository('cri-1', 'crr-gone');
  clock.advance(600_000);
  const found = simulator
    .events()
    .map(({ repoId, tag, status, happenedAtMs }) => [repoId, tag, status, happenedAtMs - clock.now() + 605_000]);
  t.deepEqual(found, [
    ['crr-1', 'v1', 'FAILED', 0],
    ['crr-1', 'v2', 'COMPLETE', 5_000],
    ['crr-1', 'v2', null, 5_000],
    ['crr-1', 'v2', null, 5_000],
    [id, 't', 'FAILED', 6_000],
    ['crr-1', 'v2', 'FAILED', 125_000],
  ]);
});

test('a scan task is followed by an event, a second one on a running scan by none', async (t) => {
  const clock = new ManualClock();
  const { address, simulator } = await start(t, { scenario: scenario(), clock });
  clock.advance(60_000);
  const task = () =>
    send(
      address,
      'CreateRepoTagScanTask',
      { ...INSTANCE, RepoId: 'crr-1', Tag: 'v1' },
      { date: new Date(clock.now()) },
    );
  await task();
  await task();
  clock.advance(60_000);
  t.deepEqual(
    simulator
      .events()
      .map(({ tag, status }) => [tag, status])
      .toSorted(),
    [
      ['v1', 'COMPLETE'],
      ['v1', 'COMPLETE'],
      ['v2', 'FAILED'],
    ],
  );
});
