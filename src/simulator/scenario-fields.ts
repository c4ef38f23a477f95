// The kinds of values in a scenario. Scalars are text in YAML (so the tag `1.10` stays as it is), and numbers and booleans too in JSON and
// in tests. The message of an issue says what was expected.
import { z } from 'zod';
import { formatDuration, parseDuration } from '../util/duration.ts';
import { strictMap } from '../util/yaml/schema.ts';
import type { CountRange, DurationRange } from './random.ts';

/** What an editor should expect, where the schema itself would say too much or too little. */
type EditorForm = {
  readonly type: 'boolean' | 'integer' | 'number' | readonly ('string' | 'number')[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
};

/** What the JSON schema contains for a value in place of what Zod derives. */
export const editorForms = z.registry<EditorForm>();

const MAX_TEXT_LENGTH = 255;

/** A list; `what` names its items in the plural. */
export function list<Item extends z.ZodType>(item: Item, what: string) {
  return z.array(item, { error: `a list of ${what}` });
}

/** A name, an id, a status: any text that is not empty. */
export function text(what = 'text') {
  const error = `${what} of 1 to ${MAX_TEXT_LENGTH} characters`;
  const schema = z.string({ error }).min(1, { error }).max(MAX_TEXT_LENGTH, { error });
  editorForms.add(schema, { type: ['string', 'number'] });
  return schema;
}

/** One of these words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `${words.length > 1 ? 'one of ' : ''}${words.join(', ')}` });
}

/** A whole number. */
export function integer({ min, max }: CountRange) {
  return numeric({ type: 'integer', minimum: min, maximum: max }, `a whole number from ${min} to ${max}`);
}

/** A share: 0 is none, 1 is all. */
export function share() {
  return numeric({ type: 'number', minimum: 0, maximum: 1 }, 'a number from 0 to 1');
}

/** A number above 0. */
export function positiveNumber() {
  return numeric({ type: 'number', exclusiveMinimum: 0 }, 'a number above 0');
}

/** `true` or `false`. */
export function boolean() {
  const schema = z.union([z.boolean(), z.enum(['true', 'false'])], { error: 'true or false' });
  const parsed = schema.transform((value) => value === true || value === 'true');
  editorForms.add(parsed, { type: 'boolean' });
  return parsed;
}

/** A duration such as `1m30s`, in milliseconds. */
export function duration(minMs = 0) {
  const error = `a duration such as 15s or 1h30m${minMs > 0 ? `, at least ${formatDuration(minMs)}` : ''}`;
  return z.string({ error }).transform((written, context) => {
    const ms = parseDuration(written);
    if (ms !== undefined && ms >= minMs) return ms;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
}

/** Durations from `min` to `max`, or a single duration. `minMs` is the shortest that is allowed. */
export function durationRange(minMs = 0) {
  const both = strictMap({ min: duration(minMs), max: duration(minMs) })
    .refine(({ min, max }) => min <= max, { error: 'a max that is not below min' })
    .transform(({ min, max }): DurationRange => ({ minMs: min, maxMs: max }));
  const single = duration(minMs).transform((ms): DurationRange => ({ minMs: ms, maxMs: ms }));
  return z.union([single, both], { error: 'a duration such as 15s, or a map of min, max' });
}

/** Whole numbers from `min` to `max`, or a single number. `largest` is the largest that is allowed. */
export function countRange(largest: number) {
  const number = () => integer({ min: 0, max: largest });
  const both = strictMap({ min: number(), max: number() }).refine(({ min, max }) => min <= max, {
    error: 'a max that is not below min',
  });
  const single = number().transform((count): CountRange => ({ min: count, max: count }));
  return z.union([single, both], { error: `a whole number from 0 to ${largest}, or a map of min, max` });
}

function numeric(form: EditorForm, error: string) {
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
