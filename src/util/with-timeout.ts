// Waits for work that may never end.
import type { Clock } from './clock.ts';

export type Patience = {
  readonly clock: Clock;
  readonly ms: number;
  /** Aborted, the work is given up at once. It is aborted when the wait is over. */
  readonly giveUp: AbortController;
};

/** What the work gives, or undefined when that takes too long or is given up. The work itself may still go on, and end unheard. */
export async function withTimeout<Result>(
  work: Promise<Result>,
  { clock, ms, giveUp }: Patience,
): Promise<{ readonly result: Result } | undefined> {
  const tooLong = clock.sleep(ms, giveUp.signal).then(() => undefined);
  try {
    return await Promise.race([work.then((result) => ({ result })), tooLong]);
  } finally {
    giveUp.abort();
  }
}
