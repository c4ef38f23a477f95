// Limits on what clients may ask for at the same time, for each client and for all together. A client is an address.
import { setImmediate as nextTurn } from 'node:timers/promises';

export type ClientLimits = { readonly perClient: number; readonly total: number };

/** Bounds how many requests are served at the same time. */
export class ConcurrencyLimit {
  readonly #limits: ClientLimits;
  readonly #counts = new Map<string, number>();
  #total = 0;

  constructor(limits: ClientLimits) {
    this.#limits = limits;
  }

  /** Counts a request of a client until the returned function is called, once. Undefined when the limit is reached. */
  take(client: string): (() => void) | undefined {
    const count = this.#counts.get(client) ?? 0;
    if (count >= this.#limits.perClient || this.#total >= this.#limits.total) return undefined;
    this.#set(client, count + 1);
    return () => this.#set(client, (this.#counts.get(client) ?? 0) - 1);
  }

  #set(client: string, count: number): void {
    this.#total += count - (this.#counts.get(client) ?? 0);
    if (count === 0) this.#counts.delete(client);
    else this.#counts.set(client, count);
  }
}

/** The queue is full: try again later. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
}

type Job = () => Promise<void>;

/** Runs one job at a time, round robin between the clients, so that many jobs of one client do not delay those of the others. */
export class FairQueue {
  readonly #limits: ClientLimits;
  /** Waiting jobs of each client. The first client is next. */
  readonly #waiting = new Map<string, Job[]>();
  #waitingJobs = 0;
  #isRunning = false;

  /** @param limits how many jobs may wait */
  constructor(limits: ClientLimits) {
    this.#limits = limits;
  }

  /** Runs `work` when it is the client's turn. Rejects with {@link QueueFullError} at once when too many jobs are waiting. */
  add<Result>(client: string, work: () => Promise<Result>): Promise<Result> {
    const jobs = this.#waiting.get(client) ?? [];
    if (jobs.length >= this.#limits.perClient || this.#waitingJobs >= this.#limits.total)
      return Promise.reject(new QueueFullError('too many are waiting'));
    this.#waiting.set(client, jobs);
    this.#waitingJobs += 1;
    return new Promise((resolve, reject) => {
      jobs.push(() => work().then(resolve, reject));
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let job = this.#next(); job; job = this.#next()) await job();
    this.#isRunning = false;
  }

  #next(): Job | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    const [client, jobs] = first;
    const job = jobs.shift();
    this.#waiting.delete(client);
    if (jobs.length > 0) this.#waiting.set(client, jobs);
    this.#waitingJobs -= 1;
    return job;
  }
}

/**
 * Starts pieces of work of some milliseconds in different turns of the event loop, round robin between the clients. So a probe waits for
 * one piece, even when hundreds of clients have asked for one.
 */
export class TurnQueue {
  readonly #queue = new FairQueue({ perClient: Number.POSITIVE_INFINITY, total: Number.POSITIVE_INFINITY });

  /** Resolves in a turn in which no other piece starts. */
  next(client: string): Promise<void> {
    return this.#queue.add(client, () => nextTurn());
  }
}
