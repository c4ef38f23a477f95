// The log of requests: when each arrived and ended, what it asked, and how it was answered. Holds no secrets.
import { performance } from 'node:perf_hooks';
import type { Clock } from '../util/clock.ts';
import type { Parameters } from './parameters.ts';

/** One request to the API. Times end in `AtMs` (wall clock, since the epoch) or `MonotonicMs` (`performance.now()`). */
export type LoggedRequest = {
  /** 0 for the first request since the simulator started. */
  readonly index: number;
  readonly arrivedAtMs: number;
  readonly arrivedMonotonicMs: number;
  /** How many requests were under way when it arrived, itself included. */
  readonly underWay: number;
  /** How many requests have come over its connection, itself included: 1 for the first. */
  readonly onConnection: number;
  action: string;
  accessKeyId: string;
  parameters: Parameters;
  /** `success` or the error code that was answered; empty until then, and when no answer of the API was sent. */
  code: string;
  /** The HTTP status that was answered, null until then. */
  httpStatus: number | null;
  /** What a fault did to it (`error`, `body`, `reset`, …), null when none did. */
  fault: string | null;
  /** For how many milliseconds the answer asked to wait, null when it did not. */
  retryAfterMs: number | null;
  /** When the last byte was sent or the connection was gone; null while under way. */
  finishedAtMs: number | null;
  finishedMonotonicMs: number | null;
};

export const LOG_CAPACITY = 200_000;

/** Keeps the last {@link LOG_CAPACITY} requests. */
export class RequestLog {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #entries: LoggedRequest[] = [];
  #total = 0;
  #underWay = 0;

  constructor(clock: Clock, capacity = LOG_CAPACITY) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  /** How many requests came in all: the index of the next. */
  get total(): number {
    return this.#total;
  }

  /** The index of the oldest request that is kept. */
  get first(): number {
    return Math.max(0, this.#total - this.#capacity);
  }

  /**
   * Notes that a request has arrived; what it is about follows when it has been read.
   *
   * @param onConnection how many requests have come over its connection, itself included
   */
  arrive(onConnection: number): LoggedRequest {
    this.#underWay++;
    const entry: LoggedRequest = {
      index: this.#total,
      arrivedAtMs: this.#clock.now(),
      arrivedMonotonicMs: performance.now(),
      underWay: this.#underWay,
      onConnection,
      action: '',
      accessKeyId: '',
      parameters: {},
      code: '',
      httpStatus: null,
      fault: null,
      retryAfterMs: null,
      finishedAtMs: null,
      finishedMonotonicMs: null,
    };
    this.#entries[this.#total % this.#capacity] = entry;
    this.#total++;
    return entry;
  }

  /** Notes that nothing more will be sent for a request; a second time changes nothing. */
  finish(entry: LoggedRequest): void {
    if (entry.finishedMonotonicMs !== null) return;
    entry.finishedAtMs = this.#clock.now();
    entry.finishedMonotonicMs = performance.now();
    this.#underWay--;
  }

  /** At most `limit` requests from index `since` on, oldest first. */
  page(since: number, limit: number): LoggedRequest[] {
    const start = Math.max(since, this.first);
    const entries: LoggedRequest[] = [];
    for (let index = start; index < this.#total && entries.length < limit; index++) {
      const entry = this.#entries[index % this.#capacity];
      if (entry) entries.push({ ...entry });
    }
    return entries;
  }
}
