// YAML near a file that is good: its tree changed here and there and written in one of the styles of YAML, or its text edited.
import fc from 'fast-check';
import { anyText, edited, repeated } from './texts.ts';

/** How a variable is written where it is expanded. */
const VARIABLES = ['HOME', 'A:-b', 'X'].map((name) => `$\{${name}}`);

/** What a file holds. A text is written plain where it starts with a letter or a digit and has nothing special, else in quotes. */
export type Tree = string | null | readonly Tree[] | { readonly [key: string]: Tree };

const SCALARS = [
  ...[
    '',
    ' ',
    'null',
    '~',
    'true',
    'yes',
    'off',
    '0',
    '-1',
    '1.5',
    '1e400',
    '.inf',
    '0x10',
    '007',
    '9007199254740993',
    '99999999999999999999',
  ],
  ...[
    '15s',
    '1h30m',
    '0s',
    '1d',
    '9999999d',
    '15',
    '15 s',
    '-5s',
    '1m1m',
    '*',
    '**',
    'a*b?c',
    '[a-z]',
    '(a+)+$',
    '^.*$',
    '{a,b}',
    '!x',
  ],
  ...[
    ...VARIABLES,
    '$HOME',
    '$(id)',
    '%s',
    '{{ .Values.x }}',
    'http://u:p@h/',
    'https://x:99999',
    '[::1]:443',
    'file:///etc/passwd',
  ],
  ...[
    'shop/api:v1',
    'r.example.com/shop/api:v1@sha256:00',
    '../../etc',
    '/dev/zero',
    'cri-1',
    'v1.0',
    '__proto__',
    'constructor',
    'default',
  ],
];
const KEYS = [
  '__proto__',
  'constructor',
  '<<',
  '',
  'x',
  'Tags',
  'tag',
  'tags',
  'id',
  'type',
  'name',
  'access_key_secrt',
  'toString',
  'a'.repeat(2_000),
];

const scalar: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...SCALARS) },
  { weight: 2, arbitrary: anyText() },
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: repeated(['a', ' ', '-', '/', ':', '*', 'a.', '$', '"', '1'], 2_000) },
);
const small: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...KEYS), scalar, { maxKeys: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(2, 10, 31, 40).map((depth) => deep(depth)) },
);

function deep(depth: number): Tree {
  let tree: Tree = 'x';
  for (let level = 0; level < depth; level++) tree = level % 2 === 0 ? [tree] : { a: tree };
  return tree;
}

type Change = {
  /** Which node, by its number in the tree. */
  readonly at: number;
  readonly kind: 'replace' | 'drop' | 'double' | 'rename' | 'wrap' | 'add' | 'many';
  readonly key: string;
  readonly value: Tree;
};
type Style = {
  readonly flow: boolean;
  readonly newline: string;
  readonly before: string;
  readonly after: string;
  /** Whether the texts that are the same are written once with an anchor, and else as aliases. */
  readonly aliases: boolean;
};

const PIECES = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ': ',
    ':',
    '- ',
    '-',
    '? ',
    '&a ',
    '*a',
    '&a',
    '<<: *a',
    '!',
    '!!str ',
    '!!map ',
    '!!binary ',
    '|',
    '>-',
    '|+2',
    '%YAML 1.1\n',
    '---\n',
    '...\n',
  ],
  ...[
    '#',
    ' #',
    '\n',
    '\r\n',
    '\r',
    '\t',
    '  ',
    '\n  ',
    '\n    - ',
    '"',
    "'",
    '"\\x',
    '\\',
    '@',
    '`',
    '\0',
    '\ufeff',
    '\u0085',
    '\u2028',
    '~',
    'null',
  ],
];

