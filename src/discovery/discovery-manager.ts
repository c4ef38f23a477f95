// Finds what there is to watch, of each instance again and again.
import { isDeepStrictEqual } from 'node:util';
import type { DiscoverRule } from '../model/settings.ts';
import type { DiscoveryStatus } from '../model/status.ts';
import type { WatchedInstance } from '../polling/instance.ts';
import { type DiscoveryContext, InstanceDiscovery } from './instance-discovery.ts';
import { Rules } from './rules.ts';

/** What is to be discovered of an instance. */
export type DiscoveryConfig = {
  readonly id: string;
  readonly domain: string;
  /** Empty when nothing is. */
  readonly discover: readonly DiscoverRule[];
};

type Entry = {
  readonly discover: readonly DiscoverRule[];
  readonly intervalMs: number;
  readonly discovery: InstanceDiscovery;
};

export class DiscoveryManager {
  readonly #options: DiscoveryContext;
  #entries = new Map<string, Entry>();

  constructor(options: DiscoveryContext) {
    this.#options = options;
  }

  /**
   * Discovers what is configured from now on. What was found and is not wanted any more is not watched any more when this
   * resolves; what is new is found by a pass that starts at once. An instance of which nothing changed is left alone.
   */
  async configure(
    configs: readonly DiscoveryConfig[],
    intervalMs: number,
    instances: ReadonlyMap<string, WatchedInstance>,
  ): Promise<void> {
    const before = this.#entries;
    const entries = new Map<string, Entry>();
    for (const config of configs.filter(({ discover }) => discover.length > 0)) {
      const instance = instances.get(config.id);
      if (instance === undefined) continue;
      entries.set(config.id, this.#entry(config, intervalMs, instance, before.get(config.id)));
    }
    const removed = [...before].filter(([id]) => !entries.has(id));
    for (const [, { discovery }] of removed) discovery.stop();
    // From here on there is what is configured, whatever happens while the rest is waited for.
    this.#entries = entries;
    for (const { discovery } of entries.values()) await this.#options.reconciler.retain(discovery.settings);
    for (const [id] of removed) await this.#options.reconciler.clear(id);
  }

  /** Another number of tags may be watched from now on. */
  limit(maxTags: number): Promise<void> {
    return this.#options.reconciler.limit(maxTags);
  }

  #entry(
    { id, domain, discover }: DiscoveryConfig,
    intervalMs: number,
    instance: WatchedInstance,
    known: Entry | undefined,
  ): Entry {
    const settings = { instanceId: id, domain, rules: new Rules(discover) };
    const isSame = known?.intervalMs === intervalMs && isDeepStrictEqual(known.discover, discover);
    if (known !== undefined && isSame && known.discovery.instance === instance) {
      known.discovery.settings = settings;
      return known;
    }
    known?.discovery.stop();
    const discovery = new InstanceDiscovery({ ...this.#options, settings, intervalMs, instance });
    discovery.start(known?.discovery.status());
    return { discover, intervalMs, discovery };
  }

  /** How the discovery of each instance stands that has one. */
  statuses(): readonly DiscoveryStatus[] {
    return [...this.#entries.values()].map(({ discovery }) => discovery.status());
  }
}
