// Keeps one discovery for each instance that has rules, over reloads.
import { isDeepStrictEqual } from 'node:util';
import type { DiscoveryStatus } from '../model/exporter-status.ts';
import { type Moment, momentOf } from '../model/moment.ts';
import type { DiscoverRule } from '../model/settings.ts';
import type { DiscoveryMemory } from '../model/snapshot.ts';
import type { FoundRepository } from '../model/target.ts';
import type { WatchedInstance } from '../polling/watched-instance.ts';
import { type DiscoveryContext, InstanceDiscovery } from './instance-discovery.ts';
import type { PushedRepository } from './pushed-repositories.ts';
import { type DiscoverySettings, Rules } from './rules.ts';

/** The rules of an instance. */
export type DiscoveryConfig = {
  readonly id: string;
  readonly domain: string;
  /** Empty when the instance is not discovered. */
  readonly discover: readonly DiscoverRule[];
};

type ManagedDiscovery = {
  readonly discover: readonly DiscoverRule[];
  readonly intervalMs: number;
  readonly discovery: InstanceDiscovery;
};

export type DiscoveryManagerOptions = DiscoveryContext & {
  /** Whether this replica watches a repository. */
  readonly owns: (instanceId: string, repository: FoundRepository) => boolean;
};

export class DiscoveryManager {
  readonly #options: DiscoveryManagerOptions;
  #entries = new Map<string, ManagedDiscovery>();
  /** What a former process knew, by instance; until the first configuration. */
  readonly #memories = new Map<string, DiscoveryMemory>();

  constructor(options: DiscoveryManagerOptions) {
    this.#options = options;
  }

  /** Goes on with what a former process knew of an instance. Call it before the first {@link configure}. */
  resume(instanceId: string, memory: DiscoveryMemory): void {
    this.#memories.set(instanceId, memory);
  }

  /** What outlives the process of the discovery of an instance; undefined without one. */
  memory(instanceId: string, moment: Moment): DiscoveryMemory | undefined {
    const entry = this.#entries.get(instanceId);
    return (
      entry && {
        rules: JSON.stringify(entry.discover),
        intervalMs: entry.intervalMs,
        ...entry.discovery.memory(moment),
      }
    );
  }

  /** The settings of the discovery of an instance; undefined without one. */
  settingsOf(instanceId: string): DiscoverySettings | undefined {
    return this.#entries.get(instanceId)?.discovery.settings;
  }

  /**
   * Applies the rules of a configuration. When this resolves, tags that the rules no longer take are removed. An instance whose rules or
   * interval changed starts a run at once, which finds the new tags. An instance without a change goes on as before.
   *
   * @param takesOver whether this replica has taken over repositories: then every instance starts a run at once
   */
  async configure(
    configs: readonly DiscoveryConfig[],
    intervalMs: number,
    instances: ReadonlyMap<string, WatchedInstance>,
    takesOver = false,
  ): Promise<void> {
    const before = this.#entries;
    const entries = new Map<string, ManagedDiscovery>();
    for (const config of configs.filter(({ discover }) => discover.length > 0)) {
      const instance = instances.get(config.id);
      if (instance === undefined) continue;
      entries.set(config.id, this.#entry(config, intervalMs, instance, before.get(config.id), takesOver));
    }
    const removed = [...before].filter(([id]) => !entries.has(id));
    for (const [, { discovery }] of removed) discovery.stop();
    // Set before anything is awaited: an error below must not leave the old entries.
    this.#entries = entries;
    this.#memories.clear();
    for (const { discovery } of entries.values()) await this.#options.reconciler.retain(discovery.settings);
    for (const [id] of removed) await this.#options.reconciler.clear(id);
  }

  /** An event says that a tag was pushed: lists the tags of its repository as soon as possible, if a rule takes the tag. */
  pushed(instanceId: string, names: PushedRepository, tag: string): 'taken' | 'unwatched' | 'dropped' {
    return this.#entries.get(instanceId)?.discovery.pushed(names, tag) ?? 'unwatched';
  }

  #entry(
    { id, domain, discover }: DiscoveryConfig,
    intervalMs: number,
    instance: WatchedInstance,
    known: ManagedDiscovery | undefined,
    takesOver: boolean,
  ): ManagedDiscovery {
    const { owns } = this.#options;
    const settings = { instanceId: id, domain, rules: new Rules(discover, (repository) => owns(id, repository)) };
    const isSame = known?.intervalMs === intervalMs && isDeepStrictEqual(known.discover, discover);
    if (known !== undefined && isSame && !takesOver && known.discovery.instance === instance) {
      known.discovery.settings = settings;
      return known;
    }
    known?.discovery.stop();
    const discovery = new InstanceDiscovery({ ...this.#options, settings, intervalMs, instance });
    const memory = this.#memories.get(id);
    if (memory !== undefined) {
      const isSameConfig = memory.intervalMs === intervalMs && memory.rules === JSON.stringify(discover);
      discovery.resume(memory, isSameConfig, momentOf(this.#options.clock));
    }
    discovery.start(known?.discovery.status());
    return { discover, intervalMs, discovery };
  }

  /** The status of the discovery of each instance that has one. */
  statuses(): readonly DiscoveryStatus[] {
    return [...this.#entries.values()].map(({ discovery }) => discovery.status());
  }
}
