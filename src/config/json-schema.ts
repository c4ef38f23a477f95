// The schema of the configuration file as JSON Schema, for editors.
import { z } from 'zod';
import { configSchema } from './schema.ts';

/** A part of a JSON schema that is a map of keywords. */
type Keywords = Readonly<Record<string, unknown>>;

const NOTHING = { type: 'null' };

/** The JSON schema (draft 2020-12) of what the file may say, as text that ends in a newline. */
export function jsonSchemaText(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' });
  return `${JSON.stringify(withBlanks(schema), undefined, 2)}\n`;
}

/** Takes a key with nothing behind it for one that is left out, in all maps that a schema describes: see {@link dropBlanks}. */
function withBlanks(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withBlanks);
  if (!isMap(schema)) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([word, value]) => [word, withBlanks(value)]));
  const { properties, required = [], dependentRequired, ...rest } = inner;
  if (!isMap(properties)) return { ...rest, ...(Array.isArray(inner.required) ? filled(inner.required) : {}) };
  const isNeeded = (key: string) => Array.isArray(required) && required.includes(key);
  const keys = Object.entries(properties).map(([key, value]) => [key, isNeeded(key) ? value : blankable(value)]);
  return {
    ...rest,
    properties: Object.fromEntries(keys),
    ...('required' in inner && { required }),
    ...(isMap(dependentRequired) && { allOf: Object.entries(dependentRequired).map(onlyWith) }),
    ...('additionalProperties' in inner && { additionalProperties: NOTHING }),
  };
}

/** The same or nothing. What is said of the key stays where editors look for it. */
function blankable(schema: unknown): unknown {
  if (!isMap(schema)) return schema;
  const { type, enum: values, oneOf } = schema;
  if (Array.isArray(oneOf)) return { ...schema, oneOf: [...oneOf, NOTHING] };
  return { ...schema, type: [type, 'null'].flat(), ...(Array.isArray(values) && { enum: [...values, null] }) };
}

/** Each of these keys is there, with something behind it. */
function filled(keys: readonly string[]): Keywords {
  return { required: keys, properties: Object.fromEntries(keys.map((key) => [key, { not: NOTHING }])) };
}

/** The key is not there, or the others are as well. */
function onlyWith([key, others]: [string, unknown]): Keywords {
  return { anyOf: [{ not: filled([key]) }, ...(Array.isArray(others) ? [filled(others)] : [])] };
}

function isMap(value: unknown): value is Keywords {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
