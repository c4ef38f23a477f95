// Work that is done one piece at a time, in turns between those who want it, so that nobody's flood keeps the others waiting.

/** The queue is full: try again later. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
}

type Job = () => Promise<void>;
type Limits = { readonly mostEach: number; readonly most: number };

export class FairQueue {
  readonly #limits: Limits;
  /** In the order in which their turn comes. */
  readonly #waiting = new Map<string, Job[]>();
  #waitingJobs = 0;
  #isWorking = false;

  /** @param limits how much may wait of each client, and of all together */
  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Does `work` when it is the client's turn. Rejects with {@link QueueFullError} at once when too much is waiting. */
  add<Result>(client: string, work: () => Promise<Result>): Promise<Result> {
    const jobs = this.#waiting.get(client) ?? [];
    if (jobs.length >= this.#limits.mostEach || this.#waitingJobs >= this.#limits.most)
      return Promise.reject(new QueueFullError('too many are waiting'));
    this.#waiting.set(client, jobs);
    this.#waitingJobs += 1;
    return new Promise((resolve, reject) => {
      jobs.push(() => work().then(resolve, reject));
      if (!this.#isWorking) void this.#workOff();
    });
  }

  async #workOff(): Promise<void> {
    this.#isWorking = true;
    for (let job = this.#next(); job; job = this.#next()) await job();
    this.#isWorking = false;
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
