// The registry that a scenario describes: instances, their repositories, and tags with their images over time.

import { EventCenter } from './event-center.ts';
import type { ImageRules } from './image.ts';
import { Pager } from './pagination.ts';
import { type DurationRange, seededDraw, within } from './random.ts';
import type { InstanceSettings, RepositorySettings, TagSettings } from './registry-schema.ts';
import { repositoryId, tagNames } from './registry-schema.ts';
import { SimulatedRepository } from './repository.ts';
import type { Scenario } from './scenario.ts';
import { type ListedChange, ListedChanges, RandomPushes } from './scheduled-changes.ts';
import { type TagStart, TagStore } from './tag-store.ts';

const USUAL_AGES: DurationRange = { minMs: 0, maxMs: 365 * 86_400_000 };

export type Registry = ReadonlyMap<string, Instance>;

/** The repositories of an instance, by id and by names. */
export class Instance {
  readonly id: string;
  /** The settings that decide how it answers. */
  readonly settings: InstanceSettings;
  readonly pager: Pager;
  readonly eventCenter: EventCenter;
  readonly #byId = new Map<string, SimulatedRepository>();
  readonly #byNames = new Map<string, SimulatedRepository>();

  constructor(settings: InstanceSettings, seed: number) {
    this.id = settings.id;
    this.settings = settings;
    this.pager = new Pager(settings.paging);
    this.eventCenter = new EventCenter(settings.id, settings.event_center, seed);
  }

  /** In the order in which they were added. */
  get repositories(): readonly SimulatedRepository[] {
    return [...this.#byId.values()];
  }

  get size(): number {
    return this.#byId.size;
  }

  hasNamespace(namespace: string): boolean {
    return this.repositories.some((repository) => repository.namespace === namespace);
  }

  withId(id: string): SimulatedRepository | undefined {
    return this.#byId.get(id);
  }

  withNames(namespace: string, name: string): SimulatedRepository | undefined {
    return this.#byNames.get(nameKey(namespace, name));
  }

  /** Adds a repository; none with its id or its names may exist. */
  add(repository: SimulatedRepository): void {
    this.#byId.set(repository.id, repository);
    this.#byNames.set(nameKey(repository.namespace, repository.name), repository);
  }

  delete({ id, namespace, name }: SimulatedRepository): void {
    this.#byId.delete(id);
    this.#byNames.delete(nameKey(namespace, name));
  }
}

/** Builds the registry. The seed and the names decide everything random. */
export function createRegistry(scenario: Scenario, seed: number): Registry {
  return new Map(
    scenario.instances.map((settings) => {
      const { id, repositories } = settings;
      const instance = new Instance(settings, seed);
      for (const settings of repositories) instance.add(createRepository(id, settings, scenario, seed, 0));
      return [id, instance];
    }),
  );
}

/**
 * Builds a repository with its tags and their future changes.
 *
 * @param startMs when it begins to exist, in milliseconds since the simulator started
 */
export function createRepository(
  instanceId: string,
  settings: RepositorySettings,
  scenario: Scenario,
  seed: number,
  startMs: number,
): SimulatedRepository {
  const id = repositoryId(instanceId, settings);
  const store = new TagStore(rulesOf(scenario, seed), [instanceId, id]);
  const changes: ListedChange[] = [];
  for (const entry of settings.tags) {
    const written: TagEntrySettings = typeof entry === 'string' ? {} : entry;
    const start = startOf(written, startMs);
    const names = [...tagNames(entry)];
    for (const [index, tag] of names.entries()) {
      if (written.pushed === undefined) {
        const draw = seededDraw(seed, instanceId, id, tag);
        const part = (names.length - 1 - index + draw('age in days')) / names.length;
        store.addOld(tag, start, startMs - within(written.age ?? USUAL_AGES, part), startMs);
      }
      changes.push(...changesOf(tag, written, start, startMs));
    }
  }
  const pushes = settings.pushes ?? scenario.pushes ?? 'none';
  const plans =
    pushes === 'none' ? [] : [new RandomPushes(pushes, seededDraw(seed, 'pushes', instanceId, id), startMs)];
  const { namespace, name, status } = settings;
  return new SimulatedRepository({ instanceId, id, namespace, name, status }, store, [
    new ListedChanges(changes),
    ...plans,
  ]);
}

type TagEntrySettings = Partial<TagSettings>;

function rulesOf({ scan }: Scenario, seed: number): ImageRules {
  return {
    seed,
    timing: {
      duration: scan.duration,
      retryShare: scan.retry_share,
      retryDuration: scan.retry_duration,
      failureShare: scan.failure_share,
      rescanInterval: scan.rescan_interval,
      scannedShare: scan.scanned_share,
    },
    vulnerabilities: scan.vulnerabilities,
  };
}

function startOf(written: TagEntrySettings, startMs: number): TagStart {
  const { scan_service: scanService = 'ACR_SCAN_SERVICE', digest, status, timeline, repeat, vulnerabilities } = written;
  const { not_scanned: notScanned, deleting = Number.POSITIVE_INFINITY } = written;
  const isScripted = [
    digest,
    status,
    timeline,
    written.pushed,
    written.repushed,
    written.deleting,
    written.deleted,
  ].some((value) => value !== undefined);
  const image = { digest, status, timeline, repeat, vulnerabilities, notScanned };
  return { scanService, isScripted, deletingFromMs: startMs + deleting, settings: image };
}

/** The pushes and the deletion of a tag in the scenario. */
function changesOf(
  tag: string,
  { pushed, repushed = [], deleted }: TagEntrySettings,
  start: TagStart,
  startMs: number,
) {
  const pushes = pushed === undefined ? repushed : [pushed, ...repushed];
  const changes: ListedChange[] = pushes.map((time, index) => ({
    kind: 'push',
    tag,
    index,
    start,
    atMs: startMs + time,
  }));
  if (deleted !== undefined) changes.push({ kind: 'delete', tag, atMs: startMs + deleted });
  return changes;
}

function nameKey(namespace: string, name: string): string {
  return JSON.stringify([namespace, name]);
}
