// JSON near a known shape: fields that are left out, doubled, renamed, of other types, too large or nested too deep, written as no program writes them.
import fc from 'fast-check';
import { anyText, repeated } from './texts.ts';

/** A shape: a text of JSON for each field as it should be, lists and objects of such. */
export type Shape = { readonly [field: string]: string | Shape | readonly Shape[] };

/** Values of every kind, as text. */
const VALUE = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ...[
        'null',
        'true',
        'false',
        '"true"',
        '"success"',
        '""',
        '" "',
        '"\\u0000"',
        '"\\ud800"',
        '[]',
        '{}',
        '[{}]',
        '[null]',
      ],
      ...[
        '0',
        '-0',
        '-1',
        '1.5',
        '1e400',
        '-1e400',
        '9007199254740993',
        '123456789012345',
        '"7"',
        '"007"',
        '"1e3"',
        '1E-7',
      ],
      ...[
        '{"__proto__":{"Code":"x"}}',
        '{"constructor":1}',
        '"toString"',
        '[[[]]]',
        '"\\u202e\\u0007"',
        '"<b>&amp;</b>"',
      ],
    ),
  },
  { weight: 3, arbitrary: anyText().map((text) => JSON.stringify(text)) },
  {
    weight: 1,
    arbitrary: repeated(['a', ' ', '\n', 'Signature=', 'string to sign is', '\u200b', '😀']).map((text) =>
      JSON.stringify(text),
    ),
  },
  { weight: 1, arbitrary: nested(['[', ']'], ['{"a":', '}'], ['[0,', ']']) },
);

function nested(...pairs: readonly (readonly [open: string, close: string])[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...pairs), fc.constantFrom(1, 20, 20, 2_000, 20_000))
    .map(([[open, close], depth]) => `${open.repeat(depth)}0${close.repeat(depth)}`);
}

type Change = {
  readonly at: number;
  readonly value: string;
  readonly kind: 'replace' | 'drop' | 'double' | 'rename' | 'wrap';
};

/** JSON of a shape, with some changes; `values` are what fields are replaced by now and then, besides values of any kind. */
export function jsonLike(shape: Shape, values: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const change: fc.Arbitrary<Change> = fc.record({
    at: fc.nat({ max: 4_095 }),
    kind: fc.constantFrom('replace', 'replace', 'replace', 'drop', 'double', 'rename', 'wrap'),
    value: fc.oneof({ weight: 1, arbitrary: values }, { weight: 2, arbitrary: VALUE }),
  });
  const size = countOf(shape);
  return fc.array(change, { maxLength: 4 }).map((changes) => {
    const byField = new Map(changes.map((each) => [each.at % size, each]));
    return write(shape, byField, { next: 0 });
  });
}

/** JSON of any kind. */
export const ANY_JSON: fc.Arbitrary<string> = fc.oneof(
  VALUE,
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
  fc.array(VALUE, { maxLength: 5 }).map((values) => `[${values.join()}]`),
);

function countOf(shape: Shape): number {
  return Object.values(shape).reduce((sum, value) => sum + 1 + innerCount(value), 0);
}

function innerCount(value: Shape[string]): number {
  if (typeof value === 'string') return 0;
  return isList(value) ? value.reduce((sum, item) => sum + countOf(item), 0) : countOf(value);
}

function isList(value: Shape | readonly Shape[]): value is readonly Shape[] {
  return Array.isArray(value);
}

function write(shape: Shape, changes: ReadonlyMap<number, Change>, place: { next: number }): string {
  const pairs = Object.entries(shape).flatMap(([field, value]) => {
    const change = changes.get(place.next++);
    return writePairs(field, writeValue(value, changes, place), change);
  });
  return `{${pairs.join()}}`;
}

function writePairs(field: string, inner: string, change: Change | undefined): string[] {
  const pair = (name: string, text: string) => `${JSON.stringify(name)}:${text}`;
  switch (change?.kind) {
    case 'drop':
      return [];
    case 'double':
      return [pair(field, inner), pair(field, change.value)];
    case 'rename':
      return [pair(field.charAt(0).toLowerCase() + field.slice(1), inner)];
    case 'wrap':
      return [pair(field, `[${inner}]`)];
    case 'replace':
      return [pair(field, change.value)];
    default:
      return [pair(field, inner)];
  }
}

function writeValue(value: Shape[string], changes: ReadonlyMap<number, Change>, place: { next: number }): string {
  if (typeof value === 'string') return value;
  return isList(value) ? `[${value.map((item) => write(item, changes, place)).join()}]` : write(value, changes, place);
}
