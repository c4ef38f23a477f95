// Scenario files: what is understood, what is refused and in which words, and the schema for editors.
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { ScenarioError } from '../../src/simulator/check-scenario.ts';
import { parseScenario, type Scenario, scenarioJsonSchema } from '../../src/simulator/scenario.ts';
import { createSimulator, simulate } from '../../src/simulator/simulator.ts';
import { systemClock } from '../../src/util/clock.ts';
import { ConfigError, formatProblems } from '../../src/util/yaml/problems.ts';

/** The scenario in a text, or its problems. */
function loadScenario(text: string, file: string): { scenario?: Scenario; problems?: readonly string[] } {
  try {
    return { scenario: parseScenario(text, file) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { problems: formatProblems(error.problems) };
  }
}

function tagsOf(text: string): readonly string[] {
  const simulator = simulate(parseScenario(text, 'f.yml'), { seed: 1, clock: systemClock });
  return simulator.state().map(({ tag }) => tag);
}

/** A repository with these tags, in one line of YAML. */
const withTags = (tags: string) => `instances: [{ id: i, repositories: [{ namespace: n, name: r, tags: ${tags} }] }]`;

test('an empty file is the built-in scenario', (t) => {
  for (const text of ['', '# only a comment\n', '{}']) {
    t.true(tagsOf(text).length > 5);
  }
});

test('tags are the text in the file, and generated ones follow their pattern', (t) => {
  const tags = tagsOf(withTags(`[1.10, 0123, no, { tag: 1e3 }, { count: 3, name: 'v{n}.{n}', start: 9 }]`));
  t.deepEqual(tags, ['1.10', '0123', 'no', '1e3', 'v9.9', 'v10.10', 'v11.11']);
});

const MISTAKES: readonly (readonly [text: string, ...problems: string[]])[] = [
  [
    'scna: {}',
    '1:1: scna: expected one of keys, instances, pushes, scan, latency, quota, faults, events, found an unknown key',
  ],
  [
    '- 1',
    '1:1: document: expected a map with the keys keys, instances, pushes, scan, latency, quota, faults, events, found a list',
  ],
  ['keys: x', '1:7: keys: expected a list of access keys, found "x"'],
  ['scan: { duration: 5 }', '1:19: scan.duration: expected a duration such as 15s or 1h30m, at least 1ms, found "5"'],
  ['scan: { duration: 0s }', '1:19: scan.duration: expected a duration such as 15s or 1h30m, at least 1ms, found "0s"'],
  ['scan: { retry_share: 1.5 }', '1:22: scan.retry_share: expected a number from 0 to 1, found "1.5"'],
  ['scan: { retry_share: }', '1:22: scan.retry_share: expected a number from 0 to 1, found nothing'],
  ['scan: { retry_share: [1] }', '1:22: scan.retry_share: expected a number from 0 to 1, found a list'],
  ['latency: { min: 2s, max: 1s }', '1:10: latency: expected a max that is not below min, found a map'],
  ['latency: { min: 2s }', '1:10: latency.max: expected a duration such as 15s or 1h30m, found nothing'],
  ['latency: [1s]', '1:10: latency: expected a duration such as 15s, or a map of min, max, found a list'],
  ['quota: { requests_per_second: 0 }', '1:31: quota.requests_per_second: expected a number above 0, found "0"'],
  ['quota: { burst: 1 }', '1:8: quota.requests_per_second: expected a number above 0, found nothing'],
  [
    '"": {}',
    '1:1: (a key of 0 characters): expected one of keys, instances, pushes, scan, latency, quota, faults, events, found an unknown key',
  ],
  [
    'quota: { requests_per_second: 1, operations: { GetRepositry: {} } }',
    '1:48: quota.operations.GetRepositry: expected one of GetRepoTagScanStatus, GetRepoTagScanSummary, GetRepository, ListRepository, ListRepoTag, GetRepoTag, ListEventCenterRecord, ListEventCenterRuleName, CreateRepoTagScanTask, found an unknown key (did you mean GetRepository?)',
  ],
  [withTags('[{}]'), '1:69: instances[0].repositories[0].tags[0]: expected exactly one of tag, count, found a map'],
  [
    withTags('[{ count: 2.5 }]'),
    '1:78: instances[0].repositories[0].tags[0].count: expected a whole number from 1 to 1000000, found "2.5"',
  ],
  [
    withTags('[{ count: 2, name: v }]'),
    '1:87: instances[0].repositories[0].tags[0].name: expected a pattern with {n}, found "v"',
  ],
  [
    withTags('[v2, { count: 3 }]'),
    '1:73: instances[0].repositories[0].tags[1]: expected each tag once, but "v2" is there already, found a map',
  ],
  [
    withTags('[{ tag: a, status: X, timeline: [{ status: Y }] }]'),
    '1:69: instances[0].repositories[0].tags[0]: expected at most one of status, timeline, found a map',
  ],
  [
    withTags('[{ tag: a, timeline: [{ status: X }], repeat: true }]'),
    '1:69: instances[0].repositories[0].tags[0]: expected a timeline that says "for" in every phase with repeat, found a map',
  ],
  [
    withTags('[{ tag: a, repeat: maybe }]'),
    '1:87: instances[0].repositories[0].tags[0].repeat: expected true or false, found "maybe"',
  ],
  [
    withTags('[{ tag: a, age: 1d, pushed: 1s }]'),
    '1:69: instances[0].repositories[0].tags[0]: expected at most one of age, pushed, found a map',
  ],
  ...[
    'pushed: 5s, deleted: 5s',
    'repushed: [0s]',
    'repushed: [9s, 8s]',
    'pushed: 9s, repushed: [8s]',
    'deleted: 0s',
  ].map(
    (times) =>
      [
        withTags(`[{ tag: a, ${times} }]`),
        '1:69: instances[0].repositories[0].tags[0]: expected pushed, repushed, deleting and deleted one after the other, found a map',
      ] as const,
  ),
  [
    withTags('[{ tag: a, vulnerabilities: { high: -1, critical: 2 } }]'),
    '1:104: instances[0].repositories[0].tags[0].vulnerabilities.high: expected a whole number from 0 to 1000000000, found "-1"',
    '1:108: instances[0].repositories[0].tags[0].vulnerabilities.critical: expected one of high, medium, low, unknown, found an unknown key',
  ],
  [
    'scan: { vulnerabilities: { high: { min: 3, max: 2 } } }',
    '1:34: scan.vulnerabilities.high: expected a max that is not below min, found a map',
  ],
  [
    'scan: { vulnerabilities: { low: few } }',
    '1:33: scan.vulnerabilities.low: expected a whole number from 0 to 1000000000, found "few"',
  ],
  ['pushes: {}', '1:9: pushes.interval: expected a duration such as 15s, or a map of min, max, found nothing'],
  [
    'pushes: { interval: 99ms }',
    '1:21: pushes.interval: expected a duration such as 15s or 1h30m, at least 100ms, found "99ms"',
  ],
  [
    'instances: [{ id: i, repositories: [{ namespace: n, name: r, pushes: never }] }]',
    '1:70: instances[0].repositories[0].pushes: expected none, or a map of interval, found "never"',
  ],
  ['instances: [{ id: a }, { id: a }]', '1:30: instances[1].id: expected each instance once, found "a"'],
  [
    'instances:\n  - id: a\n    repositories:\n      - { namespace: n, name: r }\n      - { namespace: n, name: r }\n',
    '5:31: instances[0].repositories[1].name: expected each repository once, found "r"',
  ],
  [
    'faults:\n  - share: 0.5\n',
    '2:5: faults[0]: expected exactly one of error, business_error, status, total_count, next_token, body, reset, hang, drip, found a map',
  ],
  [
    'faults: [{ hang: mid_body, from: 2s, until: 1s }]',
    '1:10: faults[0]: expected until to be later than from, found a map',
  ],
  ['faults: [{ body: {} }]', '1:18: faults[0].body: expected exactly one of text, bytes, found a map'],
  [
    'faults: [{ status: X, operation: GetRepository }]',
    '1:10: faults[0]: expected the operation GetRepoTagScanStatus with a status, found a map',
  ],
  [
    'faults: [{ page: 2, operation: GetRepository, hang: mid_body }]',
    '1:10: faults[0]: expected the operation ListRepository or ListRepoTag with a page, a total_count or a next_token, found a map',
  ],
  [
    'faults: [{ total_count: 0, operation: GetRepoTagScanStatus }]',
    '1:10: faults[0]: expected the operation ListRepository or ListRepoTag with a page, a total_count or a next_token, found a map',
  ],
  ['scan: {}\nscan: {}', '2:1: scan: expected each key once, found it again (first at line 1)'],
  ['scan:\n\tduration: 1s', '2:1: YAML: expected spaces as indentation, found a tab'],
  [
    'scan: { duration: x }\nlatency: y\n',
    '1:19: scan.duration: expected a duration such as 15s or 1h30m, at least 1ms, found "x"',
    '2:10: latency: expected a duration such as 15s or 1h30m, found "y"',
  ],
];

for (const [text, ...problems] of MISTAKES) {
  test(`the scenario ${JSON.stringify(text)} is refused with its place and what was expected`, (t) => {
    const loaded = loadScenario(text, 'my.yml');
    t.deepEqual(
      loaded.problems,
      problems.map((problem) => `my.yml:${problem}`),
    );
  });
}

test('an anchor bomb is refused', (t) => {
  const levels = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]`);
  const { problems } = loadScenario(['a0: &a0 x', ...levels].join('\n'), 'bomb.yml');
  t.deepEqual(problems, ['bomb.yml:7:10: YAML: expected aliases that stand for at most 100000 values, found more']);
});

test('no problem shows what stands among the access keys', (t) => {
  const secret = 'hunter2-hunter2';
  for (const text of [
    `keys: [{ access_key_id: a, access_key_secret: [${secret}] }]`,
    `keys: ["${secret}"]`,
    `keys: [{ access_key_id: a, access_key_secret: x, security_token_expires: ${secret} }]`,
    `keys:\n  - access_key_secret: "${secret}\n`,
    `keys:\n  - access_key_secret: a: ${secret}\n`,
  ]) {
    const { problems = [] } = loadScenario(text, 'f.yml');
    t.true(problems.length > 0, text);
    t.false(problems.join('\n').includes(secret), problems.join('\n'));
  }
});

