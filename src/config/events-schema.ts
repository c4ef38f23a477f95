// The schema of events: the webhook, and the intervals of tags and feeds.
import type { z } from 'zod';
import type { WebhookSettings } from '../model/events.ts';
import { strictMap } from '../util/yaml/schema.ts';
import type { EventsConfig } from './config.ts';
import { duration, environmentName, filePath, truth } from './fields.ts';

const DAY_MS = 86_400_000;

const TOKEN_FORMS = ['token_file', 'token_env'] as const;

/** The keys of the webhook. */
export const WEBHOOK_KEYS: readonly string[] = [...TOKEN_FORMS, 'signature'];

/** A relative path stays as written until the file is loaded. */
const webhookSchema = strictMap({
  token_file: filePath()
    .optional()
    .meta({ description: 'File that holds the token of events; relative to the directory of this file.' }),
  token_env: environmentName().optional().meta({ description: 'Environment variable that holds the token of events.' }),
  signature: truth()
    .prefault('false')
    .meta({ description: 'Whether the signature of EventBridge has to be right as well as the token.' }),
})
  .superRefine(requireOneToken, { when: () => true })
  .meta({ anyOf: [{ oneOf: TOKEN_FORMS.map((form) => ({ required: [form] })) }, { type: 'null' as const }] })
  .transform(({ token_file: path, token_env: name = '', signature }): WebhookSettings => {
    return { token: path === undefined ? { from: 'env', name } : { from: 'file', path }, signature };
  });

export const eventsSchema = strictMap({
  webhook: webhookSchema.optional().meta({
    description: 'Accepts events of EventBridge at POST /api/v1/events. Default: no such path.',
  }),
  complete: duration().prefault('6h').meta({
    description: 'Replaces intervals.complete, if that is shorter, while the events of an instance are healthy.',
  }),
}).transform(({ webhook, complete }): EventsConfig => ({ webhook, completeMs: complete }));

/** The events of an instance. */
export const instanceEventsSchema = strictMap({
  feed: duration(DAY_MS, 1_000).optional().meta({
    description: "How often to ask for new records of the instance's event center. Default: never.",
  }),
});

/** Runs for any value. Another check reports a value that is not a map. */
function requireOneToken(keys: unknown, context: z.core.$RefinementCtx): void {
  if (typeof keys !== 'object' || keys === null) return;
  const given = TOKEN_FORMS.filter((form) => form in keys);
  if (given.length === 1) return;
  context.addIssue({
    code: 'custom',
    message: `one of ${TOKEN_FORMS.join(', ')}`,
    path: given.slice(1),
    params: { found: given.length === 0 ? 'none of them' : given.join(' and ') },
  });
}
