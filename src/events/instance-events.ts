// The events of one instance: its feed, whether its events are healthy, and how often its complete tags are polled.

import type { EventChannel, EventMeter, RegistryEvent } from '../model/events.ts';
import type { EventsStatus } from '../model/exporter-status.ts';
import type { Backoff } from '../model/settings.ts';
import type { EventsMemory } from '../model/snapshot.ts';
import type { FailureLog } from '../polling/failure-log.ts';
import type { RequestSender } from '../polling/request-sender.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { WatchedInstance } from '../polling/watched-instance.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import type { Logger } from '../util/logger.ts';
import { EventFeed } from './event-feed.ts';
import { EventHealth } from './event-health.ts';

/** Counts what becomes of events: `metrics/self-metrics.ts`. */
export interface EventsMeter extends EventMeter {
  /** A poll found the end of a scan that no event announced. */
  eventMissed(instanceId: string): void;
}

/** What the events of all instances share. */
export type EventsContext = {
  readonly watchList: WatchList;
  readonly requests: RequestSender;
  readonly meter: EventsMeter;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly errors: InternalErrors;
  /** Aborted when the program stops. */
  readonly stopping: AbortSignal;
  readonly backoff: () => Backoff;
};

/** How the events of an instance arrive. */
export type EventsSettings = {
  /** Undefined without a feed. */
  readonly feedMs: number | undefined;
  readonly hasWebhook: boolean;
  /** The interval of complete tags while events are healthy. */
  readonly completeMs: number;
};

export type InstanceEventsOptions = EventsContext & {
  readonly instance: WatchedInstance;
  readonly settings: EventsSettings;
  readonly memory: EventsMemory | undefined;
  readonly receive: (event: RegistryEvent, channel: EventChannel) => void;
  readonly feedFailures: FailureLog<EventFeed>;
  readonly ruleFailures: FailureLog<EventFeed>;
};

export class InstanceEvents {
  readonly #options: InstanceEventsOptions;
  readonly #health: EventHealth<TagPoll>;
  readonly #feed: EventFeed | undefined;
  readonly #end = new AbortController();
  #settings: EventsSettings;
  /** Whether #awaitEvents runs. */
  #isWaiting = false;
  #wasHealthy = false;
  #lastEventMs: number | undefined;
  #missed = 0;

  constructor(options: InstanceEventsOptions) {
    const { instance, settings, memory, receive, feedFailures, meter } = options;
    this.#options = options;
    this.#settings = settings;
    const channels = { feed: settings.feedMs !== undefined, webhook: settings.hasWebhook };
    const missed = () => {
      this.#missed += 1;
      meter.eventMissed(instance.id);
    };
    this.#health = new EventHealth(channels, missed, memory?.health);
    if (settings.feedMs === undefined) return;
    this.#feed = new EventFeed({
      ...options,
      periodMs: settings.feedMs,
      cursor: memory?.cursor,
      failures: feedFailures,
      receive: (event) => receive(event, 'feed'),
      invalid: () => {
        const labels = { instanceId: instance.id, type: '', channel: 'feed', outcome: 'invalid' } as const;
        meter.eventsReceived(labels, 1);
      },
      isWell: (well) => {
        this.#health.feedIs(well);
        this.#update();
      },
    });
  }

  get instance(): WatchedInstance {
    return this.#options.instance;
  }

  /** Starts the feed. Until then nothing is sent; health that a former process knew counts from the start. */
  start(): void {
    this.#wasHealthy = this.#health.isHealthy;
    this.#setInterval();
    if (this.#feed === undefined) return;
    this.instance.tasks.add(this.#feed);
    this.#feed.begin();
  }

  /** Complete tags are polled as without events. */
  stop(): void {
    this.#end.abort();
    if (this.#feed !== undefined) {
      this.#feed.end();
      this.instance.tasks.delete(this.#feed);
    }
    this.instance.completeMs = undefined;
  }

  /** Applies settings with the same channels. */
  set settings(settings: EventsSettings) {
    this.#settings = settings;
    if (this.#feed !== undefined && settings.feedMs !== undefined) this.#feed.periodMs = settings.feedMs;
    this.#setInterval();
  }

  memory(): EventsMemory {
    return { health: this.#health.memory(), cursor: this.#feed?.cursor() };
  }

  status(): EventsStatus {
    return {
      instanceId: this.instance.id,
      healthy: this.#health.isHealthy,
      webhook: this.#settings.hasWebhook,
      feed: this.#feed?.status(),
      lastEventMs: this.#lastEventMs,
      missed: this.#missed,
    };
  }

  /** An event arrived that the scan of a tag has ended. */
  scanAnnounced(poll: TagPoll, channel: EventChannel): void {
    const { clock } = this.#options;
    this.#lastEventMs = clock.now();
    this.#health.announced(poll, channel, clock.monotonic());
    this.#update();
  }

  /** A poll found that the scan of a tag has ended. */
  scanEndFound(poll: TagPoll, announcedBy: EventChannel | undefined): void {
    this.#health.endFound(poll, announcedBy, this.#options.clock.monotonic());
    this.#update();
    if (!this.#isWaiting) void this.#awaitEvents();
  }

  /** Judges ends of scans when the time is over in which an event may announce them. */
  async #awaitEvents(): Promise<void> {
    const { clock, stopping } = this.#options;
    const until = AbortSignal.any([stopping, this.#end.signal]);
    this.#isWaiting = true;
    for (;;) {
      const { nextAtMs } = this.#health;
      if (nextAtMs === undefined || until.aborted) break;
      await clock.sleep(nextAtMs - clock.monotonic() + 1, until);
      this.#health.advance(clock.monotonic());
      this.#update();
    }
    this.#isWaiting = false;
  }

  /** Applies the present health to the interval of complete tags. */
  #update(): void {
    const { isHealthy, hasMissedTooMany } = this.#health;
    if (isHealthy === this.#wasHealthy || this.#end.signal.aborted) return;
    this.#wasHealthy = isHealthy;
    this.#setInterval();
    const { logger, watchList, errors, instance } = this.#options;
    const fields = { instance_id: instance.id };
    if (isHealthy) {
      logger.info('events are healthy: complete tags are polled less often', fields);
      return;
    }
    const isWithoutRule = this.#feed?.status().hasRule === false;
    const feedReason = isWithoutRule ? 'the instance has no event rule' : 'the feed fails';
    const reason = hasMissedTooMany ? 'polls find ends of scans that no event announced' : feedReason;
    logger.warn('events are not healthy: complete tags are polled as without events', { ...fields, reason });
    watchList.hastenInstance(instance.id).catch((error: unknown) => errors.report('events', error, fields));
  }

  #setInterval(): void {
    this.instance.completeMs = this.#health.isHealthy ? this.#settings.completeMs : undefined;
  }
}
