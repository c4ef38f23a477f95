// Schemas for values of a file, whose scalars are all text. The message of every issue says what was expected.
import { z } from 'zod';

/** A map of exactly these keys. For an unknown key the message lists the known ones, separated by commas. */
export function strictMap<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? keys : `a map with the keys ${keys}`),
  });
}

/** Text that `parse` turns into a value, or refuses by giving undefined. */
export function parsed<Value>(expected: string, parse: (written: string) => Value | undefined) {
  return z.string({ error: expected }).transform((written, context): Value => {
    const value = parse(written);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: expected, input: written });
    return z.NEVER;
  });
}