/** YAML near these trees and texts. */
export function yamlNear(trees: readonly Tree[], texts: readonly string[]): fc.Arbitrary<string> {
  const change: fc.Arbitrary<Change> = fc.record({
    at: fc.nat({ max: 65_535 }),
    kind: fc.constantFrom(
      'replace',
      'replace',
      'replace',
      'replace',
      'drop',
      'double',
      'rename',
      'wrap',
      'add',
      'many',
    ),
    key: fc.constantFrom(...KEYS),
    value: small,
  });
  const style: fc.Arbitrary<Style> = fc.record({
    flow: fc.boolean(),
    newline: fc.constantFrom('\n', '\n', '\n', '\r\n'),
    before: fc.constantFrom('', '', '', '', '\ufeff', '---\n', '# a comment\n', '%YAML 1.2\n---\n'),
    after: fc.constantFrom('', '', '', '\n', '\n...\n', '\n# end', '\n---\n'),
    aliases: fc.constantFrom(false, false, true),
  });
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom(...trees), fc.array(change, { maxLength: 3 }), style)
        .map(([tree, changes, written]) => write(changes.reduce(applied, tree), written)),
    },
    { weight: 2, arbitrary: edited(texts, [...PIECES, ...SCALARS.slice(0, 24)]) },
    { weight: 1, arbitrary: repeated([...PIECES, 'a: ', '- a\n', 'a: &a [*a]\n', '{a: ', '[[', '"a", '], 1_000) },
  );
}

function applied(tree: Tree, change: Change): Tree {
  return changed(tree, change, { left: change.at % countOf(tree) });
}

function countOf(tree: Tree): number {
  if (typeof tree !== 'object' || tree === null) return 1;
  return Object.values(tree).reduce<number>((sum, inner) => sum + countOf(inner), 1);
}

/** The tree with the node changed that is reached after so many others. */
function changed(tree: Tree, change: Change, place: { left: number }): Tree {
  if (place.left-- === 0) return replacement(tree, change);
  if (isList(tree)) return tree.flatMap((item) => changedItem(item, change, place));
  if (typeof tree !== 'object' || tree === null) return tree;
  const pairs = Object.entries(tree).flatMap(([key, value]): [string, Tree][] => {
    if (place.left !== 0) return [[key, changed(value, change, place)]];
    place.left = -1;
    if (change.kind === 'drop') return [];
    return [[change.kind === 'rename' ? change.key : key, replacement(value, change)]];
  });
  return Object.fromEntries(pairs);
}

function changedItem(item: Tree, change: Change, place: { left: number }): readonly Tree[] {
  if (place.left !== 0) return [changed(item, change, place)];
  place.left = -1;
  if (change.kind === 'drop') return [];
  if (change.kind === 'double') return [item, item];
  return change.kind === 'many' ? Array<Tree>(20).fill(item) : [replacement(item, change)];
}

function replacement(tree: Tree, { kind, key, value }: Change): Tree {
  if (kind === 'replace') return value;
  if (kind === 'wrap') return [tree];
  const isMap = typeof tree === 'object' && tree !== null && !isList(tree);
  return kind === 'add' && isMap ? { ...tree, [key]: value } : tree;
}

function isList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree);
}

function write(tree: Tree, { flow, newline, before, after, aliases }: Style): string {
  const known = new Map<string, string>();
  const text = (value: string): string => {
    const plain = /^[A-Za-z0-9][\w./-]*$/.test(value) ? value : JSON.stringify(value);
    if (!aliases || value.length < 3) return plain;
    const name = known.get(value);
    if (name !== undefined) return `*${name} `;
    known.set(value, `t${known.size}`);
    return `&t${known.size - 1} ${plain}`;
  };
  const key = (value: string) => (/^[A-Za-z_][\w]*$/.test(value) ? value : JSON.stringify(value));
  const inFlow = (value: Tree): string => {
    if (value === null) return 'null';
    if (typeof value === 'string') return text(value);
    if (isList(value)) return `[${value.map(inFlow).join(', ')}]`;
    return `{${Object.entries(value)
      .map(([name, inner]) => `${key(name)}: ${inFlow(inner)}`)
      .join(', ')}}`;
  };
  const inBlock = (value: Tree, indent: string): string => {
    if (typeof value !== 'object' || value === null || Object.keys(value).length === 0 || indent.length > 40)
      return ` ${inFlow(value)}`;
    if (isList(value)) return value.map((item) => `${newline}${indent}-${inBlock(item, `${indent}  `)}`).join('');
    return Object.entries(value)
      .map(([name, inner]) => `${newline}${indent}${key(name)}:${inBlock(inner, `${indent}  `)}`)
      .join('');
  };
  return before + (flow ? inFlow(tree) : inBlock(tree, '').replace(/^\s+/, '')) + after;
}
