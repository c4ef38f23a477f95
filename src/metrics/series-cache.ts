// The text of all families of one kind of item (tags or repositories), kept in blocks. Only what changed is rendered again.

import type { PageSelection } from '../model/metrics-page.ts';
import { formatMetadata } from './exposition-format.ts';
import { BLOCK_ROWS, Block, EMPTY_BLOCK, type RowText } from './series-block.ts';
import type { Family } from './tag-families.ts';

/** How a cache renders its items. */
export type SeriesCacheView<Item, Snapshot> = {
  readonly families: readonly Family<Snapshot>[];
  /** A snapshot of the item that does not change with it; undefined for an item without series. */
  readonly snapshot: (item: Item) => Snapshot | undefined;
  /** The labels that all families have. */
  readonly labels: (snapshot: Snapshot) => string;
  /** The object that the labels are made of: the same object gives the same labels. */
  readonly labelSource: (snapshot: Snapshot) => unknown;
  readonly instanceId: (item: Item) => string;
};

/** The row of an item, the same in every family. */
type Row<Item, Snapshot> = {
  /** The rows of its instance, itself among them. */
  readonly instance: InstanceRows<Item, Snapshot>;
  readonly group: RowGroup<Snapshot>;
  /** From 0, in its group. */
  readonly position: number;
  item: Item | undefined;
  /** The snapshot in the blocks; undefined while the row has no lines there. */
  shown: Snapshot | undefined;
  stale: boolean;
};

/** The rows of one instance. No group has rows of two, so that the blocks of an instance are a part of the page. */
type InstanceRows<Item, Snapshot> = {
  readonly id: string;
  /** For each family, in their order, the blocks in the order of the groups. */
  readonly families: readonly FamilyBlock<Snapshot>[][];
  /** Rows without an item, for reuse from the end. */
  readonly free: Row<Item, Snapshot>[];
  lastGroup: RowGroup<Snapshot> | undefined;
  groups: number;
  /** The number of items. */
  size: number;
};

/** Up to {@link BLOCK_ROWS} rows, with one block in every family. */
type RowGroup<Snapshot> = {
  readonly blocks: readonly FamilyBlock<Snapshot>[];
  /** The number of rows. */
  size: number;
};

/** The block of one group in one family. */
type FamilyBlock<Snapshot> = { readonly family: Family<Snapshot>; block: Block };

type FamilyText<Snapshot> = { readonly family: Family<Snapshot>; readonly metadata: Block };

/** The blocks of one family, by instance, as they were when they were collected. */
export type CollectedFamilyBlocks = {
  readonly name: string;
  readonly metadata: Block;
  readonly instances: ReadonlyMap<string, readonly Block[]>;
};

/** The blocks of a part of the page. Families without series are left out. */
export function selectBlocks(
  families: readonly CollectedFamilyBlocks[],
  { names, instanceIds }: PageSelection,
): Block[] {
  const selected: Block[] = [];
  for (const { name, metadata, instances } of families) {
    if (names !== undefined && !names.has(name)) continue;
    const before = selected.push(metadata);
    for (const [instanceId, blocks] of instances) {
      if (instanceIds !== undefined && !instanceIds.has(instanceId)) continue;
      for (const block of blocks) selected.push(block);
    }
    if (selected.length === before) selected.pop();
  }
  return selected;
}

/** A row to render, with its new snapshot. */
type Update<Item, Snapshot> = {
  readonly row: Row<Item, Snapshot>;
  readonly after: Snapshot | undefined;
  /** The common labels of `after`, once they have been rendered. */
  common: string | undefined;
};

/**
 * Items with their exposition text. `add`, `change` and `remove` only mark a row as stale; {@link SeriesCache.renderNext} renders.
 *
 * A new group has an empty block in every family from the start, and the families share those objects. So no block is looked up by an
 * index, and a family in which a group has no lines has no gap.
 */
export class SeriesCache<Item extends object, Snapshot> {
  readonly #view: SeriesCacheView<Item, Snapshot>;
  readonly #families: readonly FamilyText<Snapshot>[];
  readonly #rows = new Map<Item, Row<Item, Snapshot>>();
  readonly #instances = new Map<string, InstanceRows<Item, Snapshot>>();
  /** Stale rows by group, in the order in which the groups became stale. */
  readonly #stale = new Map<RowGroup<Snapshot>, Row<Item, Snapshot>[]>();
  #groups = 0;

