// The schema of the registry in a scenario: instances, repositories, tags, and pushes.
import { z } from 'zod';
import { SEVERITIES, type Severity } from '../model/scan.ts';
import type { Path } from '../util/yaml/descriptions.ts';
import { strictMap } from '../util/yaml/schema.ts';
import { eventCenterSchema } from './event-settings.ts';
import { PAGINGS } from './pagination.ts';
import { stableHex } from './random.ts';
import { boolean, countRange, duration, durationRange, integer, list, oneOf, share, text } from './scenario-fields.ts';

/** The answers about an image that was never scanned: no Status, an empty Status, null, an error with HTTP 404, or one with HTTP 200. */
const NOT_SCANNED_ANSWERS = ['absent', 'empty', 'null', 'error', 'business_error'] as const;
export type NotScannedAnswer = (typeof NOT_SCANNED_ANSWERS)[number];

/** The form of a digest that the scan operations take. */
const DIGEST_FORMS = ['any', 'bare', 'prefixed', 'none'] as const;
/** The answers to a digest in another form: no such scan, or `InvalidParameter`. */
const OTHER_DIGESTS_ANSWERS = ['not_found', 'refused'] as const;
/** The form of the digests in lists. */
const LISTED_DIGEST_FORMS = ['bare', 'prefixed'] as const;

const MAX_TAGS = 1_000_000;
const MAX_TAGS_IN_ALL = 1_000_000;
const DEFAULT_PATTERN = 'v{n}';
const REPOSITORY_STATUSES = ['NORMAL', 'DELETING', 'DELETED'] as const;
const MAX_FINDINGS = 1_000_000_000;
const MIN_PAUSE_MS = 100;

const number = () => integer({ min: 0, max: Number.MAX_SAFE_INTEGER - MAX_TAGS });
const pattern = () => text('a pattern').includes('{n}', { error: 'a pattern with {n}', abort: true });

const phaseSchema = strictMap({
  status: text('a status'),
  for: duration(1).optional().describe('How long; only the last one may leave it out'),
});
export const timelineSchema = list(phaseSchema, 'phases')
  .min(1, { error: 'at least one phase' })
  .refine((phases) => phases.slice(0, -1).every((phase) => phase.for !== undefined), {
    error: '"for" in every phase but the last',
  });

function ofEachSeverity<Schema extends z.ZodType>(schema: (severity: Severity) => Schema) {
  const shape = Object.fromEntries(SEVERITIES.map((severity) => [severity, schema(severity)]));
  return shape as Record<Severity, Schema>;
}

const findingsSchema = strictMap(ofEachSeverity(() => integer({ min: 0, max: MAX_FINDINGS }).default(0)));

const USUAL_FINDINGS: Readonly<Record<Severity, number>> = { high: 5, medium: 20, low: 60, unknown: 2 };
export const findingRangesSchema = strictMap({
  ...ofEachSeverity((severity) => countRange(MAX_FINDINGS).prefault({ min: 0, max: USUAL_FINDINGS[severity] })),
  clean_share: share().default(0).describe('The share of images in which a scan finds nothing'),
});

/** The settings of an image that is pushed at run time. */
export const pushedImageShape = {
  digest: text('a digest').optional(),
  vulnerabilities: findingsSchema.optional(),
};

const tagSchema = strictMap({
  tag: text('a tag').optional().describe('One tag'),
  count: integer({ min: 1, max: MAX_TAGS }).optional().describe('So many tags'),
  name: pattern().optional(),
  start: number().default(1).describe('The first {n}'),
  digest: text('a digest').optional(),
  scan_service: text('a scan service').default('ACR_SCAN_SERVICE'),
  status: text('a status').optional().describe('A status that never changes'),
  timeline: timelineSchema.optional().describe('An explicit course'),
  repeat: boolean().default(false).describe('Whether the timeline begins anew after its last phase'),
  vulnerabilities: findingsSchema.optional().describe('What its scans find'),
  not_scanned: oneOf(NOT_SCANNED_ANSWERS)
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
    error: 'exactly one of tag, count',
  })
  .refine(({ count, digest }) => count === undefined || digest === undefined, {
    error: 'no digest with count',
  })
  .refine(({ status, timeline }) => status === undefined || timeline === undefined, {
    error: 'at most one of status, timeline',
  })
  .refine(({ timeline, repeat }) => !repeat || timeline?.at(-1)?.for !== undefined, {
    error: 'a timeline that says "for" in every phase with repeat',
  })
  .refine(({ age, pushed }) => age === undefined || pushed === undefined, {
    error: 'at most one of age, pushed',
  })
  .refine(
    ({ pushed = 0, repushed = [], deleting, deleted }) =>
      ascend([pushed, ...repushed, deleting, deleted].filter((time) => time !== undefined)),
    {
      error: 'pushed, repushed, deleting and deleted one after the other',
    },
  );

export const pushesSchema = strictMap({
  interval: durationRange(MIN_PAUSE_MS).describe('From one push to the next'),
  name: pattern().default('build-{n}').describe('The names of new tags'),
  start: number().default(1).describe('The first {n}'),
  repush_share: share().default(0.2).describe('The share of pushes that move a tag to a new image'),
  keep: integer({ min: 1, max: MAX_TAGS }).default(20).describe('How many of the pushed tags stay'),
});

