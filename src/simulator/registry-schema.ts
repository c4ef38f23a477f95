// What a scenario may say of the registry: instances, repositories, their tags, and what is pushed to them.
import { z } from 'zod';
import { DIGEST_FORMS, LISTED_DIGEST_FORMS, OTHER_DIGESTS_ANSWERS } from './digest.ts';
import { countRange, duration, durationRange, flag, integer, list, section, share, text, word } from './fields.ts';
import { NOT_SCANNED_ANSWERS } from './not-scanned.ts';
import { PAGINGS } from './paging.ts';
import { checkRegistry, checkRepository } from './registry-rules.ts';
import { SEVERITIES, type Severity } from './vulnerabilities.ts';

const MOST_TAGS = 1_000_000;
const REPOSITORY_STATUSES = ['NORMAL', 'DELETING', 'DELETED'] as const;
const MOST_FINDINGS = 1_000_000_000;
const SHORTEST_PAUSE_MS = 100;

const number = () => integer({ min: 0, max: Number.MAX_SAFE_INTEGER - MOST_TAGS });
const pattern = () => text('a pattern').includes('{n}', { error: 'expected a pattern with {n}', abort: true });

const phaseSchema = section({
  status: text('a status'),
  for: duration(1).optional().describe('How long; only the last one may leave it out'),
});
export const timelineSchema = list(phaseSchema, 'phases')
  .min(1, { error: 'expected at least one phase' })
  .refine((phases) => phases.slice(0, -1).every((phase) => phase.for !== undefined), {
    error: 'expected "for" in every phase but the last',
  });

function ofEachSeverity<Schema extends z.ZodType>(schema: (severity: Severity) => Schema) {
  const shape = Object.fromEntries(SEVERITIES.map((severity) => [severity, schema(severity)]));
  return shape as Record<Severity, Schema>;
}

const findingsSchema = section(ofEachSeverity(() => integer({ min: 0, max: MOST_FINDINGS }).default(0)));

const USUAL_FINDINGS: Readonly<Record<Severity, number>> = { high: 5, medium: 20, low: 60, unknown: 2 };
export const findingRangesSchema = section({
  ...ofEachSeverity((severity) => countRange(MOST_FINDINGS).prefault({ min: 0, max: USUAL_FINDINGS[severity] })),
  clean_share: share().default(0).describe('The share of images in which a scan finds nothing'),
});

/** What may be said of an image that is pushed at run time. */
export const pushedImageShape = {
  digest: text('a digest').optional(),
  vulnerabilities: findingsSchema.optional(),
};

const tagSchema = section({
  tag: text('a tag').optional().describe('One tag'),
  count: integer({ min: 1, max: MOST_TAGS }).optional().describe('So many tags'),
  name: pattern().optional(),
  start: number().default(1).describe('The first {n}'),
  digest: text('a digest').optional(),
  scan_service: text('a scan service').default('ACR_SCAN_SERVICE'),
  status: text('a status').optional().describe('A status that never changes'),
  timeline: timelineSchema.optional().describe('An explicit course'),
  repeat: flag().default(false).describe('Whether the timeline begins anew after its last phase'),
  vulnerabilities: findingsSchema.optional().describe('What its scans find'),
  not_scanned: word(NOT_SCANNED_ANSWERS)
    .optional()
    .describe('How its status is answered while it is NOT_SCANNED, in place of what the instance says'),
  age: durationRange()
    .optional()
    .describe('How long before the start it was pushed; of several tags, the first is the oldest'),
  pushed: duration().optional().describe('When it is pushed, after the start; until then there is no such tag'),
  repushed: list(duration(), 'durations').optional().describe('When it moves to a new image, after the start'),
  deleting: duration().optional().describe('When its deletion begins, after the start: lists show it as DELETING'),
  deleted: duration().optional().describe('When it is deleted, after the start'),
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
  })
  .refine(({ age, pushed }) => age === undefined || pushed === undefined, {
    error: 'expected at most one of age, pushed',
  })
  .refine(
    ({ pushed = 0, repushed = [], deleting, deleted }) =>
      ascend([pushed, ...repushed, deleting, deleted].filter((time) => time !== undefined)),
    {
      error: 'expected pushed, repushed, deleting and deleted one after the other',
    },
  );

export const pushesSchema = section({
  interval: durationRange(SHORTEST_PAUSE_MS).describe('From one push to the next'),
  name: pattern().default('build-{n}').describe('The names of new tags'),
  start: number().default(1).describe('The first {n}'),
  repush_share: share().default(0.2).describe('The share of pushes that move a tag to a new image'),
  keep: integer({ min: 1, max: MOST_TAGS }).default(20).describe('How many of the pushed tags stay'),
});

const repositorySchema = section({
  namespace: text('a namespace'),
  name: text('a name'),
  id: text('an id').optional().describe('crr-…; without it, derived from the names'),
  status: word(REPOSITORY_STATUSES).default('NORMAL').describe('Its RepoStatus'),
  tags: list(
    z.union([text('a tag'), tagSchema], { error: 'expected a tag, or a map with tag or count' }),
    'tags',
  ).default(['latest']),
  pushes: z
    .union([word(['none']), pushesSchema], { error: 'expected none, or a map of interval' })
    .optional()
    .describe('Pushes at random times, in place of the ones for all'),
});

/** A repository that is added at run time. */
export const addedRepositorySchema = repositorySchema.superRefine(checkRepository);

const instanceSchema = section({
  id: text('an id'),
  repositories: list(repositorySchema, 'repositories').default([]),
  not_scanned: word(NOT_SCANNED_ANSWERS)
    .default('absent')
    .describe('How the status of an image that was never scanned is answered'),
  digests: word(DIGEST_FORMS)
    .default('any')
    .describe('The form in which the scan operations take a Digest; with another one they find no scan'),
  other_digests: word(OTHER_DIGESTS_ANSWERS)
    .default('not_found')
    .describe('Whether a Digest in another form finds no scan, or is refused with InvalidParameter'),
  paging: word(PAGINGS)
    .default('tokens')
    .describe('Whether lists are also paged by MaxResults and NextToken, or these are ignored'),
  listed_digests: word(LISTED_DIGEST_FORMS).default('bare').describe('The form in which lists show digests'),
});
export const instancesSchema = list(instanceSchema, 'instances').superRefine(checkRegistry);

export type InstanceSettings = z.output<typeof instanceSchema>;
export type PhaseInput = z.input<typeof phaseSchema>;
export type PhaseSettings = z.output<typeof phaseSchema>;
export type RepositorySettings = z.output<typeof repositorySchema>;
export type TagSettings = z.output<typeof tagSchema>;

function ascend(times: readonly number[]): boolean {
  return times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0));
}
