// Keeps the events of each instance that has a feed or a webhook, over reloads.

import type { EventChannel, RegistryEvent } from '../model/events.ts';
import type { EventsStatus } from '../model/exporter-status.ts';
import type { EventsMemory } from '../model/snapshot.ts';
import { FailureLog } from '../polling/failure-log.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { WatchedInstance } from '../polling/watched-instance.ts';
import type { EventFeed } from './event-feed.ts';
import { EventIntake, type EventIntakeOptions } from './event-intake.ts';
import { type EventsContext, type EventsSettings, InstanceEvents } from './instance-events.ts';

export type EventManagerOptions = EventsContext & {
  /** Lists the repository of a tag that was pushed, if discovery takes the tag. */
  readonly pushed: (event: RegistryEvent) => 'taken' | 'unwatched' | 'dropped';
  readonly forward: EventIntakeOptions['forward'];
};

/** The events of an instance in the configuration. */
export type EventsConfigOf = {
  readonly id: string;
  readonly feedMs: number | undefined;
  /** Whether another replica asks its feed, and forwards what it hears. */
  readonly isForwarded?: boolean;
};

export class EventManager {
  /** Takes the events of all instances and channels. */
  readonly intake: EventIntake;
  readonly #options: EventManagerOptions;
  readonly #feedFailures: FailureLog<EventFeed>;
  readonly #ruleFailures: FailureLog<EventFeed>;
  #entries = new Map<string, InstanceEvents>();
  #settings = new Map<string, EventsSettings>();
  /** What a former process knew, by instance; until the first configuration. */
  readonly #memories = new Map<string, EventsMemory>();

  constructor(options: EventManagerOptions) {
    this.#options = options;
    this.intake = new EventIntake({
      ...options,
      scanAnnounced: (poll, channel) => this.#entries.get(poll.instance.id)?.scanAnnounced(poll, channel),
    });
    const shared = {
      counted: 'instances',
      isLoggedOnce: true,
      instanceOf: ({ instance }: EventFeed) => instance.id,
      nameOf: ({ instance }: EventFeed) => instance.id,
      isWatched: (feed: EventFeed) => feed.instance.tasks.has(feed),
    } as const;
    const feeds = {
      begun: 'event feeds fail: finished scans are found by polls',
      over: 'event feeds no longer fail',
      failed: 'event feed failed',
    };
    this.#feedFailures = new FailureLog({ ...shared, ...feeds, action: 'ListEventCenterRecord' }, options);
    const rules = {
      begun: 'event rules cannot be listed: only records show whether there are any',
      over: 'event rules can be listed',
      failed: 'event rules not listed',
    };
    this.#ruleFailures = new FailureLog({ ...shared, ...rules, action: 'ListEventCenterRuleName' }, options);
  }

  /** Goes on with what a former process knew of an instance. Call it before the first {@link configure}. */
  resume(instanceId: string, memory: EventsMemory): void {
    this.#memories.set(instanceId, memory);
  }

  /** What outlives the process of the events of an instance; undefined without events. */
  memory(instanceId: string): EventsMemory | undefined {
    return this.#entries.get(instanceId)?.memory();
  }

  /**
   * Applies a configuration. The events of an instance whose channels did not change go on as before.
   *
   * @returns whether complete tags of an instance may be due earlier than before
   */
  configure(
    configs: readonly EventsConfigOf[],
    common: { readonly hasWebhook: boolean; readonly completeMs: number },
    instances: ReadonlyMap<string, WatchedInstance>,
  ): boolean {
    const before = [...instances.values()].map((instance) => ({ instance, completeMs: instance.completeMs ?? 0 }));
    const entries = new Map<string, InstanceEvents>();
    const settings = new Map<string, EventsSettings>();
    for (const { id, feedMs, isForwarded = false } of configs) {
      const instance = instances.get(id);
      const hasWebhook = common.hasWebhook || isForwarded;
      if (instance === undefined || (feedMs === undefined && !hasWebhook)) continue;
      const each = { ...common, feedMs, hasWebhook };
      settings.set(id, each);
      entries.set(id, this.#entry(instance, each));
    }
    for (const [id, entry] of this.#entries) if (entries.get(id) !== entry) entry.stop();
    for (const [id, entry] of entries) if (this.#entries.get(id) !== entry) entry.start();
    this.#entries = entries;
    this.#settings = settings;
    this.#memories.clear();
    return before.some(({ instance, completeMs }) => (instance.completeMs ?? 0) < completeMs);
  }

  /** A poll found that the scan of a tag has ended. */
  scanEndFound(poll: TagPoll, announcedBy: EventChannel | undefined): void {
    this.#entries.get(poll.instance.id)?.scanEndFound(poll, announcedBy);
  }

  /** The status of the events of each instance that has some. */
  statuses(): readonly EventsStatus[] {
    return [...this.#entries.values()].map((entry) => entry.status());
  }

  #entry(instance: WatchedInstance, settings: EventsSettings): InstanceEvents {
    const { id } = instance;
    const [known, before] = [this.#entries.get(id), this.#settings.get(id)];
    const hasFeed = settings.feedMs !== undefined;
    const isSame = before?.hasWebhook === settings.hasWebhook && (before.feedMs !== undefined) === hasFeed;
    if (known !== undefined && isSame && known.instance === instance) {
      known.settings = settings;
      return known;
    }
    return new InstanceEvents({
      ...this.#options,
      instance,
      settings,
      memory: known?.memory() ?? this.#memories.get(id),
      receive: (event, channel) => this.intake.receive(event, channel),
      feedFailures: this.#feedFailures,
      ruleFailures: this.#ruleFailures,
    });
  }
}
