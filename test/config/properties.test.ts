// Whatever a file says, it gives a configuration or problems; and what is right arrives unchanged.

import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError, formatProblems } from '../../src/util/yaml/problems.ts';

const everything = readFileSync(new URL('../fixtures/config/everything.good.yml', import.meta.url), 'utf8');
const PROBLEM = /^\/etc\/config\.yml:[1-9]\d*:[1-9]\d*: [^\n]+?: expected [^\n]+, found [^\n]+$/;

/** True for a configuration; for problems, when each is one line with a place inside the text. */
function isUnderstood(text: string): boolean {
  try {
    return parseConfig(text, '/etc/config.yml').instances.length > 0;
  } catch (error) {
    if (!(error instanceof ConfigError) || error.problems.length === 0) throw error;
    const lines = text.split('\n').length;
    const areInside = error.problems.every(({ line }) => line <= lines);
    return areInside && formatProblems(error.problems, Number.POSITIVE_INFINITY).every((line) => PROBLEM.test(line));
  }
}

/** Bits of YAML and of configurations, so that texts get beyond the first character. */
const scrap = fc.oneof(
  fc.constantFrom(
    ...'[]{}:,-?&*!|>@`%#"\'\\ \n\t~',
    '\r\n',
    '  ',
    '\n  ',
    '\n    - ',
    ': ',
    '- ',
    '? ',
    '&a ',
    '*a',
    '<<: ',
    '---\n',
    '...\n',
  ),
  fc.constantFrom(
    'instances',
    'id',
    'region',
    'tags',
    'tag',
    'credentials',
    'type',
    'access_key',
    'repositories',
    '15s',
    '__proto__',
    'constructor',
    '!!map ',
    '!!str ',
    '%YAML 1.1\n',
  ),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
);

test('any text gives a configuration or problems', (t) => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(scrap, { maxLength: 40 }).map((scraps) => scraps.join('')),
  );
  t.notThrows(() => fc.assert(fc.property(texts, isUnderstood), { numRuns: 1500 }));
});

test('any mutation of a good file gives a configuration or problems', (t) => {
  const place = fc.nat({ max: everything.length });
  const mutation = fc.tuple(
    place,
    fc.nat({ max: 30 }),
    fc.oneof(
      scrap,
      place.map((at) => everything.slice(at, at + 40)),
    ),
  );
  const texts = fc
    .array(mutation, { minLength: 1, maxLength: 3 })
    .map((mutations) =>
      mutations.reduce(
        (text, [at, length, replacement]) => text.slice(0, at) + replacement + text.slice(at + length),
        everything,
      ),
    );
  t.notThrows(() => fc.assert(fc.property(texts, isUnderstood), { numRuns: 500 }));
});

/** What is meant as a variable or the reference of an image is told instead: the fixtures say how. */
const label = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((text) => text.length <= 255 && !/\$[\w({]|[/:@]/.test(text));
const tag = fc.record({
  tag: label,
  digest: fc.option(fc.stringMatching(/^(?:sha256:)?[0-9a-f]{64}$/), { nil: '' }),
  scanTaskId: fc.option(label, { nil: '' }),
});
const repository = fc.record({
  namespace: label,
  name: label,
  id: fc.constant(''),
  vulnerabilities: fc.boolean(),
  tags: fc.uniqueArray(tag, { selector: (each) => each.tag, minLength: 1, maxLength: 4 }),
});
const pattern = fc.stringMatching(/^[a-z0-9*?._-]{1,12}$/);
const patterns = fc.array(pattern, { minLength: 1, maxLength: 3 });
const discoverRule = fc.record({
  namespaces: patterns,
  repositories: patterns,
  excludeRepositories: patterns,
  tags: patterns,
  excludeTags: patterns,
  newest: fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined }),
  maxAgeMs: fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }),
  vulnerabilities: fc.boolean(),
});
const instance = fc.record({
  id: label,
  region: fc.stringMatching(/^[a-z]{2}-[a-z]{3,9}(-[1-9])?$/),
  domain: fc.option(label, { nil: '' }),
  repositories: fc.uniqueArray(repository, {
    selector: ({ namespace, name }) => JSON.stringify([namespace, name]),
    minLength: 1,
    maxLength: 3,
  }),
  feedMs: fc.option(fc.integer({ min: 1_000, max: 86_400_000 }), { nil: undefined }),
  discover: fc.array(discoverRule, { maxLength: 2 }),
});
const configuration = fc.record({
  milliseconds: fc.integer({ min: 1, max: 3_600_000 }),
  rate: fc.double({ min: 0.001, max: 1000, noNaN: true }),
  concurrent: fc.integer({ min: 1, max: 100 }),
  instances: fc.uniqueArray(instance, { selector: ({ id }) => id, minLength: 1, maxLength: 3 }),
});

test('a valid configuration arrives as it was meant', (t) => {
  const property = fc.property(configuration, ({ milliseconds, rate, concurrent, instances }) => {
    // JSON is YAML, apart from line separators, which nothing here depends on.
    const text = JSON.stringify({
      request_timeout: `${milliseconds}ms`,
      rate_limit: { requests_per_second: rate, max_concurrent: concurrent },
      instances: instances.map(({ domain, feedMs, repositories, discover, ...rest }) => ({
        ...rest,
        ...(feedMs === undefined ? {} : { events: { feed: `${feedMs}ms` } }),
        ...(domain === '' ? {} : { domain }),
        repositories: repositories.map(({ namespace, name, vulnerabilities, tags }) => ({
          namespace,
          name,
          vulnerabilities,
          tags: tags.map(written),
        })),
        ...(discover.length > 0 && {
          discover: discover.map(({ excludeRepositories, excludeTags, newest, maxAgeMs, ...rule }) => ({
            ...rule,
            exclude_repositories: excludeRepositories,
            exclude_tags: excludeTags,
            ...(newest !== undefined && { newest }),
            ...(maxAgeMs !== undefined && { max_age: `${maxAgeMs}ms` }),
          })),
        }),
      })),
    });
    const config = parseConfig(text, '/etc/config.yml');
    const read = config.instances.map(({ endpoint, credentials, connection, ...rest }) => rest);
    t.deepEqual(read, instances);
    t.is(config.requestTimeoutMs, milliseconds);
    t.deepEqual(config.rateLimit, { requestsPerSecond: rate, maxConcurrent: concurrent });
  });
  t.notThrows(() => fc.assert(property, { numRuns: 200 }));
});

function written({ tag: name, digest, scanTaskId }: { tag: string; digest: string; scanTaskId: string }) {
  if (digest === '' && scanTaskId === '') return name;
  return { tag: name, ...(digest && { digest }), ...(scanTaskId && { scan_task_id: scanTaskId }) };
}
