// Waiting for something that another process brings about, and that can only be seen by looking again.
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 100;

/** Calls `look` until it gives something other than undefined, which is returned; throws when that takes longer than `withinMs`. */
export async function until<Found>(
  what: string,
  withinMs: number,
  look: () => Found | undefined | Promise<Found | undefined>,
): Promise<Found> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`expected ${what} within ${withinMs / 1000} s`);
    await sleep(LOOK_EVERY_MS);
  }
}
