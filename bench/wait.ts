// Repeats a call for some time.
import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `work` every `everyMs` until `durationMs` have passed; it waits for a call that takes longer. */
export async function waitUntil(durationMs: number, everyMs: number, work: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + durationMs;
  while (performance.now() < end) {
    await work();
    await sleep(everyMs);
  }
}
