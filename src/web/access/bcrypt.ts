// Compares passwords with bcrypt hashes, one at a time, in a thread that ends when it was idle for a while.
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../../util/worker-thread.ts';

const IDLE_MS = 10_000;

export class Bcrypt {
  #thread: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** Whether a password matches a hash. Only one comparison may be under way. Rejects when the thread fails. */
  async compare(password: string, hash: string): Promise<boolean> {
    clearTimeout(this.#idle);
    this.#thread ??= this.#start();
    const thread = this.#thread;
    try {
      const answer = once(thread, 'message');
      thread.postMessage({ password, hash });
      const [isRight] = await answer;
      return isRight === true;
    } finally {
      this.#idle = setTimeout(() => this.close(), IDLE_MS).unref();
    }
  }

  /** Ends the thread; the next comparison starts another. */
  close(): void {
    clearTimeout(this.#idle);
    void this.#thread?.terminate();
    this.#thread = undefined;
  }

  #start(): Worker {
    const thread = startThread(import.meta.url, 'bcrypt-worker', {});
    thread.unref();
    // An error during a comparison rejects it. Without a comparison it needs no handling.
    thread.on('error', () => {});
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    return thread;
  }
}
