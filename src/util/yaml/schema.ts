// Schemas for the values of a file, whose scalars are all text, and the problems that they find. The message of an issue says what was
// expected.
import { z } from 'zod';
import { hint, MERGE_KEY, type Path } from './descriptions.ts';
import type { YamlDocument } from './document.ts';

/** Other programs keep anchors in such keys. */
const ANCHOR_KEY = 'an unknown key (an anchor stands where its value is first used, as in tags: &releases [v1, v2])';

/** A map of exactly these keys. For an unknown key the message lists the known ones, separated by commas. */
export function strictMap<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? keys : `a map with the keys ${keys}`),
  });
}

/** Text that `parse` turns into a value; `parse` gives undefined for text that has none. */
export function parsed<Value>(expected: string, parse: (written: string) => Value | undefined) {
  return z.string({ error: expected }).transform((written, context): Value => {
    const value = parse(written);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: expected, input: written });
    return z.NEVER;
  });
}

/** A problem that a schema found. Where `found` is undefined, the value says what was found. */
export type Mistake = {
  readonly path: Path;
  readonly part: 'key' | 'value';
  readonly expected: string;
  readonly found: string | undefined;
};

/** The mistakes that one issue stands for. */
export function mistakesOf(issue: z.core.$ZodIssue, above: Path = []): Mistake[] {
  const path = [...above, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(path, key, issue.message.split(', ')));
  }
  if (issue.code === 'invalid_union') {
    const branch = closestBranch(issue.errors);
    if (branch) return branch.flatMap((inner) => mistakesOf(inner, path));
  }
  const { found }: { found?: unknown } = (issue.code === 'custom' && issue.params) || {};
  return [{ path, part: 'value', expected: issue.message, found: typeof found === 'string' ? found : undefined }];
}

/** The mistake of an unknown key in a map. */
export function unknownKey(map: Path, key: string, known: readonly string[]): Mistake {
  const path = [...map, key];
  if (key === MERGE_KEY) {
    const expected = 'the keys themselves, or an alias in place of the whole value';
    return { path, part: 'key', expected, found: 'a merge key, which is not supported' };
  }
  const found = map.length === 0 && /^(?:x-|\.)/.test(key) ? ANCHOR_KEY : `an unknown key${hint(key, known)}`;
  return { path, part: 'key', expected: `one of ${known.join(', ')}`, found };
}

/** The output of a schema for the value of a document; undefined after its mistakes are reported. */
export function validate<Output>(document: YamlDocument, schema: z.ZodType<Output>): Output | undefined {
  const { data, error } = schema.safeParse(document.value);
  for (const issue of error?.issues ?? []) {
    for (const { path, part, expected, found } of mistakesOf(issue)) {
      document.report(path, expected, found, part);
    }
  }
  return data;
}

/** The branch of a union that fits the kind of the value. */
function closestBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  return branches.find((issues) =>
    issues.every(({ path, code }) => path.length > 0 || (code !== 'invalid_type' && code !== 'invalid_value')),
  );
}
