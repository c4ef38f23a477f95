// What happens to the tags of a repository over time: what the scenario lists for single tags, and pushes at random times.
import { type Draw, type DurationRange, within } from './random.ts';
import type { TagStart, TagStore } from './tag-store.ts';

/** Changes of a repository's tags in the order of time. */
export interface ChangeSource {
  /** When the next change happens, in milliseconds since the simulator started; `Infinity` when none follows. */
  readonly nextMs: number;
  /** Makes the next change and goes on to the one after it. */
  applyTo(store: TagStore): void;
}

/** A push or a deletion that the scenario lists, `atMs` milliseconds after the simulator started. */
export type ListedChange =
  | { readonly atMs: number; readonly tag: string; readonly kind: 'delete' }
  | {
      readonly atMs: number;
      readonly tag: string;
      readonly kind: 'push';
      readonly index: number;
      readonly start: TagStart;
    };

/** The pushes and deletions that a scenario lists for single tags. */
export class ListedChanges implements ChangeSource {
  /** The next change last. */
  readonly #changes: ListedChange[];

  /** @param changes in any order; changes at the same time happen in the given order */
  constructor(changes: readonly ListedChange[]) {
    this.#changes = changes.toSorted((a, b) => a.atMs - b.atMs).toReversed();
  }

  get nextMs(): number {
    return this.#changes.at(-1)?.atMs ?? Number.POSITIVE_INFINITY;
  }

  applyTo(store: TagStore): void {
    const change = this.#changes.pop();
    if (change?.kind === 'delete') store.delete(change.tag);
    if (change?.kind === 'push') {
      const { tag, atMs, index, start } = change;
      store.push({ tag, atMs, start, which: ['written push', index] });
    }
  }
}

/** `pushes` of a scenario. */
export type PushSettings = {
  /** Time from one push to the next. */
  readonly interval: DurationRange;
  /** The names of new tags, with `{n}` for a number. */
  readonly name: string;
  /** The first number. */
  readonly start: number;
  /** The share of pushes that move an existing tag to a new image. */
  readonly repush_share: number;
  /** How many of the pushed tags stay. With more, the tag whose last push is the longest ago is deleted. */
  readonly keep: number;
};

/**
 * Pushes at random times, as a pipeline makes them: new tags, old tags that move to a new image, and deletions of the oldest. They depend
 * only on the draws and on the other changes of the repository.
 */
export class RandomPushes implements ChangeSource {
  readonly #settings: PushSettings;
  readonly #draw: Draw;
  /** The tags that were pushed here, the one with the oldest push first. */
  readonly #pushed = new Set<string>();
  #nextMs: number;
  #count = 0;
  #number: number;

  /** @param startMs when the pushes begin, in milliseconds since the simulator started */
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

  /** An existing tag without a course of its own in the scenario; undefined when there is none. */
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