test('a key that is a list or a map is refused, however deep such keys lie in one another', (t) => {
  const ofKey = ['f.yml:1:3: document: expected a text as the key, found a collection'];
  t.deepEqual(loadScenario('? [a]\n: b', 'f.yml').problems, ofKey);
  for (const text of ['? '.repeat(500), '? '.repeat(40)]) {
    t.regex(
      loadScenario(text, 'f.yml').problems?.join('\n') ?? '',
      /^f\.yml:1:\d+: YAML: expected at most 32 levels of nesting, found more$/,
    );
  }
});

test('what cannot be seen in a key is shown as an escape', (t) => {
  const { problems } = loadScenario('"a\\x85\\u202eb": 1', 'f.yml');
  t.regex(problems?.join('\n') ?? '', /^f\.yml:1:1: a\\u0085\\u202eb: expected [^\n]+$/);
});

test('any text gives a scenario that works or problems, never a crash', (t) => {
  const words = fc.constantFrom(
    ...'keys: instances: scan: faults: quota: - { } [ ] id tags: tag: count: 3 1s share: 0.5 & * ? | > # " \n'.split(
      ' ',
    ),
    '\n',
    '\n  ',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words).map((parts) => parts.join(' ')),
      ),
      (text) => {
        const { scenario, problems = [] } = loadScenario(text, 'f.yml');
        if (scenario) simulate(scenario, { seed: 1, clock: systemClock });
        else t.true(problems.length > 0);
      },
    ),
    { numRuns: 500 },
  );
});

