import test from 'ava';
import fc from 'fast-check';
import { newestOf } from '../../src/discovery/newest-tags.ts';
import { Rules } from '../../src/discovery/rules.ts';
import type { DiscoverRule } from '../../src/model/settings.ts';
import { EVERYTHING } from '../helpers/scripted-pipeline.ts';

const NOW_MS = 1_795_480_000_000;
const DAY_MS = 86_400_000;

const API = { id: 'crr-api', namespace: 'shop', name: 'api' };

/** Tags that were pushed so many days ago. */
function pushed(ages: Readonly<Record<string, number>>) {
  return Object.entries(ages).map(([tag, days]) => ({
    tag,
    digest: `sha256:${tag}`,
    updatedMs: NOW_MS - days * DAY_MS,
  }));
}

const NOW = { nowMs: NOW_MS, maybeYield: async () => {}, counts: [] };

async function chosen(
  rules: readonly Partial<DiscoverRule>[],
  ages: Readonly<Record<string, number>>,
): Promise<string[]> {
  const compiled = new Rules(rules.map((rule) => ({ ...EVERYTHING, ...rule })));
  return [...(await compiled.choose(API, pushed(ages), NOW))].map(({ tag }) => tag).sort();
}

test('a rule without keys takes every tag of every repository', async (t) => {
  t.deepEqual(await chosen([{}], { v1: 1, v2: 1000 }), ['v1', 'v2']);
});

test('a repository is wanted when namespace and name are, and the name is not excluded', async (t) => {
  const rules = new Rules([
    { ...EVERYTHING, namespaces: ['shop-*', 'base'], repositories: ['a*', 'b'], excludeRepositories: ['*-cache'] },
  ]);
  const wants = (namespace: string, name: string) => rules.takesRepository({ id: 'crr', namespace, name });
  t.true(wants('shop-eu', 'api'));
  t.true(wants('base', 'b'));
  t.false(wants('shop', 'api'));
  t.false(wants('shop-eu', 'worker'));
  t.false(wants('base', 'a-cache'));
});

test('tags are chosen by name, then by age, and of those the newest', async (t) => {
  const rule = { tags: ['v*'], excludeTags: ['*-rc*'], newest: 2, maxAgeMs: 30 * DAY_MS };
  t.deepEqual(await chosen([rule], { main: 0, 'v9-rc1': 0, v4: 1, v3: 2, v2: 3, v1: 31 }), ['v3', 'v4']);
  t.deepEqual(await chosen([rule], { v1: 30, v2: 30.5 }), ['v1']);
});

test('of tags that were pushed at the same time the first by name are the newest', async (t) => {
  t.deepEqual(await chosen([{ newest: 2 }], { c: 1, a: 1, b: 1 }), ['a', 'b']);
});

test('a tag that any rule takes is taken once, and each rule counts for itself', async (t) => {
  const rules = [{ tags: ['v*'], newest: 1 }, { tags: ['main', 'v1'] }];
  t.deepEqual(await chosen(rules, { v1: 3, v2: 2, v3: 1, main: 9, other: 0 }), ['main', 'v1', 'v3']);
});

test('a tag of which the API does not say when it was pushed is never too old, and never newer than another', async (t) => {
  const rules = new Rules([{ ...EVERYTHING, maxAgeMs: DAY_MS, newest: 1 }]);
  const unknown = { tag: 'a', digest: '', updatedMs: Number.NEGATIVE_INFINITY };
  t.deepEqual([...(await rules.choose(API, [unknown], NOW))], [unknown]);
  const [young] = pushed({ b: 0.5 });
  t.deepEqual(young && [...(await rules.choose(API, [unknown, young], NOW))], [young]);
});

test('the first rule that takes a repository says whether its vulnerabilities are wanted', async (t) => {
  const rules = new Rules([
    { ...EVERYTHING, repositories: ['web'], vulnerabilities: true },
    { ...EVERYTHING, vulnerabilities: false },
    { ...EVERYTHING, vulnerabilities: true },
  ]);
  t.false(rules.wantsVulnerabilities(API));
  t.true(rules.wantsVulnerabilities({ ...API, name: 'web' }));
});

test('the newest of many times are as many as there is room for, none of them older than one that is left out', async (t) => {
  const times = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(Number.NEGATIVE_INFINITY)), {
    maxLength: 20,
  });
  const property = fc.property(times, fc.integer({ min: -2, max: 25 }), (all, room) => {
    const isNew = newestOf(Float64Array.from(all), room);
    const answers = all.map((time) => ({ time, isIn: isNew(time) }));
    const taken = answers.filter(({ isIn }) => isIn).map(({ time }) => time);
    const leftOut = answers.filter(({ isIn }) => !isIn).map(({ time }) => time);
    t.is(taken.length, Math.min(all.length, Math.max(0, room)));
    t.true(Math.min(...taken) >= Math.max(...leftOut) || taken.length === 0 || leftOut.length === 0);
  });
  fc.assert(property, { numRuns: 1_000 });
});

test('choosing lets the event loop turn after every tag of each rule that takes the repository, whether any tag is wanted or not', async (t) => {
  const tags = pushed(Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`v${index}`, index])));
  for (const tag of ['v*', 'w*']) {
    let breaths = 0;
    const maybeYield = async () => {
      breaths += 1;
    };
    const rules = [EVERYTHING, EVERYTHING, { ...EVERYTHING, repositories: ['other'] }];
    await new Rules(rules.map((rule) => ({ ...rule, tags: [tag] }))).choose(API, tags, { ...NOW, maybeYield });
    t.is(breaths, 200);
  }
});
