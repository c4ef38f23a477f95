// A clock that stands still until a test moves it.
import type { Clock } from '../../src/util/clock.ts';

export class ManualClock implements Clock {
  #now: number;
  #monotonic = 0;
  #waiting: { readonly atMs: number; readonly wake: () => void }[] = [];

  constructor(now = Date.parse('2026-03-01T12:00:00Z')) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => this.#waiting.push({ atMs: this.#monotonic + ms, wake }));
  }

  /** How many sleeps are not over. */
  get sleeping(): number {
    return this.#waiting.length;
  }

  advance(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
    const due = this.#waiting.filter(({ atMs }) => atMs <= this.#monotonic);
    this.#waiting = this.#waiting.filter((sleep) => !due.includes(sleep));
    for (const { wake } of due) wake();
  }

  /** Sets the wall clock alone. */
  jump(ms: number): void {
    this.#now += ms;
  }
}
