// A clock that jumps from one thing to the next, and a limiter that keeps a quota by it: hours of an exporter in a minute.
import { setImmediate as turn } from 'node:timers/promises';
import type { RateLimits } from '../../src/model/settings.ts';
import type { SlotLimiter } from '../../src/scheduler/scheduler.ts';
import type { Clock } from '../../src/util/clock.ts';
import { Heap, type HeapEntry } from '../../src/util/heap.ts';

type Sleeper = HeapEntry & { readonly wake: () => void };

export class SimulatedClock implements Clock {
  readonly #sleepers = new Heap<Sleeper>();
  #nowMs = 0;

  now(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener('abort', wake);
        sleeper.heap?.remove(sleeper);
        resolve();
      };
      const sleeper: Sleeper = { dueAtMs: this.#nowMs + ms, heap: undefined, position: -1, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  /** Lets time pass until `done`. Everything that is ready is done before time goes on. */
  async pass(done: () => boolean): Promise<void> {
    for (await turn(); !done(); await turn()) {
      const next = this.#sleepers.peek();
      if (next === undefined) throw new Error('nothing is left that could happen');
      this.#nowMs = Math.max(this.#nowMs, next.dueAtMs);
      next.wake();
    }
  }
}

/** Starts jobs one period apart. bottleneck, which the exporter uses, paces by real time. */
export class SimulatedLimiter implements SlotLimiter {
  inFlight = 0;
  limits: RateLimits = { requestsPerSecond: 1, maxConcurrent: 1 };
  readonly #clock: Clock;
  #nextMs = 0;
  #free: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(job: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const waitMs = this.#nextMs - this.#clock.monotonic();
      if (this.inFlight >= this.limits.maxConcurrent)
        await new Promise<void>((free) => {
          this.#free = free;
        });
      else if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
      else break;
    }
    if (signal.aborted) return false;
    this.#nextMs = this.#clock.monotonic() + 1_000 / this.limits.requestsPerSecond;
    this.inFlight += 1;
    void job().finally(() => {
      this.inFlight -= 1;
      this.#free();
    });
    return true;
  }
}
