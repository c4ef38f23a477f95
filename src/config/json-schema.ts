// The JSON schema of the configuration file, for editors.
import { z } from 'zod';
import { configSchema } from './schema.ts';

/** A JSON schema, or a part of one: a map of keywords. */
type Keywords = Readonly<Record<string, unknown>>;

const NULL = { type: 'null' };

/** The text of `config/acr-scan-exporter.schema.json`: JSON Schema, draft 2020-12. */
export function configJsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' });
  return `${JSON.stringify(withBlanks(schema), undefined, 2)}\n`;
}

/** Allows optional keys without a value, as `dropBlanks` does. */
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
    ...('additionalProperties' in inner && { additionalProperties: NULL }),
  };
}

/** Allows null too. The description stays at the top of the schema, where editors look for it. */
function blankable(schema: unknown): unknown {
  if (!isMap(schema)) return schema;
  const { type, enum: values, oneOf } = schema;
  if (Array.isArray(oneOf)) return { ...schema, oneOf: [...oneOf, NULL] };
  return { ...schema, type: [type, 'null'].flat(), ...(Array.isArray(values) && { enum: [...values, null] }) };
}

/** Requires each of these keys, with a value. */
function filled(keys: readonly string[]): Keywords {
  return { required: keys, properties: Object.fromEntries(keys.map((key) => [key, { not: NULL }])) };
}

/** Requires the other keys if the first one has a value. */
function onlyWith([key, others]: [string, unknown]): Keywords {
  return { anyOf: [{ not: filled([key]) }, ...(Array.isArray(others) ? [filled(others)] : [])] };
}

function isMap(value: unknown): value is Keywords {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