  constructor(view: SeriesCacheView<Item, Snapshot>) {
    this.#view = view;
    this.#families = view.families.map((family) => ({
      family,
      metadata: new Block(Buffer.from(formatMetadata(family.name, family.type, family.help, 'text'))),
    }));
  }

  add(item: Item): void {
    const rows = this.#rowsOf(this.#view.instanceId(item));
    const row = rows.free.pop() ?? this.#newRow(rows);
    rows.size++;
    row.item = item;
    this.#rows.set(item, row);
    this.#markStale(row);
  }

  change(item: Item): void {
    const row = this.#rows.get(item);
    if (row === undefined) return;
    if (row.instance.id === this.#view.instanceId(item)) {
      this.#markStale(row);
      return;
    }
    this.remove(item);
    this.add(item);
  }

  remove(item: Item): void {
    const row = this.#rows.get(item);
    if (!row) return;
    row.item = undefined;
    this.#rows.delete(item);
    const { instance } = row;
    instance.free.push(row);
    instance.size--;
    this.#markStale(row);
    if (instance.size === 0) this.#drop(instance);
  }

  /** Marks all rows as stale: the view shows the items in another way. */
  changeAll(): void {
    for (const row of this.#rows.values()) this.#markStale(row);
  }

  /** The number of groups. */
  get groups(): number {
    return this.#groups;
  }

  /**
   * Renders the stale rows of the group that became stale first. If that throws, the group stays stale.
   *
   * @param unread whether no scrape reads blocks that were collected before
   * @returns false when no group is stale
   */
  renderNext(unread: boolean): boolean {
    const next = this.#stale.entries().next();
    if (next.done) return false;
    const [group, rows] = next.value;
    this.#render(group, rows, unread);
    this.#stale.delete(group);
    return true;
  }

  /** The blocks of the whole text, as rendered so far. */
  collect(): CollectedFamilyBlocks[] {
    return this.#families.map(({ family, metadata }, index) => {
      const instances = new Map<string, readonly Block[]>();
      for (const [instanceId, { families }] of this.#instances) {
        const blocks: Block[] = [];
        for (const { block } of families[index] ?? []) if (block !== EMPTY_BLOCK) blocks.push(block);
        instances.set(instanceId, blocks);
      }
      return { name: family.name, metadata, instances };
    });
  }

  #rowsOf(instanceId: string): InstanceRows<Item, Snapshot> {
    let rows = this.#instances.get(instanceId);
    if (rows === undefined) {
      const families = this.#families.map(() => []);
      rows = { id: instanceId, families, free: [], lastGroup: undefined, groups: 0, size: 0 };
      this.#instances.set(instanceId, rows);
    }
    return rows;
  }

  /** Forgets an instance without items, so that instances that come and go do not use up memory. */
  #drop(rows: InstanceRows<Item, Snapshot>): void {
    this.#instances.delete(rows.id);
    this.#groups -= rows.groups;
    for (const { group } of rows.free) this.#stale.delete(group);
  }

  #newRow(rows: InstanceRows<Item, Snapshot>): Row<Item, Snapshot> {
    const { lastGroup } = rows;
    const group = lastGroup && lastGroup.size < BLOCK_ROWS ? lastGroup : this.#newGroup(rows);
    return { instance: rows, group, position: group.size++, item: undefined, shown: undefined, stale: false };
  }

  #newGroup(rows: InstanceRows<Item, Snapshot>): RowGroup<Snapshot> {
    const groupBlocks = this.#families.map(({ family }, index) => {
      const empty: FamilyBlock<Snapshot> = { family, block: EMPTY_BLOCK };
      rows.families[index]?.push(empty);
      return empty;
    });
    this.#groups++;
    rows.groups++;
    rows.lastGroup = { blocks: groupBlocks, size: 0 };
    return rows.lastGroup;
  }

  #markStale(row: Row<Item, Snapshot>): void {
    if (row.stale) return;
    row.stale = true;
    const known = this.#stale.get(row.group);
    if (known) known.push(row);
    else this.#stale.set(row.group, [row]);
  }

  #render(group: RowGroup<Snapshot>, rows: Row<Item, Snapshot>[], unread: boolean): void {
    const updates = rows
      .sort((a, b) => a.position - b.position)
      .map((row) => ({ row, after: row.item && this.#view.snapshot(row.item), common: undefined }));
    for (const each of group.blocks) {
      const texts = updates.flatMap((update) => this.#text(each.family, update) ?? []);
      if (texts.length > 0) each.block = each.block.with(texts, unread);
    }
    for (const { row, after } of updates) {
      row.shown = after;
      row.stale = false;
    }
  }

  /** The new lines of a row in a family; undefined when they are the same as before. */
  #text(family: Family<Snapshot>, update: Update<Item, Snapshot>): RowText | undefined {
    const { row, after } = update;
    if (this.#same(family, row.shown, after)) return undefined;
    if (after === undefined) return { row: row.position, text: '' };
    update.common ??= this.#view.labels(after);
    return { row: row.position, text: family.lines(update.common, after) };
  }

  #same(family: Family<Snapshot>, before: Snapshot | undefined, after: Snapshot | undefined): boolean {
    if (before === undefined || after === undefined) return before === after;
    return this.#view.labelSource(before) === this.#view.labelSource(after) && family.same(before, after);
  }
}
