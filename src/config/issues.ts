// Turns what the schema objects to into problems with a place. Every issue's message says what was expected (see fields.ts);
// what was found is taken from the file, unless the issue brings its own words.
import type { z } from 'zod';
import { CREDENTIAL_KEYS } from './credentials-schema.ts';
import { describeValue, isConfidential, nearest } from './found.ts';
import type { Path } from './problem.ts';
import type { Report } from './report.ts';
import type { YamlTree } from './yaml.ts';

type Issue = z.core.$ZodIssue;

/** Reports every issue of a validation of `tree.value`. */
export function reportIssues(issues: readonly Issue[], tree: YamlTree, report: Report): void {
  for (const issue of issues) reportIssue(issue, [], { tree, report });
}

type Context = { readonly tree: YamlTree; readonly report: Report };

function reportIssue(issue: Issue, above: Path, context: Context): void {
  const path = [...above, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) reportUnknownKey(key, path, issue.message.split(', '), context);
  } else if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    reportUnknownType(path, issue.message, context);
  } else if (issue.code === 'invalid_union') {
    reportTag(issue, path, context);
  } else {
    const { found }: { found?: unknown } = (issue.code === 'custom' && issue.params) || {};
    add(context, path, 'value', issue.message, typeof found === 'string' ? found : undefined);
  }
}

/** A tag is a text or a map: what is wrong with it is said of what it is. */
function reportTag(issue: z.core.$ZodIssueInvalidUnion, path: Path, context: Context): void {
  const value = valueAt(context.tree.value, path);
  const asText = typeof value === 'string' ? issue.errors[0] : undefined;
  const asMap = isMap(value) ? issue.errors[1] : undefined;
  const option = asText ?? asMap;
  if (option) for (const inner of option) reportIssue(inner, path, context);
  else add(context, path, 'value', issue.message);
}

function reportUnknownKey(key: string, map: Path, known: readonly string[], context: Context): void {
  const path = [...map, key];
  const owners = isConfidential(map) ? ownersOf(key) : [];
  if (owners.length > 0) {
    const type = String(Reflect.get(Object(valueAt(context.tree.value, map)), 'type'));
    const expected = `only keys of the type ${type}: ${known.join(', ')}`;
    add(context, path, 'key', expected, `a key of ${owners.join(', ')}`);
  } else add(context, path, 'key', `one of ${known.join(', ')}`, `an unknown key${hint(key, known)}`);
}

/** The type decides which keys are right; without one, only those are wrong that no type has. */
function reportUnknownType(path: Path, expected: string, context: Context): void {
  const map = path.slice(0, -1);
  const block = Object(valueAt(context.tree.value, map));
  const type: unknown = Reflect.get(block, 'type');
  const meant = typeof type === 'string' ? hint(type, [...CREDENTIAL_KEYS.keys()]) : '';
  add(context, path, 'value', expected, `${describeValue(type, true)}${meant}`);
  for (const key of Object.keys(block)) {
    if (ownersOf(key).length === 0)
      reportUnknownKey(key, map, [...new Set([...CREDENTIAL_KEYS.values()].flat())], context);
  }
}

function add({ tree, report }: Context, path: Path, part: 'key' | 'value', expected: string, found?: string): void {
  const { offset, isMultiline } = tree.locate(path, part);
  const value = valueAt(tree.value, path);
  // A text that goes on in the next line has probably swallowed it.
  const text = typeof value === 'string' && isMultiline ? 'a text of several lines' : undefined;
  // A file that is but a text is more likely a secret than a configuration.
  const isHidden = path.length === 0 || isConfidential(path);
  report.add(offset, path, expected, found ?? text ?? describeValue(value, isHidden));
}

function ownersOf(key: string): string[] {
  return [...CREDENTIAL_KEYS].filter(([, keys]) => keys.includes(key)).map(([type]) => type);
}

function hint(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : ` (did you mean ${meant}?)`;
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (Object.hasOwn(Object(value), step) ? Reflect.get(Object(value), step) : undefined),
    root,
  );
}
