// How the tags of a repository change over time: at the times that a scenario writes, and at random ones.
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { ScenarioInput } from '../../src/simulator/scenario.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { ManualClock } from './manual-clock.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

type Instance = NonNullable<ScenarioInput['instances']>[number];
type Repository = NonNullable<Instance['repositories']>[number];

const SCAN = { duration: '10s', retry_share: 0, failure_share: 0, scanned_share: 1 };
const PUSHES = { interval: { min: '20s', max: '1m' }, name: 'v3.{n}', start: 7, repush_share: 0.3, keep: 5 };
const WRITTEN: NonNullable<Repository['tags']> = [
  { tag: 'failed', status: 'FAILED' },
  { tag: 'scripted', timeline: [{ status: 'SCANNING', for: '1m' }, { status: 'COMPLETE' }] },
  { tag: 'pinned', digest: 'ab'.repeat(32) },
  { tag: 'late', pushed: '30m' },
  { tag: 'moved', repushed: ['40m'] },
  { tag: 'short', deleted: '50m' },
];

/** A simulator on a clock that stands still, with one repository. */
function simulate(repository: Partial<Repository>, rest: Omit<ScenarioInput, 'instances'> = {}, seed = 1) {
  const clock = new ManualClock();
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', ...repository }];
  const scenario = { scan: SCAN, ...rest, instances: [{ id: 'cri-1', repositories }] };
  return { clock, startMs: clock.now(), simulator: createSimulator({ scenario, seed, clock }) };
}

const names = (simulator: Simulator) => simulator.state().map(({ tag }) => tag);

test('a tag is pushed, moves to other images and is deleted at the times that are written', (t) => {
  const tags = [{ count: 2, name: 'v{n}', pushed: '30s', repushed: ['1m', '2m'], deleted: '3m' }];
  const { clock, startMs, simulator } = simulate({ tags });
  const digests = new Map<string, string>();
  for (const [momentMs, pushedMs, status] of [
    [29_999],
    [30_000, 30_000, 'SCANNING'],
    [40_000, 30_000, 'COMPLETE'],
    [59_999, 30_000, 'COMPLETE'],
    [60_000, 60_000, 'SCANNING'],
    [119_999, 60_000, 'COMPLETE'],
    [120_000, 120_000, 'SCANNING'],
    [179_999, 120_000, 'COMPLETE'],
    [180_000],
  ] as const) {
    clock.advance(momentMs - (clock.now() - startMs));
    const tags = simulator.state();
    t.deepEqual(
      tags.map((tag) => [tag.tag, tag.imageUpdateMs - startMs, tag.status]),
      pushedMs === undefined ? [] : ['v1', 'v2'].map((tag) => [tag, pushedMs, status]),
      String(momentMs),
    );
    for (const { tag, digest } of tags) digests.set(`${tag} ${pushedMs}`, digest);
  }
  t.is(new Set(digests.values()).size, 6, 'each push brought another image');
});

test('a status holds for every image of its tag, a timeline begins anew, and a digest is the first image alone', (t) => {
  const timeline = [{ status: 'SCANNING', for: '3s' }, { status: 'COMPLETE' }];
  const tags = [
    { tag: 'status', status: 'FAILED', repushed: ['1m'] },
    { tag: 'timeline', timeline, repushed: ['1m'] },
    { tag: 'digest', digest: '67bf', repushed: ['1m'] },
  ];
  const { clock, simulator } = simulate({ tags });
  const statuses = () => simulator.state().map(({ status }) => status);
  t.deepEqual(statuses(), ['FAILED', 'SCANNING', 'COMPLETE']);
  clock.advance(59_999);
  t.deepEqual(statuses(), ['FAILED', 'COMPLETE', 'COMPLETE']);
  t.is(simulator.state()[2]?.digest, '67bf');
  clock.advance(1);
  t.deepEqual(statuses(), ['FAILED', 'SCANNING', 'SCANNING']);
  t.regex(simulator.state()[2]?.digest ?? '', /^[0-9a-f]{64}$/);
  clock.advance(3_000);
  t.deepEqual(statuses(), ['FAILED', 'COMPLETE', 'SCANNING']);
});

