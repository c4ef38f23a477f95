import test from 'ava';
import fc from 'fast-check';
import { RepositoryProblems } from '../../src/app/repository-problems.ts';
import type { ScanStatus } from '../../src/model/scan.ts';
import type { Repository } from '../../src/model/target.ts';
import { StateStore, type WatchedTag } from '../../src/state/store.ts';
import type { RepositoryProblem } from '../../src/web/overview.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const NO_OBSERVER = {
  tagAdded() {},
  tagChanged() {},
  tagRemoved() {},
  repositoryAdded() {},
  repositoryChanged() {},
  repositoryRemoved() {},
};
const MINUTE_MS = 60_000;
const STARTED_MS = 2 * 60 * MINUTE_MS;
const ERROR = { code: 'NoPrivilege', message: 'No.', requestId: '', timeMs: 0 };
const NAMES = ['a', 'b', 'c', 'd', 'e'];
/** The worst first. */
const ORDER = ['failed', 'stuck', 'stale', 'unknown', 'errors', 'high', 'not_scanned'] as const;

type Problems = Readonly<Partial<Record<RepositoryProblem, number>>>;

/** What happened to a tag, how long ago, and when its next poll is due; and the problems that a person would count. */
type Kind = {
  readonly status?: Exclude<ScanStatus, 'unknown'>;
  readonly minutesAgo?: number;
  readonly event?: 'failed' | 'lookup-failed' | 'unknown-status';
  readonly high?: number;
  readonly dueInMinutes?: number;
  readonly isUnderWay?: true;
  readonly problems: Problems;
  readonly waits?: true;
};

const KINDS: readonly Kind[] = [
  { problems: { unknown: 1 }, waits: true },
  { status: 'complete', problems: {} },
  { status: 'failed', problems: { failed: 1 } },
  { status: 'not_scanned', problems: { not_scanned: 1 } },
  { status: 'scanning', minutesAgo: 30, problems: {} },
  { status: 'scanning', minutesAgo: 31, problems: { stuck: 1 } },
  { status: 'retrying', minutesAgo: 31, event: 'failed', problems: { stuck: 1, errors: 1 } },
  { status: 'complete', minutesAgo: 61, dueInMinutes: -11, problems: { stale: 1 } },
  { status: 'complete', minutesAgo: 61, dueInMinutes: -9, problems: {} },
  { status: 'complete', minutesAgo: 61, dueInMinutes: -11, isUnderWay: true, problems: {} },
  { status: 'complete', minutesAgo: 61, event: 'failed', problems: { stale: 1, errors: 1 } },
  { status: 'complete', event: 'failed', problems: { errors: 1 } },
  { event: 'lookup-failed', problems: { unknown: 1, errors: 1 } },
  { status: 'complete', event: 'unknown-status', problems: { unknown: 1, errors: 1 } },
  { status: 'complete', high: 3, problems: { high: 3 } },
];

function repositoryOf(name: string): Repository {
  return { instanceId: 'cri-1', namespace: 'shop', name, id: name, domain: '', vulnerabilities: true };
}

/** The problems of these tags, each given by its repository and its kind. */
async function watch(tags: readonly (readonly [string, Kind])[]) {
  const clock = new ManualClock();
  const store = new StateStore(NO_OBSERVER);
  const repositories = new Map(NAMES.map((name) => [name, repositoryOf(name)]));
  const nowMs = clock.now() + STARTED_MS;
  const polls = tags.map(([name, kind], index) => {
    const repository = repositories.get(name) ?? repositoryOf(name);
    const tag = store.add({ repository, tag: `v${index}`, digest: '', scanTaskId: '' }, clock.now());
    happen(store, tag, kind, nowMs);
    const statusDueAtMs = STARTED_MS + (kind.dueInMinutes ?? 10) * MINUTE_MS;
    return { tag, position: kind.isUnderWay ? -1 : index, statusDueAtMs };
  });
  await clock.advance(STARTED_MS);
  return new RepositoryProblems({ store, clock, polls: () => polls });
}

