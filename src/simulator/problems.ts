// Problems of a scenario in words: where, what was expected, what was found. Never shows the values of access keys.
import type { z } from 'zod';

export type Path = readonly (string | number)[];

/** One mistake; `path` leads to it, `message` says what was expected and found. */
export type Problem = { readonly path: Path; readonly message: string };

/** A scenario, or a part of one, that cannot be used. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ path, message }) => [writePath(path), message].filter(Boolean).join(': ')).join('\n'));
    this.problems = problems;
  }
}

/** The output of `schema` for `input`; throws a {@link ScenarioError} with every problem. */
export function check<Output>(schema: z.ZodType<Output>, input: unknown, base: Path = []): Output {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new ScenarioError(result.error.issues.flatMap((issue) => describe(issue, input, base)));
}

/** A path as people write it: `instances[0].repositories[2].tags`. */
export function writePath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

function describe(issue: z.core.$ZodIssue, input: unknown, base: Path): Problem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...base, ...path, key],
      message: `${issue.message}, found an unknown key`,
    }));
  }
  if (issue.code === 'invalid_union') {
    const branch = closestBranch(issue.errors);
    if (branch) {
      return branch.flatMap((inner) => describe({ ...inner, path: [...issue.path, ...inner.path] }, input, base));
    }
  }
  const place = [...base, ...path];
  const found = isSecret(place) ? 'something else' : show(valueAt(input, path));
  return [{ path: place, message: `${issue.message}, found ${found}` }];
}

/** The branch of a union that the value was meant for: the one that it has the right kind for. */
function closestBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  return branches.find((issues) =>
    issues.every(({ path, code }) => path.length > 0 || (code !== 'invalid_type' && code !== 'invalid_value')),
  );
}

/** Everything about access keys: a secret may stand in the wrong place. */
function isSecret(path: Path): boolean {
  return path[0] === 'keys' && path.length > 1;
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    return Reflect.get(value, part);
  }, input);
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
