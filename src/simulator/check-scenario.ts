// Checks parts of a scenario that a program or an HTTP request hands in.
import type { z } from 'zod';
import { describeValue, formatPath, looksLikeKey, type Path, type Redaction } from '../util/yaml/descriptions.ts';
import { valueAt } from '../util/yaml/document.ts';
import { mistakesOf } from '../util/yaml/schema.ts';

const MAX_KEY_LENGTH = 100;

/** Every value of an access key may be a secret, also one in the wrong place. So may the token of events. */
export const REDACTION: Redaction = {
  hidesValue: ([first, second]) =>
    (first === 'keys' && second !== undefined) || (first === 'events' && second === 'token'),
  showsKey: (key, map) => looksLikeKey(key) || (map[0] !== 'keys' && key !== '' && key.length <= MAX_KEY_LENGTH),
};

/** A scenario, or a part of one, that cannot be used. Each problem is one line. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** The output of a schema for `input`. Throws a {@link ScenarioError} with every problem; `base` is the path of `input` in a scenario. */
export function check<Output>(schema: z.ZodType<Output>, input: unknown, base: Path = []): Output {
  const { success, data, error } = schema.safeParse(input);
  if (success) return data;
  const mistakes = error.issues.flatMap((issue) => mistakesOf(issue));
  throw new ScenarioError(
    mistakes.map(({ path: inner, expected, found }) => {
      const path = [...base, ...inner];
      const place = path.length === 0 ? '' : `${formatPath(path, REDACTION)}: `;
      return `${place}expected ${expected}, found ${found ?? describeValue(valueAt(input, inner), REDACTION.hidesValue(path))}`;
    }),
  );
}
