// Waits for something that happens on the other side of a socket and gives no event.
import { setTimeout as sleep } from 'node:timers/promises';

/** The first pause, and the longest: many tests wait at once, and asking costs what they wait for. */
const PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 160;

/** What has not happened by then never happens, however busy the machine is. Less than the timeout of ava, which does not say what is missing. */
const GIVE_UP_MS = 240_000;

/** Asks again and again until `probe` gives something, and gives that. The error of a failure ends with `context`. */
export async function eventually<Found>(
  what: string,
  probe: () => Promise<Found | undefined> | Found | undefined,
  context: () => string = () => '',
): Promise<Found> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not within ${GIVE_UP_MS} ms: ${what}\n${context()}`);
    await sleep(pauseMs);
  }
}
