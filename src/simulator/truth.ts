// The true state of every tag, for tests that compare an exporter with it.
import type { Vulnerabilities } from '../model/scan.ts';
import type { Image } from './image.ts';
import { type Instant, imageUpdateOf, isDeleting } from './operations.ts';
import type { SimulatedRepository } from './repository.ts';
import type { Simulation } from './simulation.ts';
import type { RegistryTag } from './tag-store.ts';

/** An image and the present status of its scan. */
export type ImageTruth = {
  readonly digest: string;
  /** In the words of the API: `SCANNING`, … */
  readonly status: string;
  /** When this status began, and when the next phase begins (null: never), in milliseconds since the simulator started. */
  readonly sinceMs: number;
  readonly untilMs: number | null;
};

/** A tag and its present status. */
export type TagTruth = ImageTruth & {
  readonly instanceId: string;
  readonly repoId: string;
  readonly repoNamespace: string;
  readonly repoName: string;
  readonly tag: string;
  /** Whether its deletion has begun. The API still answers for the tag, but an exporter should no longer watch it. */
  readonly isDeleting: boolean;
  /** Its ImageUpdate: the time of its last push, in milliseconds since the epoch. */
  readonly imageUpdateMs: number;
  /** The vulnerabilities that its scan found; null unless the scan is complete. */
  readonly vulnerabilities: Vulnerabilities | null;
  /** Its former images, the last one first. The API still answers for their digests. */
  readonly former: readonly ImageTruth[];
};

/** All existing tags, and the moment of this state in milliseconds since the simulator started. */
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

export function truthOfTag(repository: SimulatedRepository, tag: RegistryTag, instant: Instant): TagTruth {
  return {
    instanceId: repository.instanceId,
    repoId: repository.id,
    repoNamespace: repository.namespace,
    repoName: repository.name,
    tag: tag.tag,
    ...truthOfImage(tag.image, instant),
    isDeleting: isDeleting(tag, instant),
    imageUpdateMs: imageUpdateOf(tag, instant),
    vulnerabilities: tag.image.vulnerabilitiesAt(instant.elapsedMs) ?? null,
    former: tag.former.map((image) => truthOfImage(image, instant)),
  };
}

function truthOfImage(image: Image, { elapsedMs }: Instant): ImageTruth {
  const { status, sinceMs, untilMs } = image.scanAt(elapsedMs);
  return { digest: image.digest, status, sinceMs, untilMs: Number.isFinite(untilMs) ? untilMs : null };
}
