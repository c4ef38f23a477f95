// Waits for something that happens on the other side of a socket and gives no event.
import { setTimeout as sleep } from 'node:timers/promises';

/** The first pause, and the longest: many tests wait at once, and asking costs what they wait for. */
const PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 160;

export type EventuallyOptions = {
  readonly withinMs?: number;
  /** More about the circumstances, for the message of a failure. */
  readonly context?: () => string;
};

/** Asks again and again until `probe` gives something, and gives that. Throws after `withinMs`. */
export async function eventually<Found>(
  what: string,
  probe: () => Promise<Found | undefined> | Found | undefined,
  { withinMs = 30_000, context = () => '' }: EventuallyOptions = {},
): Promise<Found> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}\n${context()}`);
    await sleep(pauseMs);
  }
}
