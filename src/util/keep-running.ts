// Restarts a loop that throws: after an error of our own code it continues a second later.
import type { Clock } from './clock.ts';

/** The delay between an error and the restart. */
const RESTART_AFTER_MS = 1_000;

export type KeepRunningOptions = {
  readonly clock: Clock;
  /** Called with each error of the loop. */
  readonly report: (error: unknown) => void;
};

/** Runs `loop`, and restarts it a second after it throws, until the loop ends by itself or `signal` is aborted. Never rejects. */
export async function keepRunning(
  loop: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
  { clock, report }: KeepRunningOptions,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await loop(signal);
      return;
    } catch (error) {
      report(error);
      await clock.sleep(RESTART_AFTER_MS, signal);
    }
  }
}
