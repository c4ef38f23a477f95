// The schema of the events in a scenario: the event center of an instance, and the delivery to a webhook.
import { z } from 'zod';
import { strictMap } from '../util/yaml/schema.ts';
import { check } from './check-scenario.ts';
import { durationRange, integer, list, oneOf, share, text } from './scenario-fields.ts';

/** The prefix of the types of events about images, such as `cr:Artifact:ScanCompleted`. */
export const TYPE_PREFIX = 'cr:Artifact:';

const ORDERS = ['newest_first', 'oldest_first', 'any'] as const;
const MAX_RECORDS = 1_000_000;

const ruleSchema = strictMap({
  name: text('a name'),
  id: text('an id').optional().describe('crecr-…; without it, derived from the name'),
  type: text('an event type').default(`${TYPE_PREFIX}ScanCompleted`).describe('The type of the events that it records'),
});

export const eventCenterSchema = strictMap({
  rules: list(z.union([text('a name'), ruleSchema], { error: 'a name, or a map with name' }), 'event rules')
    .default([])
    .describe('The event rules; without one there are no records'),
  order: oneOf(ORDERS)
    .default('newest_first')
    .describe('The rough order of records: those of the same half minute are in any order'),
  lag: durationRange().prefault('0s').describe('From an event to its record'),
  keep: integer({ min: 1, max: MAX_RECORDS }).default(1000).describe('How many records stay'),
});

/** Where events are sent to, and what goes wrong on the way. */
export const deliverySchema = strictMap({
  to: text('a URL')
    .refine(isHttpUrl, { error: 'a URL that begins with http:// or https://' })
    .describe('The URL that events are sent to'),
  token: text('a token').optional().describe('Sent as x-eventbridge-signature-token'),
  delay: durationRange().prefault('0s').describe('From an event to its first delivery'),
  loss: share().default(0).describe('The share of events that are never sent'),
  duplicates: share().default(0).describe('The share of events that are sent twice, each time with a delay of its own'),
  reorder: share().default(0).describe('The share of deliveries that are late, so that others overtake them'),
  reorder_by: durationRange().prefault({ min: '1m', max: '5m' }).describe('How late these are'),
  certificate_url: text('a URL')
    .optional()
    .describe("Sent as x-eventbridge-signature-url; default: the simulator's own page with its certificate"),
});

export type EventCenterSettings = z.output<typeof eventCenterSchema>;
/** A delivery in the form of a scenario. */
export type DeliveryInput = z.input<typeof deliverySchema>;
export type DeliverySettings = z.output<typeof deliverySchema>;

/** The settings with the keys of `input` in place of theirs. Without settings, `input` is the whole. Throws a `ScenarioError` for wrong input. */
export function changedDelivery(settings: DeliverySettings | undefined, input: unknown): DeliverySettings {
  if (!settings || typeof input !== 'object' || input === null) return check(deliverySchema, input, ['events']);
  const checked = check(deliverySchema, { to: settings.to, ...input }, ['events']);
  return { ...settings, ...Object.fromEntries(Object.entries(checked).filter(([key]) => key in input)) };
}

function isHttpUrl(written: string): boolean {
  return /^https?:\/\//.test(written) && URL.canParse(written);
}
