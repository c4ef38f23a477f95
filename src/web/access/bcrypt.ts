// Compares passwords with bcrypt hashes, one at a time in a thread that ends when it has nothing to do for a while.
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../../util/thread.ts';

const IDLE_MS = 10_000;

export class Bcrypt {
  #thread: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** Whether a password belongs to a hash. Only one comparison may be under way. Rejects when the thread fails. */
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
    const thread = startThread(import.meta.url, 'password-thread', {});
    thread.unref();
    // Who waits for an answer is told of an error; nobody need be when nobody waits.
    thread.on('error', () => {});
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    return thread;
  }
}
