// The truth about every tag, against which an exporter can be held.
import { type Instant, imageUpdateOf, isDeleting } from './operations.ts';
import type { Repository } from './repository.ts';
import type { Simulation } from './simulation.ts';
import type { RegistryTag } from './tag-store.ts';
import type { Findings } from './vulnerabilities.ts';

/** A tag and its status at the moment of asking. */
export type TagTruth = {
  readonly instanceId: string;
  readonly repoId: string;
  readonly repoNamespace: string;
  readonly repoName: string;
  readonly tag: string;
  readonly digest: string;
  /** As the API says it: `SCANNING`, … */
  readonly status: string;
  /** When this status began, and when the next phase begins (null: never), in milliseconds since the simulator started. */
  readonly sinceMs: number;
  readonly untilMs: number | null;
  /** Whether its deletion has begun: the API still answers for it, but it counts as gone. */
  readonly isDeleting: boolean;
  /** When it was pushed last, in milliseconds since the epoch: its ImageUpdate. */
  readonly imageUpdateMs: number;
  /** The numbers of its summary; null unless its scan is complete. */
  readonly vulnerabilities: Findings | null;
};

/** All tags that exist, and the moment at which this is so in milliseconds since the simulator started. */
export type Truth = { readonly elapsedMs: number; readonly tags: readonly TagTruth[] };

export function truthOf(simulation: Simulation): Truth {
  const instant = simulation.instant();
  const repositories = [...simulation.registry.values()].flatMap((instance) => instance.repositories);
  const tags = repositories.flatMap((repository) =>
    [...repository.tagsAt(instant.elapsedMs).values()].map((tag) => truthOfTag(repository, tag, instant)),
  );
  return { elapsedMs: instant.elapsedMs, tags };
}

export function countTags(simulation: Simulation): number {
  const { elapsedMs } = simulation.instant();
  const repositories = [...simulation.registry.values()].flatMap((instance) => instance.repositories);
  return repositories.reduce((sum, repository) => sum + repository.tagsAt(elapsedMs).size, 0);
}

export function truthOfTag(repository: Repository, tag: RegistryTag, instant: Instant): TagTruth {
  const { status, sinceMs, untilMs } = tag.image.scanAt(instant.elapsedMs);
  return {
    instanceId: repository.instanceId,
    repoId: repository.id,
    repoNamespace: repository.namespace,
    repoName: repository.name,
    tag: tag.tag,
    digest: tag.image.digest,
    status,
    sinceMs,
    untilMs: Number.isFinite(untilMs) ? untilMs : null,
    isDeleting: isDeleting(tag, instant),
    imageUpdateMs: imageUpdateOf(tag, instant),
    vulnerabilities: tag.image.findingsAt(instant.elapsedMs) ?? null,
  };
}
