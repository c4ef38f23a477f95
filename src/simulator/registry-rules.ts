// What the names of a registry come to, and that none of them is there twice.
import type { z } from 'zod';
import { stableHex } from './random.ts';

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

type Path = readonly (string | number)[];

const DEFAULT_PATTERN = 'v{n}';
const MOST_TAGS_IN_ALL = 1_000_000;

/** The tags that an entry of a `tags` list stands for. */
export function* tagNames(entry: TagEntry): Generator<string> {
  if (typeof entry === 'string') yield entry;
  else if (entry.tag !== undefined) yield entry.tag;
  else {
    const pattern = entry.name ?? DEFAULT_PATTERN;
    const end = entry.start + (entry.count ?? 0);
    for (let n = entry.start; n < end; n++) yield pattern.replaceAll('{n}', String(n));
  }
}

/** The id of a repository: as given, or derived from its names and thus the same in every run. */
export function repositoryId(instanceId: string, { id, namespace, name }: NamedRepository): string {
  return id ?? `crr-${stableHex(16, instanceId, namespace, name)}`;
}

/** Reports instances, repositories and tags that are there twice, with the place of the second. */
export function checkRegistry(instances: readonly NamedInstance[], context: z.core.$RefinementCtx): void {
  const report = reportTo(context);
  if (countTags(instances.flatMap(({ repositories }) => repositories.flatMap(({ tags }) => tags))) > MOST_TAGS_IN_ALL) {
    report([], `at most ${MOST_TAGS_IN_ALL} tags in all`);
    return;
  }
  const ids = new Set<string>();
  for (const [index, instance] of instances.entries()) {
    if (isRepeated(ids, instance.id)) report([index, 'id'], 'each instance once');
    checkRepositories(instance, (path, what) => report([index, 'repositories', ...path], what));
  }
}

/** The same for a single repository. */
export function checkRepository({ tags }: NamedRepository, context: z.core.$RefinementCtx): void {
  const report = reportTo(context);
  if (countTags(tags) > MOST_TAGS_IN_ALL) report(['tags'], `at most ${MOST_TAGS_IN_ALL} tags`);
  else checkTags(tags, (path, what) => report(['tags', ...path], what));
}

function reportTo(context: z.core.$RefinementCtx): (path: Path, what: string) => void {
  return (path, what) =>
    context.issues.push({ code: 'custom', input: undefined, path: [...path], message: `expected ${what}` });
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

/** Whether the value is in the set already; afterwards it is. */
function isRepeated(known: Set<string>, value: string): boolean {
  const repeated = known.has(value);
  known.add(value);
  return repeated;
}
