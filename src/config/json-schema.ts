// The schema of the configuration file as JSON Schema, for editors.
import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The JSON schema (draft 2020-12) of what the file may say, as text that ends in a newline. */
export function jsonSchemaText(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' });
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