test('tags from before the start are as old as is written, and otherwise up to a year', (t) => {
  const tags = [
    { tag: 'exact', age: '36h' },
    { tag: 'ranged', age: { min: '2d', max: '4d' } },
    { count: 50, name: 'old-{n}', age: { min: '100d', max: '150d' } },
    { count: 500, name: 'v{n}' },
  ];
  const { startMs, simulator } = simulate({ tags });
  const ages = new Map(simulator.state().map(({ tag, imageUpdateMs }) => [tag, (startMs - imageUpdateMs) / DAY_MS]));
  const agesOf = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => ages.get(`${name}${index + 1}`) ?? Number.NaN);
  t.is(ages.get('exact'), 1.5);
  const ranged = ages.get('ranged') ?? 0;
  t.true(ranged >= 2 && ranged <= 4 && ranged !== 3, String(ranged));
  for (const [index, age] of agesOf('old-', 50).entries()) {
    t.true(age <= 150 - index + 1e-6 && age >= 149 - index - 1e-6, `old-${index + 1} is ${age} days old`);
  }
  const usual = agesOf('v', 500);
  t.deepEqual(
    usual,
    usual.toSorted((a, b) => b - a),
  );
  t.true((usual[0] ?? 0) > 360 && (usual[0] ?? 0) <= 365 && (usual.at(-1) ?? 9) < 5);
});

/** What was seen of one push: the tag, when, and what else changed. */
type SeenPush = { readonly tag: string; readonly atMs: number; readonly isNew: boolean; readonly deleted: string[] };

/** Looks every five seconds, more often than anything is pushed, and tells each push to a tag that is not one of the {@link WRITTEN}. */
function watch(t: ExecutionContext, seed: number, untilMs: number): { pushes: SeenPush[]; simulator: Simulator } {
  const { clock, startMs, simulator } = simulate({ tags: ['main', 'latest', ...WRITTEN], pushes: PUSHES }, {}, seed);
  const written = new Set(WRITTEN.map((tag) => (typeof tag === 'string' ? tag : (tag.tag ?? ''))));
  const look = () => new Map(simulator.state().flatMap((each) => (written.has(each.tag) ? [] : [[each.tag, each]])));
  const pushes: SeenPush[] = [];
  let before = look();
  for (let elapsedMs = 0; elapsedMs < untilMs; elapsedMs += 5_000) {
    clock.advance(5_000);
    const after = look();
    const deleted = [...before.keys()].filter((tag) => !after.has(tag));
    const changed = [...after.values()].filter(({ tag, digest }) => before.get(tag)?.digest !== digest);
    t.true(changed.length <= 1 && deleted.length <= changed.length, `${changed.length} pushes within 5 s`);
    for (const { tag, imageUpdateMs } of changed) {
      pushes.push({ tag, atMs: imageUpdateMs - startMs, isNew: !before.has(tag), deleted });
    }
    before = after;
  }
  return { pushes, simulator };
}

test('random pushes come at the intervals, in the share and under the names of the scenario', (t) => {
  const { pushes } = watch(t, 3, 10 * HOUR_MS);
  const gaps = pushes.map(({ atMs }, index) => atMs - (pushes[index - 1]?.atMs ?? 0));
  // Times are whole milliseconds in the truth: a gap may seem one shorter or longer.
  t.true(gaps.every((gap) => gap >= 19_999 && gap <= 60_001));
  t.true(Math.abs(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length - 40_000) < 1_500);
  const isNew = pushes.filter((push) => push.isNew);
  t.deepEqual(
    isNew.map(({ tag }) => tag),
    isNew.map((_, index) => `v3.${index + 7}`),
  );
  t.true(Math.abs(isNew.length / pushes.length - 0.7) < 0.05, `${isNew.length} of ${pushes.length}`);
  const repushed = new Set(pushes.filter((push) => !push.isNew).map(({ tag }) => tag));
  t.true(repushed.has('main') && repushed.has('latest') && repushed.size > 20);
});

test('of the tags that random pushes added only the last stay, and no other tag is ever deleted', (t) => {
  const { pushes, simulator } = watch(t, 4, 5 * HOUR_MS);
  let kept: string[] = [];
  for (const { tag, isNew, deleted } of pushes) {
    if (isNew || kept.includes(tag)) kept = [...kept.filter((each) => each !== tag), tag];
    t.deepEqual(deleted, kept.slice(0, -5));
    kept = kept.slice(-5);
  }
  t.true(pushes.some(({ tag, isNew }) => !isNew && /^v3/.test(tag)));
  const rest = names(simulator).filter((tag) => !tag.startsWith('v3.'));
  t.deepEqual(rest, ['main', 'latest', 'failed', 'scripted', 'pinned', 'moved', 'late']);
  t.deepEqual(
    names(simulator)
      .filter((tag) => tag.startsWith('v3.'))
      .sort(),
    kept.toSorted(),
  );
});