const repositorySchema = strictMap({
  namespace: text('a namespace'),
  name: text('a name'),
  id: text('an id').optional().describe('crr-…; without it, derived from the names'),
  status: oneOf(REPOSITORY_STATUSES).default('NORMAL').describe('Its RepoStatus'),
  tags: list(z.union([text('a tag'), tagSchema], { error: 'a tag, or a map with tag or count' }), 'tags').default([
    'latest',
  ]),
  pushes: z
    .union([oneOf(['none']), pushesSchema], { error: 'none, or a map of interval' })
    .optional()
    .describe('Pushes at random times, in place of the ones for all'),
});

/** A repository that is added at run time. */
export const addedRepositorySchema = repositorySchema.superRefine(checkRepository);

const instanceSchema = strictMap({
  id: text('an id'),
  repositories: list(repositorySchema, 'repositories').default([]),
  not_scanned: oneOf(NOT_SCANNED_ANSWERS)
    .default('absent')
    .describe('How the status of an image that was never scanned is answered'),
  digests: oneOf(DIGEST_FORMS)
    .default('any')
    .describe('The form in which the scan operations take a Digest; with another one they find no scan'),
  other_digests: oneOf(OTHER_DIGESTS_ANSWERS)
    .default('not_found')
    .describe('Whether a Digest in another form finds no scan, or is refused with InvalidParameter'),
  paging: oneOf(PAGINGS)
    .default('tokens')
    .describe('Whether lists are also paged by MaxResults and NextToken, or these are ignored'),
  event_center: eventCenterSchema.prefault({}).describe('Its event center'),
  listed_digests: oneOf(LISTED_DIGEST_FORMS).default('bare').describe('The form in which lists show digests'),
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

type TagEntry =
  | string
  | {
      readonly tag?: string | undefined;
      readonly count?: number | undefined;
      readonly name?: string | undefined;
      readonly start: number;
    };

type NamedRepository = {
  readonly namespace: string;
  readonly name: string;
  readonly id?: string | undefined;
  readonly tags: readonly TagEntry[];
};

type NamedInstance = { readonly id: string; readonly repositories: readonly NamedRepository[] };

/** The tags of one entry in a `tags` list. */
export function* tagNames(entry: TagEntry): Generator<string> {
  if (typeof entry === 'string') yield entry;
  else if (entry.tag !== undefined) yield entry.tag;
  else {
    const pattern = entry.name ?? DEFAULT_PATTERN;
    const end = entry.start + (entry.count ?? 0);
    for (let n = entry.start; n < end; n++) yield pattern.replaceAll('{n}', String(n));
  }
}

/** The id of a repository: the given one, or one derived from its names, the same in every run. */
export function repositoryId(instanceId: string, { id, namespace, name }: NamedRepository): string {
  return id ?? `crr-${stableHex(16, instanceId, namespace, name)}`;
}

/** Reports instances, repositories and tags that appear twice, at the place of the second. */
function checkRegistry(instances: readonly NamedInstance[], context: z.core.$RefinementCtx): void {
  const report = reportTo(context);
  if (countTags(instances.flatMap(({ repositories }) => repositories.flatMap(({ tags }) => tags))) > MAX_TAGS_IN_ALL) {
    report([], `at most ${MAX_TAGS_IN_ALL} tags in all`);
    return;
  }
  const ids = new Set<string>();
  for (const [index, instance] of instances.entries()) {
    if (isRepeated(ids, instance.id)) report([index, 'id'], 'each instance once');
    checkRepositories(instance, (path, what) => report([index, 'repositories', ...path], what));
  }
}

/** The same for a single repository. */
function checkRepository({ tags }: NamedRepository, context: z.core.$RefinementCtx): void {
  const report = reportTo(context);
  if (countTags(tags) > MAX_TAGS_IN_ALL) report(['tags'], `at most ${MAX_TAGS_IN_ALL} tags`);
  else checkTags(tags, (path, what) => report(['tags', ...path], what));
}

function reportTo(context: z.core.$RefinementCtx): (path: Path, what: string) => void {
  return (path, what) => context.issues.push({ code: 'custom', input: undefined, path: [...path], message: what });
}

function checkRepositories(instance: NamedInstance, report: (path: Path, what: string) => void): void {
  const ids = new Set<string>();
  const names = new Set<string>();
  for (const [index, repository] of instance.repositories.entries()) {
    if (isRepeated(names, JSON.stringify([repository.namespace, repository.name]))) {
      report([index, 'name'], 'each repository once');
    } else if (isRepeated(ids, repositoryId(instance.id, repository))) report([index, 'id'], 'each repository id once');
    checkTags(repository.tags, (path, what) => report([index, 'tags', ...path], what));
  }
}

function checkTags(entries: readonly TagEntry[], report: (path: Path, what: string) => void): void {
  const tags = new Set<string>();
  for (const [position, entry] of entries.entries()) {
    const [first] = [...tagNames(entry)].filter((tag) => isRepeated(tags, tag));
    if (first !== undefined) report([position], `each tag once, but ${JSON.stringify(first)} is there already`);
  }
}

function countTags(entries: readonly TagEntry[]): number {
  return entries.reduce((sum, entry) => sum + (typeof entry === 'string' ? 1 : (entry.count ?? 1)), 0);
}

/** Adds a value to a set, and gives whether the set had it before. */
function isRepeated(known: Set<string>, value: string): boolean {
  const repeated = known.has(value);
  known.add(value);
  return repeated;
}
