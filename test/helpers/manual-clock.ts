// A clock that stands still until a test moves it.
import type { Clock } from '../../src/util/clock.ts';

type Sleeper = { readonly atMs: number; readonly wake: () => void };

export class ManualClock implements Clock {
  #monotonicMs = 0;
  #wallOffsetMs: number;
  readonly #sleepers = new Set<Sleeper>();

  /** @param startMs what the wall clock shows at first, in milliseconds since the epoch */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#wallOffsetMs = startMs;
  }

  now(): number {
    return this.#wallOffsetMs + this.#monotonicMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener('abort', wake);
        if (this.#sleepers.delete(sleeper)) resolve();
      };
      const sleeper = { atMs: this.#monotonicMs + ms, wake };
      this.#sleepers.add(sleeper);
      if (signal?.aborted || ms <= 0) wake();
      else signal?.addEventListener('abort', wake, { once: true });
    });
  }

  /** Sets the wall clock forward, or back, against the monotonic one. */
  stepWallClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Lets time pass in which nothing runs, as for a process that is stopped. Whoever slept wakes at the next {@link advance}. */
  standStill(ms: number): void {
    this.#monotonicMs += ms;
  }

  /** Lets time pass: whoever sleeps wakes at its time, and what it does is done before time goes on. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#monotonicMs + byMs;
    await settle();
    for (;;) {
      const next = [...this.#sleepers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#monotonicMs = Math.max(this.#monotonicMs, next.atMs);
      next.wake();
      await settle();
    }
    this.#monotonicMs = endMs;
    await settle();
  }
}

/** Lets everything run that is ready to. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
