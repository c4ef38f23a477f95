// Decides what becomes of each event, and makes due what it is about. Bounded in memory and in the work for each event.

import type { EventChannel, EventMeter, EventOutcome, RegistryEvent } from '../model/events.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';

export type EventIntakeOptions = {
  readonly watchList: WatchList;
  readonly clock: Clock;
  readonly errors: InternalErrors;
  readonly meter: EventMeter;
  /** Lists the repository of a tag that was pushed, if discovery takes the tag. */
  readonly pushed: (event: RegistryEvent) => 'taken' | 'unwatched' | 'dropped';
  /** Gives an event to the replica that watches its repository; false if this one does, or there is no other. */
  readonly forward: (event: RegistryEvent, channel: EventChannel) => boolean;
  /** Called for every event that a scan of a watched tag has ended. */
  readonly scanAnnounced: (poll: TagPoll, channel: EventChannel) => void;
};

/** Clocks differ, but not by more than this. */
const MAX_AHEAD_MS = 60_000;
/** EventBridge repeats an event for a day at most. */
const IDS_KEPT_MS = 86_400_000;
const MAX_IDS = 20_000;
/** How many events may wait for the end of a change of the watch list. */
const MAX_WAITING = 1_000;

export class EventIntake {
  readonly #options: EventIntakeOptions;
  /** When the events of the last day arrived, by channel, instance and id, the oldest first. */
  readonly #arrivedAtMs = new Map<string, number>();
  #waiting = 0;

  constructor(options: EventIntakeOptions) {
    this.#options = options;
  }

  /**
   * Takes an event, and counts what became of it. While the watch list changes, an event that seems to be about nothing that is watched is decided and
   * counted after the change, and given as `taken`. Never throws.
   */
  receive(event: RegistryEvent, channel: EventChannel): EventOutcome {
    if (this.#options.forward(event, channel)) return this.#count(event, channel, 'forwarded');
    return this.receiveForwarded(event, channel);
  }

  /** The same for an event that another replica has given to this one. */
  receiveForwarded(event: RegistryEvent, channel: EventChannel): EventOutcome {
    const outcome = this.#tryDecide(event, channel);
    const { watchList } = this.#options;
    if (outcome === 'unwatched' && watchList.isChanging && this.#waiting < MAX_WAITING) {
      this.#waiting += 1;
      watchList.whenSettled(() => {
        this.#waiting -= 1;
        this.#count(event, channel, this.#tryDecide(event, channel));
      });
      return 'taken';
    }
    return this.#count(event, channel, outcome);
  }

  #count({ instanceId, type }: RegistryEvent, channel: EventChannel, outcome: EventOutcome): EventOutcome {
    this.#options.meter.eventsReceived({ instanceId, type, channel, outcome }, 1);
    return outcome;
  }

  #tryDecide(event: RegistryEvent, channel: EventChannel): EventOutcome {
    try {
      return this.#decide(event, channel);
    } catch (error) {
      this.#options.errors.report('events', error, { instance_id: event.instanceId });
      return 'dropped';
    }
  }

  #decide(event: RegistryEvent, channel: EventChannel): EventOutcome {
    const { clock } = this.#options;
    const aheadMs = event.timeMs - clock.now();
    if (!Number.isFinite(aheadMs)) return 'invalid';
    if (aheadMs > MAX_AHEAD_MS) return 'future';
    const nowMs = clock.monotonic();
    this.#forget(nowMs);
    const key = JSON.stringify([channel, event.instanceId, event.id]);
    if (this.#arrivedAtMs.has(key)) return 'duplicate';
    const outcome = this.#apply(event, channel, nowMs + Math.min(0, aheadMs));
    // Any number of events may be about what is not watched: they must not push out the ids of the others.
    if (outcome === 'taken' || outcome === 'outdated') this.#arrivedAtMs.set(key, nowMs);
    return outcome;
  }

  /** @param atMs when it happened, by the monotonic clock */
  #apply(event: RegistryEvent, channel: EventChannel, atMs: number): EventOutcome {
    if (event.type === 'PushCompleted') {
      const outcome = this.#options.pushed(event);
      if (outcome !== 'unwatched') return outcome;
    }
    const poll = this.#find(event);
    if (poll === undefined) return 'unwatched';
    if (event.type === 'ScanCompleted') this.#options.scanAnnounced(poll, channel);
    return poll.wake({ channel, timeMs: event.timeMs, atMs }) ? 'taken' : 'outdated';
  }

  #find({ instanceId, repository, tag }: RegistryEvent): TagPoll | undefined {
    return this.#options.watchList.targetsOf(instanceId)?.find(repository)?.polls.get(tag);
  }

  #forget(nowMs: number): void {
    for (const [key, atMs] of this.#arrivedAtMs) {
      if (this.#arrivedAtMs.size <= MAX_IDS && nowMs - atMs < IDS_KEPT_MS) break;
      this.#arrivedAtMs.delete(key);
    }
  }
}
