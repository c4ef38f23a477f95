// The text of all families that speak of one kind of thing, kept in blocks and written again only where something changed.
import { BLOCK_ROWS, Block, EMPTY_BLOCK, type RowText } from './block.ts';
import type { Family } from './families.ts';
import { formatMetadata } from './text.ts';

/** How a cache sees its items. */
export type SeriesCacheView<Item, Facts> = {
  readonly families: readonly Family<Facts>[];
  /** What is to be shown of an item now, undefined for nothing; stays as it is when the item changes. */
  readonly facts: (item: Item) => Facts | undefined;
  /** The labels that all families have, and what they are made of: the same source gives the same labels. */
  readonly labels: (facts: Facts) => string;
  readonly labelSource: (facts: Facts) => unknown;
};

/** One place for an item's lines, in every family the same. */
type Slot<Item, Facts> = {
  readonly group: Group<Facts>;
  /** From 0, among the slots of its group. */
  readonly position: number;
  item: Item | undefined;
  /** What the blocks say; undefined while they say nothing. */
  shown: Facts | undefined;
  stale: boolean;
};

/** Up to {@link BLOCK_ROWS} slots that share one block in every family. */
type Group<Facts> = {
  /** One for each family. */
  readonly cells: readonly Cell<Facts>[];
  /** How many slots there are. */
  size: number;
};

/** The block of one family and one group. */
type Cell<Facts> = { readonly family: Family<Facts>; block: Block };

/** One family with its cells in the order of their groups. */
type Column<Facts> = { readonly family: Family<Facts>; readonly metadata: Block; readonly cells: Cell<Facts>[] };

/** What a slot shows from now on. */
type Update<Item, Facts> = {
  readonly row: Slot<Item, Facts>;
  readonly after: Facts | undefined;
  /** The labels of `after`, once a family has asked for them. */
  common: string | undefined;
};

/**
 * Items with their exposition text. Adding, changing and removing only take note; {@link SeriesCache.renderNext} does the work.
 *
 * Nothing here is found by its index: a group and its cells come into being together, with an empty block in every family, so a
 * family in which a group has no lines has no hole there.
 */
export class SeriesCache<Item extends object, Facts> {
  readonly #view: SeriesCacheView<Item, Facts>;
  readonly #columns: readonly Column<Facts>[];
  readonly #slotOf = new Map<Item, Slot<Item, Facts>>();
  /** Slots without an item, the one to be used next at the end. */
  readonly #free: Slot<Item, Facts>[] = [];
  /** Stale slots by their groups, the groups in the order in which they became stale. */
  readonly #stale = new Map<Group<Facts>, Slot<Item, Facts>[]>();
  #lastGroup: Group<Facts> | undefined;
  #groups = 0;

  constructor(view: SeriesCacheView<Item, Facts>) {
    this.#view = view;
    this.#columns = view.families.map((family) => ({
      family,
      metadata: new Block(Buffer.from(formatMetadata(family.name, family.type, family.help, 'text'))),
      cells: [],
    }));
  }

  add(item: Item): void {
    const row = this.#free.pop() ?? this.#newSlot();
    row.item = item;
    this.#slotOf.set(item, row);
    this.#touch(row);
  }

  change(item: Item): void {
    const row = this.#slotOf.get(item);
    if (row) this.#touch(row);
  }

  remove(item: Item): void {
    const row = this.#slotOf.get(item);
    if (!row) return;
    row.item = undefined;
    this.#slotOf.delete(item);
    this.#free.push(row);
    this.#touch(row);
  }

  /** What is to be shown of the items goes by another rule now. */
  changeAll(): void {
    for (const row of this.#slotOf.values()) this.#touch(row);
  }

  /** How many groups there are. */
  get groups(): number {
    return this.#groups;
  }

  /**
   * Renders what changed in the group that has waited longest, and returns whether there was one. If that throws, the group goes on
   * waiting.
   *
   * @param unread whether nobody reads blocks that were collected before
   */
  renderNext(unread: boolean): boolean {
    const next = this.#stale.entries().next();
    if (next.done) return false;
    const [group, rows] = next.value;
    this.#render(group, rows, unread);
    this.#stale.delete(group);
    return true;
  }

  /** Appends the blocks of the whole text, as rendered so far. A family without series is left out. */
  collect(into: Block[]): void {
    for (const { metadata, cells } of this.#columns) {
      const before = into.push(metadata);
      for (const { block } of cells) if (block !== EMPTY_BLOCK) into.push(block);
      if (into.length === before) into.pop();
    }
  }

  #newSlot(): Slot<Item, Facts> {
    const group = this.#lastGroup && this.#lastGroup.size < BLOCK_ROWS ? this.#lastGroup : this.#newGroup();
    return { group, position: group.size++, item: undefined, shown: undefined, stale: false };
  }

  #newGroup(): Group<Facts> {
    const cells = this.#columns.map(({ family, cells }) => {
      const cell: Cell<Facts> = { family, block: EMPTY_BLOCK };
      cells.push(cell);
      return cell;
    });
    this.#groups++;
    this.#lastGroup = { cells, size: 0 };
    return this.#lastGroup;
  }

  #touch(row: Slot<Item, Facts>): void {
    if (row.stale) return;
    row.stale = true;
    const known = this.#stale.get(row.group);
    if (known) known.push(row);
    else this.#stale.set(row.group, [row]);
  }

  #render(group: Group<Facts>, rows: Slot<Item, Facts>[], unread: boolean): void {
    const updates = rows
      .sort((a, b) => a.position - b.position)
      .map((row) => ({ row, after: row.item && this.#view.facts(row.item), common: undefined }));
    for (const cell of group.cells) {
      const texts = updates.flatMap((update) => this.#text(cell.family, update) ?? []);
      if (texts.length > 0) cell.block = cell.block.with(texts, unread);
    }
    for (const { row, after } of updates) {
      row.shown = after;
      row.stale = false;
    }
  }

  /** The lines of a slot in a family; undefined when they are the ones shown. */
  #text(family: Family<Facts>, update: Update<Item, Facts>): RowText | undefined {
    const { row, after } = update;
    if (this.#same(family, row.shown, after)) return undefined;
    if (after === undefined) return { row: row.position, text: '' };
    update.common ??= this.#view.labels(after);
    return { row: row.position, text: family.lines(update.common, after) };
  }

  #same(family: Family<Facts>, before: Facts | undefined, after: Facts | undefined): boolean {
    if (before === undefined || after === undefined) return before === after;
    return this.#view.labelSource(before) === this.#view.labelSource(after) && family.same(before, after);
  }
}
