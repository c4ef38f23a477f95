// Restarts of a pipeline: what one process captures, the next one restores.
import { SnapshotCapture } from '../../src/app/snapshot-capture.ts';
import { SnapshotRestore } from '../../src/app/snapshot-restore.ts';
import type { Moment, RestoreMoment } from '../../src/model/moment.ts';
import type { ConfiguredRepository, DiscoverRule } from '../../src/model/settings.ts';
import type { RateMemory } from '../../src/model/snapshot.ts';
import { createScriptedPipeline } from './scripted-pipeline.ts';

export type Watching = ReturnType<typeof createScriptedPipeline>;

export type RestartOptions = Parameters<typeof createScriptedPipeline>[0] & {
  readonly repositories?: readonly ConfiguredRepository[];
  readonly discover?: readonly DiscoverRule[];
  /** How events of each instance arrive. */
  readonly events?: { readonly feedMs?: number; readonly hasWebhook?: boolean };
  /** From the capture to the start. */
  readonly downMs?: number;
};

/** Makes snapshots of a pipeline. */
export function captureOf({ scheduler, ...watching }: Watching): SnapshotCapture {
  const schedulerPool = {
    *rates(moment: Moment) {
      const memory = scheduler.quota.adaptiveRate.memory(moment);
      if (memory !== undefined) yield { kind: 'rate', credentials: scheduler.name, ...memory } as const;
    },
  };
  return new SnapshotCapture({ ...watching, schedulerPool });
}

/** The records of a snapshot as the next process reads them. */
export function recordsOf(watching: Watching): object[] {
  return [...captureOf(watching).records()].map(throughJson);
}

export function throughJson(record: object): object {
  return JSON.parse(JSON.stringify(record));
}

/** A pipeline that knows what the records say, as after a start. Its scheduler does not run yet. */
export async function startWith(
  records: readonly object[],
  options: RestartOptions & { readonly startMs: number; readonly savedMs?: number },
) {
  const { repositories = [], discover = [], maxTags = 100_000, events = {} } = options;
  const watching = createScriptedPipeline(options);
  const schedulerPool = {
    resumeRate: (_credentials: string, memory: RateMemory, moment: RestoreMoment) =>
      watching.scheduler.quota.adaptiveRate.resume(memory, moment),
  };
  const restore = new SnapshotRestore(records, options.savedMs, { ...watching, schedulerPool });
  await watching.watch(...repositories);
  await restore.beforeDiscovery();
  watching.listen(events);
  await watching.discover(...discover);
  await restore.tags();
  await watching.reconciler.limit(maxTags);
  return { ...watching, restored: restore.result };
}

/** The next process, which starts `downMs` after the last moment of this one. */
export function restart(before: Watching, options: RestartOptions = {}) {
  const savedMs = before.clock.now();
  return startWith(recordsOf(before), { ...options, savedMs, startMs: savedMs + (options.downMs ?? 1_000) });
}
