import test from 'ava';
import fc from 'fast-check';
import { SCAN_STATUSES, type Severity } from '../../src/model/scan.ts';
import type { Repository } from '../../src/model/target.ts';
import { type RepositoryTotals, StateStore, type StoreObserver, type WatchedTag } from '../../src/state/store.ts';

/** Records what exists by the reports of the store, and fails on a report of something that does not exist. */
class Witness implements StoreObserver {
  readonly tags = new Set<WatchedTag>();
  readonly repositories = new Set<RepositoryTotals>();

  tagAdded(tag: WatchedTag) {
    if (this.tags.has(tag)) throw new Error('added twice');
    this.tags.add(tag);
  }
  tagChanged(tag: WatchedTag) {
    if (!this.tags.has(tag)) throw new Error('changed but not there');
  }
  tagRemoved(tag: WatchedTag) {
    if (!this.tags.delete(tag)) throw new Error('removed but not there');
  }
  repositoryAdded(totals: RepositoryTotals) {
    if (this.repositories.has(totals)) throw new Error('repository added twice');
    this.repositories.add(totals);
  }
  repositoryChanged(totals: RepositoryTotals) {
    if (!this.repositories.has(totals)) throw new Error('repository changed but not there');
  }
  repositoryRemoved(totals: RepositoryTotals) {
    if (!this.repositories.delete(totals)) throw new Error('repository removed but not there');
  }
}

/** The vulnerabilities of the last one are not asked for. */
const repositories = ['a', 'b', 'c'].map(
  (name): Repository => ({
    instanceId: 'cri',
    namespace: 'ns',
    name,
    id: name,
    domain: '',
    vulnerabilities: name !== 'c',
  }),
);

/** What the vulnerabilities of these tags add up to, and of how many they are known. */
function sumOf(tags: readonly WatchedTag[]) {
  const wanted = tags.filter(({ target }) => target.repository.vulnerabilities);
  const known = wanted.flatMap(({ state }) => state.vulnerabilities ?? []);
  const sum = (severity: Severity) => known.reduce((total, each) => total + each[severity], 0);
  const found = { high: sum('high'), medium: sum('medium'), low: sum('low'), unknown: sum('unknown') };
  return { wantedTags: wanted.length, knownTags: known.length, found };
}

test('after any sequence of changes the totals of repositories equal the counted tags, and the observer has the same tags', (t) => {
  const action = fc.record({
    kind: fc.constantFrom('add', 'remove', 'answer', 'find', 'unknown', 'fail', 'retarget'),
    pick: fc.nat(),
    repository: fc.nat({ max: 2 }),
    status: fc.constantFrom('scanning' as const, 'retrying' as const, 'complete' as const, 'failed' as const),
  });
  const error = { code: 'E', message: '', requestId: '', timeMs: 0 };
  const property = fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
    const witness = new Witness();
    const store = new StateStore(witness);
    const moment = { nowMs: 1, monotonicMs: 1 };
    for (const { kind, pick, repository: index, status } of actions) {
      const repository = repositories[index] as Repository;
      const tag = [...store.tags()][pick % Math.max(1, store.size)];
      if (kind === 'add') store.add({ repository, tag: `t${pick}`, digest: '', scanTaskId: '' }, 0);
      else if (tag === undefined) continue;
      else if (kind === 'remove') store.remove(tag);
      else if (kind === 'answer') store.apply(tag, { type: 'answered', status, scanService: '' }, moment);
      else if (kind === 'find') {
        const vulnerabilities = { high: pick % 7, medium: pick % 5, low: pick % 3, unknown: pick % 2 };
        store.apply(tag, { type: 'summary', vulnerabilities }, moment);
      } else if (kind === 'unknown') store.apply(tag, { type: 'unknown-status', error, scanService: '' }, moment);
      else if (kind === 'fail') store.apply(tag, { type: 'failed', error }, moment);
      else store.retarget(tag, { ...tag.target, repository });
    }
    const tags = [...store.tags()];
    const count = (of: Repository, status: string) =>
      tags.filter(({ target, state }) => target.repository === of && state.status === status).length;
    const inUse = repositories.filter((each) => tags.some(({ target }) => target.repository === each));
    t.deepEqual(
      [...store.repositories()].map(({ repository }) => repository.name).sort(),
      inUse.map(({ name }) => name),
    );
    for (const { repository, counts, summaries, vulnerabilities } of store.repositories()) {
      for (const status of SCAN_STATUSES) t.is(counts[status], count(repository, status));
      const { knownTags, found } = sumOf(tags.filter(({ target }) => target.repository === repository));
      t.deepEqual({ knownTags: summaries, found: vulnerabilities }, { knownTags, found });
    }
    t.deepEqual(store.vulnerabilityTotals(), sumOf(tags));
    t.deepEqual(witness.tags, new Set(tags));
    t.deepEqual(witness.repositories, new Set(store.repositories()));
    t.deepEqual(
      store.totals(),
      Object.fromEntries(
        SCAN_STATUSES.map((status) => [status, tags.filter(({ state }) => state.status === status).length]),
      ) as never,
    );
  });
  t.notThrows(() => fc.assert(property));
});

test('removing a tag a second time changes nothing, and `has` stays false', (t) => {
  const store = new StateStore(new Witness());
  const tag = store.add({ repository: repositories[0] as Repository, tag: 'v1', digest: '', scanTaskId: '' }, 0);
  t.true(store.has(tag));
  store.remove(tag);
  t.notThrows(() => store.remove(tag));
  t.false(store.has(tag));
});
