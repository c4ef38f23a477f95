// The kinds of values in a scenario. Scalars come as text from YAML (so that the tag `1.10` stays one) and as themselves from
// JSON and from tests; each kind says what it expects, and what an editor should expect where that differs.
import { z } from 'zod';
import { formatDuration, parseDuration } from '../util/duration.ts';
import type { Range } from './random.ts';

/** What an editor should expect. */
type EditorForm = {
  readonly type: 'boolean' | 'integer' | 'number' | readonly ('string' | 'number')[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
};

/** What the JSON schema shows in place of what can be derived. */
export const editorForms = z.registry<EditorForm>();

const LONGEST_TEXT = 255;

/** A map with these keys and no others. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `expected one of ${keys}` : `expected a map of ${keys}`),
  });
}

/** A list of `what`. */
export function list<Item extends z.ZodType>(item: Item, what: string) {
  return z.array(item, { error: `expected a list of ${what}` });
}

/** A name, an id, a status: any text but the empty one. */
export function text(what = 'text') {
  const error = `expected ${what} of 1 to ${LONGEST_TEXT} characters`;
  const schema = z.string({ error }).min(1, { error }).max(LONGEST_TEXT, { error });
  editorForms.add(schema, { type: ['string', 'number'] });
  return schema;
}

/** One of these words. */
export function word<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `expected ${words.length > 1 ? 'one of ' : ''}${words.join(', ')}` });
}

type TagLimit = { readonly min: number; readonly max: number };

/** A whole number. */
export function integer({ min, max }: TagLimit) {
  return numeric({ type: 'integer', minimum: min, maximum: max }, `a whole number from ${min} to ${max}`);
}

/** A share of all: 0 is none, 1 is every one. */
export function share() {
  return numeric({ type: 'number', minimum: 0, maximum: 1 }, 'a number from 0 to 1');
}

/** A number above 0. */
export function positive() {
  return numeric({ type: 'number', exclusiveMinimum: 0 }, 'a number above 0');
}

export function flag() {
  const schema = z.union([z.boolean(), z.enum(['true', 'false'])], { error: 'expected true or false' });
  const parsed = schema.transform((value) => value === true || value === 'true');
  editorForms.add(parsed, { type: 'boolean' });
  return parsed;
}

/** A duration such as `1m30s`, in milliseconds; `least` is the shortest that is allowed. */
export function duration(leastMs = 0) {
  const error = `expected a duration such as 15s or 1h30m${leastMs > 0 ? `, at least ${formatDuration(leastMs)}` : ''}`;
  return z.string({ error }).transform((written, context) => {
    const ms = parseDuration(written);
    if (ms !== undefined && ms >= leastMs) return ms;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
}

/** Durations from `min` to `max`, or a single one. */
export function durationRange(leastMs = 0) {
  const both = section({ min: duration(leastMs), max: duration(leastMs) })
    .refine(({ min, max }) => min <= max, { error: 'expected a max that is not below min' })
    .transform(({ min, max }): Range => ({ minMs: min, maxMs: max }));
  const single = duration(leastMs).transform((ms): Range => ({ minMs: ms, maxMs: ms }));
  return z.union([single, both], { error: 'expected a duration such as 15s, or a map of min, max' });
}

/** Whole numbers from `min` to `max`, or a single one; none is above `most`. */
export function countRange(most: number) {
  const number = () => integer({ min: 0, max: most });
  const both = section({ min: number(), max: number() }).refine(({ min, max }) => min <= max, {
    error: 'expected a max that is not below min',
  });
  const single = number().transform((count): TagLimit => ({ min: count, max: count }));
  return z.union([single, both], { error: `expected a whole number from 0 to ${most}, or a map of min, max` });
}

function numeric(form: EditorForm, what: string) {
  const error = `expected ${what}`;
  const schema = z.union([z.number(), z.string()], { error }).transform((value, context) => {
    const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
    if (fits(number, form)) return number;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
  editorForms.add(schema, form);
  return schema;
}

function fits(value: number, form: EditorForm): boolean {
  if (!Number.isFinite(value) || (form.type === 'integer' && !Number.isSafeInteger(value))) return false;
  if (form.exclusiveMinimum !== undefined && value <= form.exclusiveMinimum) return false;
  return value >= (form.minimum ?? value) && value <= (form.maximum ?? value);
}
