// Does something again and again for a while.
import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `work` every `everyMs` until `durationMs` have passed; a call that takes longer is waited for. */
export async function waitUntil(durationMs: number, everyMs: number, work: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + durationMs;
  while (performance.now() < end) {
    await work();
    await sleep(everyMs);
  }
}
