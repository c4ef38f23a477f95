// What is going to happen by itself: each thing at its time, in the order of time.
import { type Clock, MAX_SLEEP_MS } from '../util/clock.ts';
import { Heap, type HeapEntry } from '../util/heap.ts';

/** Does what is due; `atMs` is the time for which it was planned. */
type Act = (atMs: number) => void;

type Item = HeapEntry & { readonly act: Act };

/** Times are in milliseconds since the simulator started. */
export class Agenda {
  readonly #items = new Heap<Item>();
  #isActing = false;
  #idle = new AbortController();
  #wakesAtMs = Number.NEGATIVE_INFINITY;

  /** When the next thing is due; `Infinity` when nothing is planned. */
  get nextMs(): number {
    return this.#items.peek()?.dueAtMs ?? Number.POSITIVE_INFINITY;
  }

  /** Plans something, unless its time is `Infinity`. A time that is over is due at once. */
  add(atMs: number, act: Act): void {
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#items.add({ dueAtMs: atMs, heap: undefined, position: -1, act });
    if (atMs < this.#wakesAtMs) this.#idle.abort();
  }

  /** Does everything that is due. What this plans for a time that is over is done too. */
  actUntil(elapsedMs: number): void {
    if (this.#isActing) return;
    this.#isActing = true;
    try {
      for (let item = this.#items.peek(); item && item.dueAtMs <= elapsedMs; item = this.#items.peek()) {
        this.#items.remove(item);
        item.act(item.dueAtMs);
      }
    } finally {
      this.#isActing = false;
    }
  }

  /** Does everything at its time until `signal` is aborted. */
  async follow(elapsedMs: () => number, clock: Clock, signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#idle.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    while (!signal.aborted) {
      this.actUntil(elapsedMs());
      this.#idle = new AbortController();
      this.#wakesAtMs = this.nextMs;
      await clock.sleep(Math.min(MAX_SLEEP_MS, this.#wakesAtMs - elapsedMs()), this.#idle.signal);
      this.#wakesAtMs = Number.NEGATIVE_INFINITY;
    }
    signal.removeEventListener('abort', onAbort);
  }
}
