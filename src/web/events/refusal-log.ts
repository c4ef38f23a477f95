// Logs refused events without letting a flood of them fill the log.
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';

/** The time between two lines with the same status. */
const QUIET_MS = 60_000;

type Line = { atMs: number; unlogged: number };

export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** The last line with each status. */
  readonly #lines = new Map<number, Line>();

  constructor({ logger, clock }: { readonly logger: Logger; readonly clock: Pick<Clock, 'monotonic'> }) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Logs the first answer with a status, and then at most one a minute, with the number of those since the last line. */
  add(status: number, reason: string, client: string | undefined): void {
    const nowMs = this.#clock.monotonic();
    const line = this.#lines.get(status);
    if (line !== undefined && nowMs - line.atMs < QUIET_MS) {
      line.unlogged += 1;
      return;
    }
    this.#logger.warn('event not taken', { status, reason, client, count: (line?.unlogged ?? 0) + 1 });
    this.#lines.set(status, { atMs: nowMs, unlogged: 0 });
  }
}
