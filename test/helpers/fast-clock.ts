// A clock that runs faster than the real one, for promises about minutes.
import { type Clock, systemClock } from '../../src/util/clock.ts';

/** Both clocks of a machine, `factor` times as fast. What the limiter paces stays in real time. */
export function fastClock(factor: number): Clock {
  const startMs = performance.now();
  const startedAtMs = Date.now();
  const elapsedMs = () => (performance.now() - startMs) * factor;
  return {
    now: () => startedAtMs + elapsedMs(),
    monotonic: () => startMs + elapsedMs(),
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
  };
}
