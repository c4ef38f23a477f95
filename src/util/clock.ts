// The two clocks of a computer as one parameter: the wall clock for timestamps, the monotonic one for everything that waits.

/** The source of time: {@link systemClock} in production, a manual clock in tests. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump in either direction: for timestamps only. */
  now(): number;
  /** Milliseconds since an arbitrary moment. Never goes back: for intervals, deadlines and durations. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** `setTimeout` fires at once if the delay is longer than this, so no sleep is longer. A caller that waits longer looks at the clock again. */
export const MAX_SLEEP_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(Math.max(0, ms), MAX_SLEEP_MS));
      signal?.addEventListener('abort', done, { once: true });
    }),
};
