// What a scenario may say: one schema gives the types, the defaults, the checks and the JSON schema for editors.
import { z } from 'zod';
import { type FaultInput, faultsSchema } from './fault-schema.ts';
import { duration, durationRange, flag, integer, list, positive, section, share, text } from './fields.ts';
import { ACTIONS } from './parameters.ts';
import { checkRegistry } from './registry-rules.ts';

const MOST_TAGS = 1_000_000;

const keySchema = section({
  access_key_id: text('an access key id'),
  access_key_secret: text('an access key secret'),
  security_token: z.string().min(1).max(4096).optional().describe('Makes it a temporary key, which needs this token'),
  security_token_expires: duration(1).optional().describe('When the token expires, after the key was put in force'),
});
export const keysSchema = list(keySchema, 'access keys');

const scanSchema = section({
  duration: durationRange(1).prefault({ min: '20s', max: '2m' }),
  retry_share: share().default(0.1),
  retry_duration: durationRange(1).prefault({ min: '10s', max: '30s' }),
  failure_share: share().default(0.1),
  rescan_interval: durationRange(1).optional().describe('From the end of a scan to the next; without it, no next one'),
  scanned_share: share().default(0.5).describe('The share of tags that were scanned before the simulator started'),
});

const phaseSchema = section({
  status: text('a status'),
  for: duration(1).optional().describe('How long; only the last one may leave it out'),
});
export const timelineSchema = list(phaseSchema, 'phases')
  .min(1, { error: 'expected at least one phase' })
  .refine((phases) => phases.slice(0, -1).every((phase) => phase.for !== undefined), {
    error: 'expected "for" in every phase but the last',
  });

const tagSchema = section({
  tag: text('a tag').optional().describe('One tag'),
  count: integer({ min: 1, max: MOST_TAGS }).optional().describe('So many tags'),
  name: text('a pattern').includes('{n}', { error: 'expected a pattern with {n}', abort: true }).optional(),
  start: integer({ min: 0, max: Number.MAX_SAFE_INTEGER - MOST_TAGS })
    .default(1)
    .describe('The first {n}'),
  digest: text('a digest').optional(),
  scan_service: text('a scan service').default('ACR_SCAN_SERVICE'),
  status: text('a status').optional().describe('A status that never changes'),
  timeline: timelineSchema.optional().describe('An explicit course'),
  repeat: flag().default(false).describe('Whether the timeline begins anew after its last phase'),
})
  .refine(({ tag, count }) => (tag === undefined) !== (count === undefined), {
    error: 'expected exactly one of tag, count',
  })
  .refine(({ count, digest }) => count === undefined || digest === undefined, {
    error: 'expected no digest with count',
  })
  .refine(({ status, timeline }) => status === undefined || timeline === undefined, {
    error: 'expected at most one of status, timeline',
  })
  .refine(({ timeline, repeat }) => !repeat || timeline?.at(-1)?.for !== undefined, {
    error: 'expected a timeline that says "for" in every phase with repeat',
  });

const repositorySchema = section({
  namespace: text('a namespace'),
  name: text('a name'),
  id: text('an id').optional().describe('crr-…; without it, derived from the names'),
  tags: list(
    z.union([text('a tag'), tagSchema], { error: 'expected a tag, or a map with tag or count' }),
    'tags',
  ).default(['latest']),
});

const instanceSchema = section({
  id: text('an id'),
  repositories: list(repositorySchema, 'repositories').default([]),
});

const limit = { requests_per_second: positive(), burst: integer({ min: 1, max: MOST_TAGS }).optional() };
export const quotaSchema = section({
  ...limit,
  retry_after: duration().optional().describe('Sent as x-acs-retry-after, in milliseconds'),
  operations: z
    .partialRecord(z.enum(ACTIONS), section(limit), { error: `expected a map of ${ACTIONS.join(', ')}` })
    .default({})
    .describe('Other limits for single operations'),
});

/** Used where a scenario says nothing: enough to look around. */
export const DEFAULT_KEYS = [{ access_key_id: 'acr-simulator', access_key_secret: 'acr-simulator-secret' }];
const DEFAULT_INSTANCES = [
  {
    id: 'cri-simulator',
    repositories: [
      { namespace: 'shop', name: 'api', tags: [{ count: 10, name: 'v1.{n}' }] },
      { namespace: 'shop', name: 'web', tags: ['latest', { tag: 'legacy', status: 'FAILED' }] },
    ],
  },
];

export const scenarioSchema = section({
  keys: keysSchema.prefault(DEFAULT_KEYS).describe('The access keys that are accepted'),
  instances: list(instanceSchema, 'instances').prefault(DEFAULT_INSTANCES).superRefine(checkRegistry),
  scan: scanSchema.prefault({}).describe('How scans run'),
  latency: durationRange().prefault('0s').describe('From a request to its answer'),
  quota: quotaSchema.optional().describe('Requests a second, for each access key and operation'),
  faults: faultsSchema.prefault([]),
});

/** A scenario in the form of its file: all keys may be left out. */
export type ScenarioInput = z.input<typeof scenarioSchema>;
/** A scenario that was checked; times are in milliseconds. */
export type Scenario = z.output<typeof scenarioSchema>;
export type KeyInput = z.input<typeof keySchema>;
export type AccessKey = z.output<typeof keySchema>;
export type PhaseInput = z.input<typeof phaseSchema>;
export type QuotaInput = z.input<typeof quotaSchema>;
export type Quota = z.output<typeof quotaSchema>;
export type RepositorySettings = z.output<typeof repositorySchema>;
export type TagSettings = z.output<typeof tagSchema>;
export type { FaultInput };