test('a scenario that is handed in is checked as a file is', (t) => {
  const error = t.throws(() => createSimulator({ scenario: { latency: 'soon', scan: { retry_share: 2 } } }), {
    instanceOf: ScenarioError,
  });
  t.is(
    error.message,
    'scan.retry_share: expected a number from 0 to 1, found 2\n' +
      'latency: expected a duration such as 15s or 1h30m, found "soon"',
  );
});

test('the committed JSON schema is the one of this version, and the demo scenario is good', (t) => {
  const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  t.is(read('docs/simulator-scenario.schema.json'), scenarioJsonSchema(), 'npm run schema writes it');
  t.is(loadScenario(read('config/demo-scenario.yml'), 'demo').problems, undefined);
});

test('the documentation names every key of the schema, and its example is a good scenario', (t) => {
  const page = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8');
  const keys = propertiesOf(JSON.parse(scenarioJsonSchema()));
  t.true(keys.length > 40, String(keys.length));
  for (const key of keys) t.true(new RegExp(`\\b${key}\\b`).test(page), `${key} is not in docs/simulator.md`);
  const example = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? '';
  t.deepEqual(loadScenario(example, 'example').problems, undefined);
});

/** The names of all properties in a JSON schema, at any depth. */
function propertiesOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(propertiesOf)];
}
