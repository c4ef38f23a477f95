// The last items of each key, for the keys that were given one last. Bounded in keys and in items of each.

export class RecentItems<Key extends object, Item> {
  readonly #max: { readonly keys: number; readonly items: number };
  /** The key that was given an item last is at the end. */
  readonly #items = new Map<Key, Item[]>();

  constructor(max: { readonly keys: number; readonly items: number }) {
    this.#max = max;
  }

  add(key: Key, item: Item): void {
    const items = this.#items.get(key) ?? [];
    items.push(item);
    if (items.length > this.#max.items) items.shift();
    this.#items.delete(key);
    this.#items.set(key, items);
    const [oldest] = this.#items.keys();
    if (this.#items.size > this.#max.keys && oldest !== undefined) this.#items.delete(oldest);
  }

  /** The oldest item first. */
  of(key: Key): readonly Item[] {
    return [...(this.#items.get(key) ?? [])];
  }

  delete(key: Key): void {
    this.#items.delete(key);
  }
}
