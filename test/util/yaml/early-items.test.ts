// Lists whose items are composed while the file is still being parsed say what they say when it is composed at once.
import test from 'ava';
import fc from 'fast-check';
import { stringify } from 'yaml';
import type { Path } from '../../../src/util/yaml/descriptions.ts';
import { readYaml } from '../../../src/util/yaml/document.ts';
import { ConfigError } from '../../../src/util/yaml/problems.ts';

const REDACTION = { hidesValue: () => false, showsKey: () => true };

/** What is read of a text: the value with the place of each part and its key, or the first thing that is wrong. */
function outcome(text: string, batch: number): unknown {
  try {
    const document = readYaml(text, { file: 'file', redaction: REDACTION, batch });
    const places = pathsOf(document.value, []).map((path) => [
      path,
      document.locate(path),
      document.locate(path, 'key'),
    ]);
    const problems = document.problems.isEmpty ? [] : document.problems.toError().problems;
    return { problems, value: document.value, places };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // What a broken line makes of those after it is anyone's guess.
    return { problems: error.problems.slice(0, 1) };
  }
}

function pathsOf(value: unknown, path: Path): Path[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item, index) => pathsOf(item, [...path, index]))];
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

const scalar = fc.constantFrom('v1', '1.10', 'two words', '', 'a: b', '# no comment', 'two\nlines\n', '*', '🚀');
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'value' },
    scalar,
    fc.array(tie('value'), { maxLength: 8, depthIdentifier: 'value' }),
    fc.dictionary(fc.constantFrom('tag', 'digest', 'tags', 'name'), tie('value'), { depthIdentifier: 'value' }),
  ),
}));
/** What may stand anywhere in a file, and spoil it or not. */
const insertion = fc.constantFrom(
  ...[
    '- ',
    '-',
    '\n',
    ' ',
    '  ',
    '\t',
    ':',
    ': ',
    '#',
    ' # comment\n',
    '&a ',
    '*a',
    '!t ',
    '!!str ',
    '"',
    "'",
    '[',
    ']',
    '{',
    '}',
  ],
  ...[
    '|\n',
    '? ',
    ', ',
    '---\n',
    '...\n',
    '%TAG ! tag:yaml.org,2002:\n---\n',
    '<<: ',
    '\r\n',
    'x',
    '- &a x\n',
    '- *a\n',
    '\n\n',
  ],
);
const text = fc
  .tuple(
    fc.array(value, { minLength: 1, maxLength: 8 }),
    fc.array(fc.tuple(fc.nat(), insertion), { maxLength: 3 }),
    fc.boolean(),
  )
  .map(([values, insertions, isIndented]) => {
    const written = stringify(values, { indentSeq: isIndented });
    return insertions.reduce((result, [at, inserted]) => {
      const place = at % (result.length + 1);
      return result.slice(0, place) + inserted + result.slice(place);
    }, written);
  });

const EXAMPLES: [string, number][] = [
  ['%TAG ! tag:yaml.org,2002:\n---\n- !str a\n- !str b\n- c\n- d\n', 1],
  // A mistake of the whole list is reported where the list begins.
  ['[\n  -\n  - 0\n\n', 1],
];

test('a file means the same, with the same places and the same first mistake, however often its lists are composed', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(text, fc.constantFrom(1, 2, 7), (written, batch) => {
        t.deepEqual(outcome(written, batch), outcome(written, Number.POSITIVE_INFINITY));
      }),
      { numRuns: 600, examples: EXAMPLES },
    ),
  );
});
