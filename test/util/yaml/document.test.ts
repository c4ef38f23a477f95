// The loader that the configuration, the web configuration and the simulator's scenario share.
import test from 'ava';
import { z } from 'zod';
import { loadYaml, readYaml } from '../../../src/util/yaml/document.ts';
import { ConfigError, formatProblems } from '../../../src/util/yaml/problems.ts';
import { parsed, strictMap, validate } from '../../../src/util/yaml/schema.ts';

const FILE = { file: 'f.yml', redaction: { hidesValue: () => false, showsKey: () => true } };

function problemsOf(action: () => unknown): string[] {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return formatProblems(error.problems);
    throw error;
  }
  return [];
}

test('problems of the document and of the schema come together, in the order of the file', (t) => {
  const schema = strictMap({
    size: parsed('a whole number', (written) => (/^\d+$/.test(written) ? Number(written) : undefined)),
    names: z.array(z.union([z.string(), strictMap({ name: z.string({ error: 'a name' }) })]), { error: 'a list' }),
  });
  const load = (text: string) => loadYaml(text, FILE, (document) => validate(document, schema));
  t.deepEqual(load('size: 3\nnames: [a, { name: b }]'), { size: 3, names: ['a', { name: 'b' }] });
  t.deepEqual(
    problemsOf(() => load('size: many\nnames: [a, { name: [] }]\nsizes: 4\nnames: !!set b\n')),
    [
      'f.yml:1:7: size: expected a whole number, found "many"',
      'f.yml:2:20: names[1].name: expected a name, found an empty list',
      'f.yml:3:1: sizes: expected one of size, names, found an unknown key (did you mean size?)',
      'f.yml:4:1: names: expected each key once, found it again (first at line 2)',
    ],
  );
});

test('keys that are aliases, and the key __proto__, have a place', (t) => {
  const document = readYaml('&k name: a\nlist: [{ *k : b, __proto__: c }]\n', FILE);
  t.is(JSON.stringify(document.value), '{"name":"a","list":[{"name":"b","__proto__":"c"}]}');
  t.is(document.locate(['list', 0, 'name']).offset, 25);
  t.is(document.locate(['list', 0, 'name'], 'key').offset, 20);
  t.is(document.locate(['list', 0, '__proto__']).offset, 39);
});

test('too many aliased values are refused at the alias that exceeds the limit, before it is followed', (t) => {
  const levels = (count: number, width: number) =>
    [
      'a0: &a0 x',
      ...Array.from({ length: count }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(width).fill(`*a${n}`)}]`),
    ].join('\n');
  t.deepEqual(
    problemsOf(() => readYaml(levels(1_000, 10), FILE)),
    ['f.yml:6:38: YAML: expected aliases that stand for at most 100000 values, found more'],
  );
  t.deepEqual(
    problemsOf(() => readYaml(levels(100, 1), FILE)),
    ['f.yml:65:12: YAML: expected at most 64 levels of nesting, found more'],
  );
});
