// The scenario file: one schema gives the types, the defaults, the checks and the JSON schema for editors.
import { z } from 'zod';
import { loadYaml } from '../util/yaml/document.ts';
import { strictMap, validate } from '../util/yaml/schema.ts';
import { REDACTION } from './check-scenario.ts';
import { deliverySchema } from './event-settings.ts';
import { faultsSchema } from './faults.ts';
import { ACTIONS } from './parameters.ts';
import { findingRangesSchema, instancesSchema, pushesSchema } from './registry-schema.ts';
import { duration, durationRange, editorForms, integer, list, positiveNumber, share, text } from './scenario-fields.ts';

const MAX_BURST = 1_000_000;

const keySchema = strictMap({
  access_key_id: text('an access key id'),
  access_key_secret: text('an access key secret'),
  security_token: z.string().min(1).max(4096).optional().describe('Makes it a temporary key, which needs this token'),
  security_token_expires: duration(1).optional().describe('When the token expires, after the key was put in force'),
});
export const keysSchema = list(keySchema, 'access keys');

const scanSchema = strictMap({
  duration: durationRange(1).prefault({ min: '20s', max: '2m' }),
  retry_share: share().default(0.1),
  retry_duration: durationRange(1).prefault({ min: '10s', max: '30s' }),
  failure_share: share().default(0.1),
  rescan_interval: durationRange(1).optional().describe('From the end of a scan to the next; without it, no next one'),
  scanned_share: share().default(0.5).describe('The share of tags that were scanned before the simulator started'),
  vulnerabilities: findingRangesSchema.prefault({}).describe('What scans find'),
});

export const latencySchema = durationRange();

const limit = { requests_per_second: positiveNumber(), burst: integer({ min: 1, max: MAX_BURST }).optional() };
export const quotaSchema = strictMap({
  ...limit,
  retry_after: duration().optional().describe('Sent as x-acs-retry-after, in milliseconds'),
  operations: z
    .partialRecord(z.enum(ACTIONS), strictMap(limit), {
      error: ({ code }: { readonly code: string }) =>
        `${code === 'unrecognized_keys' ? '' : 'a map of '}${ACTIONS.join(', ')}`,
    })
    .default({})
    .describe('Other limits for single operations'),
});

/** The default of `keys`. */
export const DEFAULT_KEYS = [{ access_key_id: 'acr-simulator', access_key_secret: 'acr-simulator-secret' }];
/** The default of `instances`: a small registry. */
const DEFAULT_INSTANCES = [
  {
    id: 'cri-simulator',
    repositories: [
      { namespace: 'shop', name: 'api', tags: [{ count: 10, name: 'v1.{n}' }] },
      { namespace: 'shop', name: 'web', tags: ['latest', { tag: 'legacy', status: 'FAILED' }] },
    ],
  },
];

export const scenarioSchema = strictMap({
  keys: keysSchema.prefault(DEFAULT_KEYS).describe('The access keys that are accepted'),
  instances: instancesSchema.prefault(DEFAULT_INSTANCES),
  pushes: pushesSchema.optional().describe('Pushes at random times to every repository that says nothing else'),
  scan: scanSchema.prefault({}).describe('How scans run'),
  latency: latencySchema.prefault('0s').describe('From a request to its answer'),
  quota: quotaSchema.optional().describe('Requests a second, for each access key and operation'),
  faults: faultsSchema.prefault([]),
  events: deliverySchema.optional().describe('Sends the events of the registry, as EventBridge does'),
});

/** A scenario in the form of its file; every key may be missing. */
export type ScenarioInput = z.input<typeof scenarioSchema>;
/** A scenario after the check, with its defaults; times are in milliseconds. */
export type Scenario = z.output<typeof scenarioSchema>;
export type KeyInput = z.input<typeof keySchema>;
export type AccessKey = z.output<typeof keySchema>;
export type LatencyInput = z.input<typeof latencySchema>;
export type QuotaInput = z.input<typeof quotaSchema>;
export type QuotaSettings = z.output<typeof quotaSchema>;

/** The scenario in the text of a file. Throws a `ConfigError` with every problem; `file` is the name of the file in problems. */
export function parseScenario(text: string, file: string): Scenario {
  return loadYaml(text, { file, redaction: REDACTION }, (document) => {
    document.value ??= {};
    return validate(document, scenarioSchema);
  });
}

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
