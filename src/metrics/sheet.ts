// The text of all families that speak of one kind of thing, kept in blocks and written again only where something changed.
import { BLOCK_SLOTS, Block, EMPTY_BLOCK, type SlotText } from './block.ts';
import type { Family } from './families.ts';
import { formatMetadata } from './text.ts';

/** How a sheet sees its items. */
export type SheetView<Item, Facts> = {
  readonly families: readonly Family<Facts>[];
  /** What is to be shown of an item now, undefined for nothing; stays as it is when the item changes. */
  readonly facts: (item: Item) => Facts | undefined;
  /** The labels that all families have, and what they are made of: the same source gives the same labels. */
  readonly labels: (facts: Facts) => string;
  readonly labelSource: (facts: Facts) => unknown;
};

/** One place for an item's lines, in every family the same. */
type Slot<Item, Facts> = {
  item: Item | undefined;
  /** What the blocks say; undefined while they say nothing. */
  shown: Facts | undefined;
  stale: boolean;
};

/** The blocks of one family, by group of slots. */
type Column<Facts> = { readonly family: Family<Facts>; readonly metadata: Block; readonly blocks: Block[] };

/** Items with their exposition text. Adding, changing and removing only take note; {@link Sheet.renderNext} does the work. */
export class Sheet<Item extends object, Facts> {
  readonly #view: SheetView<Item, Facts>;
  readonly #columns: readonly Column<Facts>[];
  readonly #slots: Slot<Item, Facts>[] = [];
  readonly #slotOf = new Map<Item, number>();
  readonly #free: number[] = [];
  /** Stale slots by their groups, the groups in the order in which they became stale. */
  readonly #stale = new Map<number, number[]>();

  constructor(view: SheetView<Item, Facts>) {
    this.#view = view;
    this.#columns = view.families.map((family) => ({
      family,
      metadata: new Block(Buffer.from(formatMetadata(family.name, family.type, family.help, 'text'))),
      blocks: [],
    }));
  }

  add(item: Item): void {
    const index = this.#free.pop() ?? this.#slots.length;
    const slot = this.#slots[index];
    if (slot) slot.item = item;
    else this.#slots.push({ item, shown: undefined, stale: false });
    this.#slotOf.set(item, index);
    this.#touch(index);
  }

  change(item: Item): void {
    const index = this.#slotOf.get(item);
    if (index !== undefined) this.#touch(index);
  }

  remove(item: Item): void {
    const index = this.#slotOf.get(item);
    const slot = index === undefined ? undefined : this.#slots[index];
    if (index === undefined || !slot) return;
    slot.item = undefined;
    this.#slotOf.delete(item);
    this.#free.push(index);
    this.#touch(index);
  }

  /** What is to be shown of the items goes by another rule now. */
  changeAll(): void {
    for (const index of this.#slotOf.values()) this.#touch(index);
  }

  /** How many groups there are. */
  get groups(): number {
    return Math.ceil(this.#slots.length / BLOCK_SLOTS);
  }

  /**
   * Renders what changed in the group that has waited longest, and returns whether there was one.
   *
   * @param unread whether nobody reads blocks that were collected before
   */
  renderNext(unread: boolean): boolean {
    const next = this.#stale.entries().next();
    if (next.done) return false;
    const [group, indexes] = next.value;
    this.#stale.delete(group);
    this.#render(group, indexes, unread);
    return true;
  }

  /** Appends the blocks of the whole text, as rendered so far. A family without series is left out. */
  collect(into: Block[]): void {
    for (const { metadata, blocks } of this.#columns) {
      const before = into.push(metadata);
      for (const block of blocks) if (block !== EMPTY_BLOCK) into.push(block);
      if (into.length === before) into.pop();
    }
  }

  #touch(index: number): void {
    const slot = this.#slots[index];
    if (!slot || slot.stale) return;
    slot.stale = true;
    const group = Math.floor(index / BLOCK_SLOTS);
    const known = this.#stale.get(group);
    if (known) known.push(index);
    else this.#stale.set(group, [index]);
  }

  #render(group: number, indexes: number[], unread: boolean): void {
    const changes: SlotText[][] = this.#columns.map(() => []);
    for (const index of indexes.sort((a, b) => a - b)) this.#renderSlot(index, changes);
    for (const [column, { blocks }] of this.#columns.entries()) {
      const texts = changes[column];
      if (texts && texts.length > 0) blocks[group] = (blocks[group] ?? EMPTY_BLOCK).with(texts, unread);
    }
  }

  /** Appends, to each column's changes, the slot's text if it is not the one shown. */
  #renderSlot(index: number, changes: readonly SlotText[][]): void {
    const slot = this.#slots[index];
    if (!slot) return;
    const { item, shown } = slot;
    const facts = item && this.#view.facts(item);
    slot.shown = facts;
    slot.stale = false;
    let common: string | undefined;
    for (let column = 0; column < this.#columns.length; column++) {
      const family = this.#columns[column]?.family;
      if (!family || this.#same(family, shown, facts)) continue;
      if (facts) common ??= this.#view.labels(facts);
      const text = facts && common !== undefined ? family.lines(common, facts) : '';
      changes[column]?.push({ slot: index % BLOCK_SLOTS, text });
    }
  }

  #same(family: Family<Facts>, before: Facts | undefined, after: Facts | undefined): boolean {
    if (before === undefined || after === undefined) return before === after;
    return this.#view.labelSource(before) === this.#view.labelSource(after) && family.same(before, after);
  }
}
