// The JSON schema for editors and the documentation say what the program checks.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { parse } from 'yaml';
import { jsonSchemaText } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';

const root = new URL('../../', import.meta.url);
const fixtures = new URL('test/fixtures/config/', root);

type Schema = { readonly description?: unknown; readonly default?: unknown };

test('the committed JSON schema is that of the program', (t) => {
  t.is(readFileSync(new URL('config/acr-scan-exporter.schema.json', root), 'utf8'), jsonSchemaText());
});

const validate = new Ajv2020({ allowUnionTypes: true, formats: { uri: true } }).compile(JSON.parse(jsonSchemaText()));

// In text-as-written the tags `null` and `~` stand without quotes, which editors take for nothing, as they take blank values.
for (const file of [
  'config/acr-scan-exporter.yml',
  ...readdirSync(fixtures)
    .filter((name) => name.endsWith('.good.yml') && !/^(?:text-as-written|blank-values)/.test(name))
    .map((name) => `test/fixtures/config/${name}`),
]) {
  test(`${file} is valid in the program and in an editor`, (t) => {
    t.notThrows(() => loadConfig(fileURLToPath(new URL(file, root))));
    // An editor reads plain scalars as numbers and truth values where they look like it.
    t.true(validate(parse(readFileSync(new URL(file, root), 'utf8'))), JSON.stringify(validate.errors));
  });
}

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
]) {
  test(`an editor objects to ${name}.bad.yml`, (t) => {
    t.false(validate(parse(readFileSync(new URL(`${name}.bad.yml`, fixtures), 'utf8'))));
  });
}

test('every key has a description in the schema', (t) => {
  for (const { key, schema } of keysOf(JSON.parse(jsonSchemaText()))) t.is(typeof schema.description, 'string', key);
});

test('every key and every default is documented', (t) => {
  const page = readFileSync(new URL('docs/configuration.md', root), 'utf8');
  for (const { key, schema } of keysOf(JSON.parse(jsonSchemaText()))) {
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
    if (word !== 'properties') return keysOf({ ...value });
    return Object.entries(value).flatMap(([key, inner]: [string, Schema]) => [
      { key, schema: inner },
      ...keysOf(inner),
    ]);
  });
}
