// Pushes at random times, as a pipeline makes them: new tags, old ones that move to a new image, and the oldest ones deleted.
import { type Draw, type Range, within } from './random.ts';
import type { ChangeSource } from './repository.ts';
import type { TagStore } from './tag-store.ts';

/** The `pushes` section of a scenario. */
export type PushSettings = {
  /** From one push to the next. */
  readonly interval: Range;
  /** The names of new tags, with `{n}` for a number. */
  readonly name: string;
  /** The first number. */
  readonly start: number;
  /** The share of pushes that move a tag which is there to a new image. */
  readonly repush_share: number;
  /** How many of the tags that were pushed stay; beyond that, the one whose last push is the longest ago is deleted. */
  readonly keep: number;
};

/** What happens depends on the draws alone, and on what else is done to the repository. */
export class PushPlan implements ChangeSource {
  readonly #settings: PushSettings;
  readonly #draw: Draw;
  /** The tags that it pushed, the longest untouched one first. */
  readonly #pushed = new Set<string>();
  #nextMs: number;
  #count = 0;
  #number: number;

  /** @param startMs from when on it pushes, in milliseconds since the simulator started */
  constructor(settings: PushSettings, draw: Draw, startMs: number) {
    this.#settings = settings;
    this.#draw = draw;
    this.#number = settings.start;
    this.#nextMs = startMs + this.#pause();
  }

  get nextMs(): number {
    return this.#nextMs;
  }

  applyTo(store: TagStore): void {
    const count = this.#count;
    const repushed = this.#draw('repush', count) < this.#settings.repush_share ? this.#chooseOld(store) : undefined;
    const tag = repushed ?? this.#nameNew(store);
    store.push({ tag, atMs: this.#nextMs, which: ['push', count] });
    if (repushed === undefined || this.#pushed.delete(tag)) this.#pushed.add(tag);
    this.#deleteOldest(store);
    this.#count++;
    this.#nextMs += this.#pause();
  }

  #pause(): number {
    return within(this.#settings.interval, this.#draw('interval', this.#count));
  }

  /** One of the tags that the scenario does not write a course for; undefined when there is none. */
  #chooseOld({ all }: TagStore): string | undefined {
    const tags = [...all.values()].filter(({ isScripted }) => !isScripted);
    return tags[Math.floor(this.#draw('which', this.#count) * tags.length)]?.tag;
  }

  #nameNew({ all }: TagStore): string {
    for (;;) {
      const tag = this.#settings.name.replaceAll('{n}', String(this.#number));
      this.#number++;
      if (!all.has(tag)) return tag;
    }
  }

  #deleteOldest(store: TagStore): void {
    const present = [...this.#pushed].filter((tag) => store.all.has(tag));
    const old = present.slice(0, Math.max(0, present.length - this.#settings.keep));
    for (const tag of this.#pushed) {
      if (!store.all.has(tag) || old.includes(tag)) this.#pushed.delete(tag);
    }
    for (const tag of old) store.delete(tag);
  }
}
