// Turns what the schema objects to into problems with a place. Every issue's message says what was expected (see fields.ts);
// what was found is taken from the file, unless the issue brings its own words.
import type { z } from 'zod';
import { describeValue, hint } from '../util/yaml/found.ts';
import { reportAt, reportUnknownKey as reportStrangeKey, type Validation, valueAt } from '../util/yaml/mistakes.ts';
import type { Path } from '../util/yaml/problem.ts';
import type { Report } from '../util/yaml/report.ts';
import type { YamlTree } from '../util/yaml/yaml.ts';
import { CREDENTIAL_KEYS } from './credentials-schema.ts';
import { DISCRETION, isConfidential } from './discretion.ts';

type Issue = z.core.$ZodIssue;

/** Reports every issue of a validation of `tree.value`. */
export function reportIssues(issues: readonly Issue[], tree: YamlTree, report: Report): void {
  for (const issue of issues) reportIssue(issue, [], { tree, report, discretion: DISCRETION });
}

function reportIssue(issue: Issue, above: Path, context: Validation): void {
  const path = [...above, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) reportUnknownKey(key, path, issue.message.split(', '), context);
  } else if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    reportUnknownType(path, issue.message, context);
  } else if (issue.code === 'invalid_union') {
    reportTag(issue, path, context);
  } else {
    const { found }: { found?: unknown } = (issue.code === 'custom' && issue.params) || {};
    reportAt(context, path, 'value', issue.message, typeof found === 'string' ? found : undefined);
  }
}

/** A tag is a text or a map: what is wrong with it is said of what it is. */
function reportTag(issue: z.core.$ZodIssueInvalidUnion, path: Path, context: Validation): void {
  const value = valueAt(context.tree.value, path);
  const asText = typeof value === 'string' ? issue.errors[0] : undefined;
  const asMap = isMap(value) ? issue.errors[1] : undefined;
  const option = asText ?? asMap;
  if (option) for (const inner of option) reportIssue(inner, path, context);
  else reportAt(context, path, 'value', issue.message);
}

function reportUnknownKey(key: string, map: Path, known: readonly string[], context: Validation): void {
  const owners = isConfidential(map) ? ownersOf(key) : [];
  if (owners.length > 0) {
    const type = String(Reflect.get(Object(valueAt(context.tree.value, map)), 'type'));
    const expected = `only keys of the type ${type}: ${known.join(', ')}`;
    reportAt(context, [...map, key], 'key', expected, `a key of ${owners.join(', ')}`);
  } else reportStrangeKey(context, map, key, known);
}

/** The type decides which keys are right; without one, only those are wrong that no type has. */
function reportUnknownType(path: Path, expected: string, context: Validation): void {
  const map = path.slice(0, -1);
  const block = Object(valueAt(context.tree.value, map));
  const type: unknown = Reflect.get(block, 'type');
  const meant = typeof type === 'string' ? hint(type, [...CREDENTIAL_KEYS.keys()]) : '';
  reportAt(context, path, 'value', expected, `${describeValue(type, true)}${meant}`);
  for (const key of Object.keys(block)) {
    if (ownersOf(key).length === 0)
      reportUnknownKey(key, map, [...new Set([...CREDENTIAL_KEYS.values()].flat())], context);
  }
}

function ownersOf(key: string): string[] {
  return [...CREDENTIAL_KEYS].filter(([, keys]) => keys.includes(key)).map(([type]) => type);
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
