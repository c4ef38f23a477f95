import test from 'ava';
import { type Look, ReplicaLaws } from '../helpers/replica-laws.ts';

const KNOWN_S = 1_700_000_000;

function look(replica: string, fromMs: number, tags: readonly string[], since: number | null = KNOWN_S): Look {
  return { replica, fromMs, toMs: fromMs + 10, tags: new Map(tags.map((tag) => [tag, since ?? undefined])) };
}

function lawsOf(laws: ReplicaLaws): readonly string[] {
  return laws.violations.map(({ law, tags, example }) => `${law}: ${tags}, ${example}`);
}

test('replicas that show each tag once, and never another time, keep to the laws', (t) => {
  const laws = new ReplicaLaws(['a', 'b']);
  for (const atMs of [0, 500, 1_000]) t.false(laws.see(atMs, [look('one', atMs, ['a']), look('two', atMs, ['b'])]));
  t.deepEqual(laws.violations, []);
  t.is(laws.known, 2);
});

test('a tag that another replica shows between two looks at the one that shows it is shown twice', (t) => {
  const laws = new ReplicaLaws(['a', 'b']);
  t.true(laws.see(0, [look('one', 0, ['a']), look('two', 0, ['a', 'b'])]));
  laws.see(20, [look('one', 20, ['a']), look('two', 20, ['a', 'b'])]);
  t.deepEqual(lawsOf(laws), []);
  laws.see(40, [look('one', 40, ['a']), look('two', 40, ['a', 'b'])]);
  t.deepEqual(lawsOf(laws), ['shown once: 1, a', 'shown once: 1, a']);
});

test('a tag that moves between two looks is not shown twice', (t) => {
  const laws = new ReplicaLaws(['a', 'b']);
  t.true(laws.see(0, [look('one', 0, ['a']), look('two', 0, ['a', 'b'])]));
  laws.see(20, [look('one', 20, []), look('two', 20, ['a', 'b'])]);
  laws.see(40, [look('one', 40, []), look('two', 40, ['a', 'b'])]);
  t.deepEqual(laws.violations, []);
});

test('a tag that moves away and back within more than a second is not shown twice', (t) => {
  const laws = new ReplicaLaws(['a']);
  laws.see(0, [look('one', 0, ['a']), look('two', 0, [])]);
  laws.see(1_000, [look('one', 1_000, []), look('two', 1_000, ['a'])]);
  laws.see(2_000, [look('one', 2_000, ['a']), look('two', 2_000, [])]);
  t.deepEqual(laws.violations, []);
});

test('a tag may be missing until 20 s after an event, and not longer', (t) => {
  const laws = new ReplicaLaws(['a', 'b', 'c']);
  laws.event(1_000);
  laws.see(21_000, [look('one', 21_000, ['a'])]);
  t.deepEqual(laws.violations, []);
  laws.see(21_001, [look('one', 21_001, ['a'])]);
  t.deepEqual(lawsOf(laws), ['not missing: 2, b']);
});

test('a tag is missing that only a replica without an answer would show', (t) => {
  const laws = new ReplicaLaws(['a', 'b']);
  laws.see(0, [look('one', 0, ['a']), look('two', 0, ['b'])]);
  laws.see(1_000, [look('one', 1_000, ['a'])]);
  t.deepEqual(lawsOf(laws), ['not missing: 1, b']);
});

test('a tag that has another time after it moved is not known for good', (t) => {
  const laws = new ReplicaLaws(['a']);
  laws.see(0, [look('one', 0, ['a']), look('two', 0, [])]);
  laws.see(1_000, [look('one', 1_000, []), look('two', 1_000, ['a'], KNOWN_S + 5)]);
  t.deepEqual(lawsOf(laws), ['known for good: 1, a']);
});

test('a tag whose status was known and is not any more is not known for good', (t) => {
  const laws = new ReplicaLaws(['a']);
  laws.see(0, [look('one', 0, ['a'])]);
  laws.see(1_000, [look('one', 1_000, ['a'], null)]);
  t.deepEqual(lawsOf(laws), ['known for good: 1, a']);
});

test('a status that becomes known is no violation', (t) => {
  const laws = new ReplicaLaws(['a']);
  laws.see(0, [look('one', 0, ['a'], null)]);
  laws.see(1_000, [look('one', 1_000, ['a'])]);
  t.deepEqual(laws.violations, []);
});
