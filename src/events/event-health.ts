// Judges by what polls find whether the events of an instance arrive. Pure: the time is an argument, by the monotonic clock.

import type { EventChannel } from '../model/events.ts';
import type { EventHealthMemory } from '../model/snapshot.ts';

/** An event announces the end of a scan that a poll finds at most so long before or after it. */
const ANNOUNCED_WITHIN_MS = 60_000;
/** The ends of scans that count: the last ones of the last hour. */
const WINDOW_MS = 3_600_000;
const MAX_WINDOW = 100;
/** Events are not healthy if more of the ends than this share, and at least so many, were missed. */
const MISSED_SHARE = 0.05;
const MIN_MISSED = 3;
/** How many ends in a row must have been announced: at the start of a webhook, and after too many were missed. */
const PROOF_AT_START = 3;
const PROOF_AFTER_MISSES = 10;
/** More tags than this are not announced, and not found, within a minute. */
const MAX_REMEMBERED = 20_000;

export type EventChannels = { readonly feed: boolean; readonly webhook: boolean };

/** The end of a scan that a poll found, and whether an event announced it. */
type Judged = { readonly atMs: number; readonly isMissed: boolean };

/** `Tag` identifies a tag. */
export class EventHealth<Tag extends object> {
  readonly #channels: EventChannels;
  /** Called for every end of a scan that no event announced. */
  readonly #onMissed: () => void;
  /** When the last event about a tag arrived, the oldest first. */
  readonly #announced = new Map<Tag, { readonly atMs: number; readonly channel: EventChannel }>();
  /** Ends that polls found and no event has announced yet, the oldest first. */
  readonly #unannounced = new Map<Tag, number>();
  #window: Judged[] = [];
  #hasMissedTooMany: boolean;
  /** Announced ends in a row, while there were too many missed. */
  #inARow = 0;
  #webhookInARow = 0;
  #isWebhookProven: boolean;
  #isFeedWell: boolean;

  constructor(channels: EventChannels, onMissed: () => void, memory: EventHealthMemory | undefined) {
    this.#channels = channels;
    this.#onMissed = onMissed;
    this.#hasMissedTooMany = memory?.missedTooMany ?? false;
    this.#isWebhookProven = memory?.webhookProven ?? false;
    this.#isFeedWell = memory?.feedWell ?? false;
  }

  /** What outlives the process. */
  memory(): EventHealthMemory {
    return {
      missedTooMany: this.#hasMissedTooMany,
      webhookProven: this.#isWebhookProven,
      feedWell: this.#isFeedWell,
    };
  }

  /** Whether events can stand in for polls. */
  get isHealthy(): boolean {
    const { feed, webhook } = this.#channels;
    return !this.#hasMissedTooMany && ((feed && this.#isFeedWell) || (webhook && this.#isWebhookProven));
  }

  /** Whether too many ends were missed, and the proof of the contrary is not complete. */
  get hasMissedTooMany(): boolean {
    return this.#hasMissedTooMany;
  }

  /** When {@link advance} has something to do; undefined for never. */
  get nextAtMs(): number | undefined {
    const [first] = this.#unannounced.values();
    return first === undefined ? undefined : first + ANNOUNCED_WITHIN_MS;
  }

  /** The feed is answered, and the instance has an event rule; or not. */
  feedIs(isWell: boolean): void {
    this.#isFeedWell = isWell;
  }

  /** An event arrived that the scan of a tag has ended. */
  announced(tag: Tag, channel: EventChannel, nowMs: number): void {
    this.advance(nowMs);
    this.#announced.delete(tag);
    this.#announced.set(tag, { atMs: nowMs, channel });
    if (this.#unannounced.delete(tag)) this.#judge({ atMs: nowMs, isMissed: false }, channel);
  }

  /**
   * A poll found that the scan of a tag has ended.
   *
   * @param announcedBy the channel of the event that caused the poll
   */
  endFound(tag: Tag, announcedBy: EventChannel | undefined, nowMs: number): void {
    this.advance(nowMs);
    const channel = announcedBy ?? this.#announced.get(tag)?.channel;
    if (channel !== undefined) this.#judge({ atMs: nowMs, isMissed: false }, channel);
    else if (this.#unannounced.size < MAX_REMEMBERED && !this.#unannounced.has(tag)) this.#unannounced.set(tag, nowMs);
  }

  /** Judges the ends that no event has announced in time. */
  advance(nowMs: number): void {
    for (const [tag, foundAtMs] of this.#unannounced) {
      if (nowMs - foundAtMs <= ANNOUNCED_WITHIN_MS) break;
      this.#unannounced.delete(tag);
      this.#onMissed();
      this.#judge({ atMs: foundAtMs, isMissed: true }, undefined);
    }
    for (const [tag, { atMs }] of this.#announced) {
      if (nowMs - atMs <= ANNOUNCED_WITHIN_MS && this.#announced.size <= MAX_REMEMBERED) break;
      this.#announced.delete(tag);
    }
  }

  /** @param channel undefined if no event announced the end */
  #judge(judged: Judged, channel: EventChannel | undefined): void {
    this.#webhookInARow = judged.isMissed ? 0 : this.#webhookInARow + (channel === 'webhook' ? 1 : 0);
    if (this.#webhookInARow >= PROOF_AT_START) this.#isWebhookProven = true;
    this.#window = [...this.#window, judged].filter(({ atMs }) => judged.atMs - atMs <= WINDOW_MS).slice(-MAX_WINDOW);
    if (this.#hasMissedTooMany) {
      this.#inARow = judged.isMissed ? 0 : this.#inARow + 1;
      if (this.#inARow < PROOF_AFTER_MISSES) return;
      this.#hasMissedTooMany = false;
      this.#window = [];
      return;
    }
    const missed = this.#window.filter(({ isMissed }) => isMissed).length;
    if (missed < MIN_MISSED || missed <= MISSED_SHARE * this.#window.length) return;
    this.#hasMissedTooMany = true;
    this.#inARow = 0;
  }
}