test('random pushes leave alone what the scenario writes a course for', (t) => {
  const { clock, startMs, simulator } = simulate({ tags: WRITTEN, pushes: { ...PUSHES, repush_share: 1 } });
  const of = (names: readonly string[]) => simulator.state().filter(({ tag }) => names.includes(tag));
  const before = of(['failed', 'scripted', 'pinned']);
  clock.advance(10 * HOUR_MS);
  const after = of(['failed', 'scripted', 'pinned']);
  t.deepEqual(
    after.map(({ digest }) => digest),
    before.map(({ digest }) => digest),
  );
  t.deepEqual(
    of(['late', 'moved']).map(({ tag, imageUpdateMs }) => [tag, imageUpdateMs - startMs]),
    [
      ['moved', 2_400_000],
      ['late', 1_800_000],
    ],
  );
  t.is(
    names(simulator).filter((tag) => tag.startsWith('v3.')).length,
    1,
    'the first was new, as there was nothing to move',
  );
});

test('a new tag takes no name that is there already', (t) => {
  const pushes = { ...PUSHES, repush_share: 0, keep: 100 };
  const { clock, simulator } = simulate({ tags: [{ count: 3, name: 'v3.{n}', start: 8, status: 'FAILED' }], pushes });
  clock.advance(120_000);
  t.deepEqual(names(simulator).slice(0, 5), ['v3.8', 'v3.9', 'v3.10', 'v3.7', 'v3.11']);
});

test('pushes for all are those of every repository that says nothing else', (t) => {
  const clock = new ManualClock();
  const repositories = [
    { namespace: 'n', name: 'usual', tags: [] },
    { namespace: 'n', name: 'own', tags: [], pushes: { interval: '1m', name: 'own-{n}' } },
    { namespace: 'n', name: 'none', tags: [], pushes: 'none' as const },
  ];
  const scenario = { instances: [{ id: 'cri-1', repositories }], pushes: { interval: '1m', repush_share: 0 } };
  const simulator = createSimulator({ scenario, clock });
  clock.advance(60_000);
  t.deepEqual(
    simulator.state().map(({ repoName, tag }) => [repoName, tag]),
    [
      ['usual', 'build-1'],
      ['own', 'own-1'],
    ],
  );
});

test('which tags exist, with which images and scans, depends on the seed and the time alone', (t) => {
  const moments = fc.array(fc.nat(2 * HOUR_MS), { maxLength: 20 });
  fc.assert(
    fc.property(fc.nat(1_000), moments, (seed, asked) => {
      const repository = { tags: ['main', ...WRITTEN], pushes: PUSHES };
      const one = simulate(repository, {}, seed);
      for (const momentMs of asked.toSorted((a, b) => a - b)) {
        one.clock.advance(Math.max(0, momentMs - (one.clock.now() - one.startMs)));
        one.simulator.state();
      }
      one.clock.advance(2 * HOUR_MS - (one.clock.now() - one.startMs));
      const other = simulate(repository, {}, seed);
      other.clock.advance(2 * HOUR_MS);
      t.deepEqual(one.simulator.state(), other.simulator.state());
    }),
    { numRuns: 20 },
  );
  const tagsAfter = (seed: number) => {
    const { clock, simulator } = simulate({ pushes: PUSHES }, {}, seed);
    clock.advance(HOUR_MS);
    return simulator.state().map(({ tag, imageUpdateMs }) => [tag, imageUpdateMs]);
  };
  t.notDeepEqual(tagsAfter(1), tagsAfter(2));
});

test('the pushes to a repository do not depend on other repositories', (t) => {
  const clock = new ManualClock();
  const repository = (name: string) => ({ namespace: 'n', name, id: `crr-${name}`, tags: ['main'], pushes: PUSHES });
  const [alone, beside] = [['a'], ['b', 'a']].map((names) =>
    createSimulator({ scenario: { instances: [{ id: 'cri-1', repositories: names.map(repository) }] }, clock }),
  );
  clock.advance(HOUR_MS);
  const tagsOf = (simulator: Simulator | undefined, name: string) =>
    simulator
      ?.state()
      .filter(({ repoName }) => repoName === name)
      .map(({ tag, imageUpdateMs }) => [tag, imageUpdateMs]);
  t.deepEqual(tagsOf(alone, 'a'), tagsOf(beside, 'a'));
  t.notDeepEqual(tagsOf(beside, 'b'), tagsOf(beside, 'a'));
});
