// The log of requests: arrival and end, operation and parameters, and the answer. It holds no secrets.
import { performance } from 'node:perf_hooks';
import type { Clock } from '../util/clock.ts';
import type { Parameters } from './parameters.ts';
import { RecentEntries } from './recent-entries.ts';

/** One request to the API. Times end in `AtMs` (wall clock, since the epoch) or `MonotonicMs` (`performance.now()`). */
export type LoggedRequest = {
  /** 0 for the first request since the simulator started. */
  readonly index: number;
  readonly arrivedAtMs: number;
  readonly arrivedMonotonicMs: number;
  /** The number of requests under way when it arrived, itself included. */
  readonly underWay: number;
  /** The number of the request on its connection, from 1. */
  readonly onConnection: number;
  action: string;
  accessKeyId: string;
  parameters: Parameters;
  /** `success` or the error code of the answer; empty before it, and when no answer of the API was sent. */
  code: string;
  /** The HTTP status of the answer; null before it. */
  httpStatus: number | null;
  /** The effect of the fault that struck it (`error`, `body`, `reset`, …); null when none did. */
  fault: string | null;
  /** The wait that the answer asked for, in milliseconds; null when it asked for none. */
  retryAfterMs: number | null;
  /** When the last byte was sent or the connection was closed; null while under way. */
  finishedAtMs: number | null;
  finishedMonotonicMs: number | null;
};

const LOG_CAPACITY = 200_000;

/** Keeps the last {@link LOG_CAPACITY} requests. */
export class RequestLog {
  readonly #clock: Clock;
  readonly #entries: RecentEntries<LoggedRequest>;
  #underWay = 0;

  constructor(clock: Clock, capacity = LOG_CAPACITY) {
    this.#clock = clock;
    this.#entries = new RecentEntries(capacity);
  }

  /** The number of all requests so far: the index of the next. */
  get total(): number {
    return this.#entries.total;
  }

  /** The index of the oldest request in the log. */
  get first(): number {
    return this.#entries.first;
  }

  /**
   * Adds a request that arrived. The caller fills in its operation once the body is read.
   *
   * @param onConnection the number of the request on its connection, from 1
   */
  arrive(onConnection: number): LoggedRequest {
    this.#underWay++;
    const entry: LoggedRequest = {
      index: this.total,
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
    this.#entries.add(entry);
    return entry;
  }

  /** Marks a request as ended. A second call changes nothing. */
  finish(entry: LoggedRequest): void {
    if (entry.finishedMonotonicMs !== null) return;
    entry.finishedAtMs = this.#clock.now();
    entry.finishedMonotonicMs = performance.now();
    this.#underWay--;
  }

  /** At most `limit` requests from index `since` on, oldest first. */
  page(since: number, limit: number): LoggedRequest[] {
    return this.#entries.page(since, limit).map((entry) => ({ ...entry }));
  }
}
