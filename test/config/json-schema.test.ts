// The JSON schema for editors and the documentation say what the program checks.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import fc from 'fast-check';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/util/yaml/problems.ts';

const root = new URL('../../', import.meta.url);
const fixtures = new URL('test/fixtures/config/', root);

type Schema = { readonly description?: unknown; readonly default?: unknown };

test('the committed JSON schema is that of the program', (t) => {
  t.is(readFileSync(new URL('config/acr-scan-exporter.schema.json', root), 'utf8'), configJsonSchema());
});

const validate = new Ajv2020({ allowUnionTypes: true, formats: { uri: true } }).compile(JSON.parse(configJsonSchema()));

// In text-as-written the tags `null` and `~` stand without quotes, which editors take for nothing.
for (const file of [
  'config/acr-scan-exporter.yml',
  ...readdirSync(fixtures)
    .filter((name) => name.endsWith('.good.yml') && !name.startsWith('text-as-written'))
    .map((name) => `test/fixtures/config/${name}`),
]) {
  test(`${file} is valid in the program and in an editor`, (t) => {
    t.notThrows(() => loadConfig(fileURLToPath(new URL(file, root))));
    // An editor reads plain scalars as numbers and truth values where they look like it.
    const [document] = parseAllDocuments(readFileSync(new URL(file, root), 'utf8'));
    t.true(validate(document?.toJS()), JSON.stringify(validate.errors));
  });
}

/** A file with every key, and with every type of credentials. */
function everyKey(): unknown {
  const everything: unknown = parse(readFileSync(new URL('everything.good.yml', fixtures), 'utf8'));
  const secrets = { access_key_id_env: 'ID', access_key_secret_file: 'secret' };
  const blocks = [
    { type: 'default' },
    { type: 'access_key', ...secrets },
    { type: 'sts', ...secrets, security_token: 'token' },
    { type: 'ram_role_arn', ...secrets, role_arn: 'arn', role_session_name: 'name', external_id: 'id' },
    {
      type: 'oidc_role_arn',
      role_arn: 'arn',
      oidc_provider_arn: 'arn',
      oidc_token_file: 'file',
      role_session_name: 'n',
    },
    { type: 'ecs_ram_role', role_name: 'role' },
    { type: 'credentials_uri', uri: 'http://127.0.0.1/' },
  ];
  const instances = blocks.map((credentials, index) => ({
    id: `cri-of-${index}`,
    region: 'cn-hangzhou',
    endpoint: 'localhost',
    domain: 'example.com',
    credentials,
    repositories: [
      { namespace: 'a', name: 'b', id: 'c', vulnerabilities: true, tags: ['v1', { tag: 'v2', scan_task_id: 'task' }] },
      { id: 'd', tags: ['v1'] },
    ],
    discover: [{ namespaces: ['*'], tags: ['v*'], newest: 3, max_age: '30d', vulnerabilities: false }],
  }));
  return { ...Object(everything), backoff: { initial: '1s', max: '10m' }, instances };
}

type Place = { readonly holder: object; readonly key: string };

/** Everything in a file that may be put in place of another value. */
function placesOf(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value;
  return Object.entries(value).flatMap(([key, inner]) => [{ holder, key }, ...placesOf(inner)]);
}

function isTaken(text: string): boolean {
  try {
    return parseConfig(text, '/etc/config.yml').instances.length > 0;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

test('whatever is blank or empty in a file, an editor takes it where the program does, and nowhere else', (t) => {
  const most = placesOf(everyKey()).length;
  const key = fc.constantFrom(undefined, undefined, undefined, 'no_such_key');
  const blank = fc.record({ at: fc.nat(most - 1), key, by: fc.constantFrom(null, null, '', []) });
  let [taken, refused] = [0, 0];
  const property = fc.property(fc.array(blank, { maxLength: 4 }), (blanks) => {
    const file = everyKey();
    const places = placesOf(file);
    for (const { at, by, key } of blanks) {
      const place = places[at];
      if (place !== undefined) Reflect.set(place.holder, key ?? place.key, by);
    }
    const text = stringify(file, { nullStr: '' });
    const inProgram = isTaken(text);
    if (inProgram) taken += 1;
    else refused += 1;
    if (validate(parse(text)) !== inProgram) {
      throw new Error(`the program ${inProgram ? 'takes' : 'refuses'} this, an editor does not:\n${text}`);
    }
  });
  t.notThrows(() => fc.assert(property, { numRuns: 400 }));
  t.true(taken > 40 && refused > 40, `${taken} taken, ${refused} refused`);
});

test('an editor takes labels that look like numbers, and rates as numbers', (t) => {
  const text =
    'rate_limit: { requests_per_second: 0.5, max_concurrent: 2 }\ninstances: [{ id: 1, region: cn, repositories: [{ id: 2, tags: [1.10, true, { tag: 1.1 }] }] }]';
  t.true(validate(parse(text)), JSON.stringify(validate.errors));
});

for (const name of [
  'unknown-key',
  'tags-empty',
  'repository-with-name-alone',
  'credentials-two-forms',
  'credentials-no-form',
  'credentials-key-of-another-type',
  'interval-without-unit',
  'rate-negative',
  'endpoint-with-path',
  'digest-too-short',
  'webhook-without-token',
  'webhook-two-tokens',
  'events-list',
  'replicas-without-url',
  'replicas-url-wrong',
]) {
  test(`an editor objects to ${name}.bad.yml`, (t) => {
    t.false(validate(parse(readFileSync(new URL(`${name}.bad.yml`, fixtures), 'utf8'))));
  });
}

test('every key has a description in the schema', (t) => {
  for (const { key, schema } of keysOf(JSON.parse(configJsonSchema()))) t.is(typeof schema.description, 'string', key);
});

test('every key and every default is documented', (t) => {
  const page = readFileSync(new URL('docs/configuration.md', root), 'utf8');
  for (const { key, schema } of keysOf(JSON.parse(configJsonSchema()))) {
    const rows = page.split('\n').filter((line) => new RegExp(`^\\| \`${key}\` *\\|`).test(line));
    t.true(rows.length > 0, `${key} has a row in docs/configuration.md`);
    const value = schema.default;
    if (typeof value === 'string')
      t.true(
        rows.some((row) => new RegExp(`\\| \`${value}\` *\\|`).test(row)),
        `${key} has the default ${value}`,
      );
  }
});

/** The keys of a schema and of all below it, with what is said of each. */
function keysOf(schema: Schema): { key: string; schema: Schema }[] {
  return Object.entries(schema).flatMap(([word, value]) => {
    if (typeof value !== 'object' || value === null) return [];
    // What a condition says of a key describes no map.
    if (word !== 'properties' || !('additionalProperties' in schema)) return keysOf({ ...value });
    return Object.entries(value).flatMap(([key, inner]: [string, Schema]) => [
      { key, schema: inner },
      ...keysOf(inner),
    ]);
  });
}
