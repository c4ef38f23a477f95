// The truth about every tag, against which an exporter can be held.
import type { Simulation } from './simulation.ts';

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
};

/** All tags, and the moment at which this is so in milliseconds since the simulator started. */
export type Truth = { readonly elapsedMs: number; readonly tags: readonly TagTruth[] };

export function truthOf(simulation: Simulation): Truth {
  const elapsedMs = simulation.elapsedMs();
  const repositories = [...simulation.registry.values()].flatMap((instance) => instance.repositories);
  const tags = repositories.flatMap((repository) =>
    [...repository.tags.values()].map(({ tag, digest, timeline }): TagTruth => {
      const { status, sinceMs, untilMs } = timeline.at(elapsedMs);
      return {
        instanceId: repository.instanceId,
        repoId: repository.id,
        repoNamespace: repository.namespace,
        repoName: repository.name,
        tag,
        digest,
        status,
        sinceMs,
        untilMs: Number.isFinite(untilMs) ? untilMs : null,
      };
    }),
  );
  return { elapsedMs, tags };
}