function happen(store: StateStore, tag: WatchedTag, { status, minutesAgo = 1, event, high = 0 }: Kind, nowMs: number) {
  const moment = { nowMs: nowMs - minutesAgo * MINUTE_MS, monotonicMs: STARTED_MS - minutesAgo * MINUTE_MS };
  if (status !== undefined) store.apply(tag, { type: 'answered', status, scanService: '' }, moment);
  if (event === 'unknown-status') store.apply(tag, { type: event, error: ERROR, scanService: '' }, moment);
  else if (event !== undefined) store.apply(tag, { type: event, error: ERROR }, moment);
  if (high > 0) store.apply(tag, { type: 'summary', vulnerabilities: { high, medium: 1, low: 1, unknown: 1 } }, moment);
}

const sumOf = (problem: RepositoryProblem, kinds: readonly Kind[]) =>
  kinds.reduce((sum, { problems }) => sum + (problems[problem] ?? 0), 0);

test('each repository has the problems of its tags, the sums are those of all, and the worst come first on the first page', async (t) => {
  const tag = fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...KINDS));
  await fc.assert(
    fc.asyncProperty(fc.array(tag, { maxLength: 40 }), fc.nat({ max: 5 }), async (tags, cut) => {
      const problems = await watch(tags);
      const { totals, waiting, repositories, worst } = await problems.summary({ offset: 0, limit: 10 });
      const expected = NAMES.map((name) => {
        const kinds = tags.filter(([each]) => each === name).map(([, kind]) => kind);
        return { name, numbers: ORDER.map((problem) => sumOf(problem, kinds)) };
      }).filter(({ numbers }) => numbers.some((number) => number > 0));
      const shown = worst.map(({ repoName, problems: row }) => {
        return { name: repoName, numbers: ORDER.map((problem) => row[problem]) };
      });
      const byName = (rows: typeof shown) => rows.toSorted((one, other) => (one.name < other.name ? -1 : 1));
      t.deepEqual(byName(shown), byName(expected));
      for (const [index, { numbers }] of shown.entries()) {
        const next = shown[index + 1]?.numbers;
        const differs = numbers.findIndex((number, column) => number !== next?.[column]);
        t.true(next === undefined || differs < 0 || (numbers[differs] ?? 0) > (next[differs] ?? 0));
      }
      for (const [column, problem] of ORDER.entries()) {
        const counts = expected.map(({ numbers }) => numbers[column] ?? 0).filter((count) => count > 0);
        const { count, repositories: where, most } = totals[problem];
        t.is(
          count,
          counts.reduce((sum, each) => sum + each, 0),
        );
        t.deepEqual([where, most?.problems[problem] ?? 0], [counts.length, Math.max(0, ...counts)]);
      }
      t.is(repositories, expected.length);
      t.is(waiting, tags.filter(([, { waits }]) => waits).length);
      const first = await problems.summary({ offset: 0, limit: cut });
      const rest = await problems.summary({ offset: cut, limit: 10 });
      t.deepEqual([...first.worst, ...rest.worst], worst);
    }),
    { numRuns: 60 },
  );
});

test('what depends on the time is counted anew after five seconds, and the totals at once', async (t) => {
  const clock = new ManualClock();
  const store = new StateStore(NO_OBSERVER);
  const target = { repository: repositoryOf('a'), tag: 'v1', digest: '', scanTaskId: '' };
  const tag = store.add(target, clock.now());
  const problems = new RepositoryProblems({ store, clock, polls: () => [{ tag, position: 0, statusDueAtMs: 0 }] });
  const summary = () => problems.summary({ offset: 0, limit: 1 });
  t.is((await summary()).waiting, 1);
  const moment = { nowMs: clock.now(), monotonicMs: clock.monotonic() };
  store.apply(tag, { type: 'answered', status: 'failed', scanService: '' }, moment);
  await clock.advance(4_999);
  const { waiting, totals } = await summary();
  t.deepEqual([waiting, totals.failed.count], [1, 1]);
  await clock.advance(1);
  t.is((await summary()).waiting, 0);
});
