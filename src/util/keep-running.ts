// Runs a loop again when it throws: an error of our own code costs a second, not the loop.
import type { Clock } from './clock.ts';

/** How long a loop that threw rests before it is started again. */
const RESTART_AFTER_MS = 1_000;

export type KeepRunningOptions = {
  readonly clock: Clock;
  /** Told what the loop threw. */
  readonly report: (error: unknown) => void;
};

/**
 * Runs `loop`, and starts it again a second after it throws, until `signal` is aborted or the loop ends by itself. What it throws after
 * that is reported too. Never rejects.
 */
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
