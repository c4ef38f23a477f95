// Pushes and deletions at the times that a scenario writes for single tags.
import type { ChangeSource } from './repository.ts';
import type { TagStart, TagStore } from './tag-store.ts';

/** Something that happens to a tag, `atMs` milliseconds after the simulator started. */
export type WrittenChange =
  | { readonly atMs: number; readonly tag: string; readonly kind: 'delete' }
  | {
      readonly atMs: number;
      readonly tag: string;
      readonly kind: 'push';
      readonly index: number;
      readonly start: TagStart;
    };

export class Script implements ChangeSource {
  /** The next change last. */
  readonly #changes: WrittenChange[];

  /** @param changes in any order; those at the same time happen in the order in which they are given */
  constructor(changes: readonly WrittenChange[]) {
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
