// The scenario's schema for editors, as JSON schema.
import { z } from 'zod';
import { editorForms } from './fields.ts';
import { scenarioSchema } from './scenario.ts';

/** The text of `docs/simulator-scenario.schema.json`. */
export function scenarioJsonSchema(): string {
  const schema = z.toJSONSchema(scenarioSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const form = zodSchema instanceof z.ZodType ? editorForms.get(zodSchema) : undefined;
      if (!form) return;
      delete jsonSchema.anyOf;
      Object.assign(jsonSchema, form);
    },
  });
  return `${JSON.stringify({ ...schema, title: 'Scenario of acr-simulator' }, undefined, 2)}\n`;
}
