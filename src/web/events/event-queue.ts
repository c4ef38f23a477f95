// Events that wait until they are applied. They are answered at once, and applied in slices, so that a flood of them leaves the processor to
// scrapes and polls.
import type { RegistryEvent } from '../../model/events.ts';
import type { Clock } from '../../util/clock.ts';

export const MAX_WAITING = 1_000;
/** A slice takes about a millisecond. With the pause after each, at most 2,000 events are applied in a second. */
const SLICE = 100;
const PAUSE_MS = 50;

export type EventQueueOptions = {
  readonly clock: Pick<Clock, 'sleep'>;
  /** Aborted when the program stops. What waits then is left: without it, its tags are polled as without events. */
  readonly stopping: AbortSignal;
  /** Never throws. */
  readonly apply: (event: RegistryEvent) => void;
};

export class EventQueue {
  readonly #options: EventQueueOptions;
  readonly #waiting: RegistryEvent[] = [];
  #isRunning = false;

  constructor(options: EventQueueOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#waiting.length >= MAX_WAITING;
  }

  /** Takes all events, or none and returns false when not all of them can wait. The first slice is applied at once. */
  add(events: readonly RegistryEvent[]): boolean {
    if (this.#waiting.length + events.length > MAX_WAITING) return false;
    this.#waiting.push(...events);
    if (!this.#isRunning) void this.#run();
    return true;
  }

  async #run(): Promise<void> {
    const { clock, stopping, apply } = this.#options;
    this.#isRunning = true;
    while (this.#waiting.length > 0 && !stopping.aborted) {
      for (const event of this.#waiting.splice(0, SLICE)) apply(event);
      await clock.sleep(PAUSE_MS, stopping);
    }
    this.#isRunning = false;
  }
}
