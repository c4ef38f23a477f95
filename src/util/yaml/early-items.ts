// Composes the items of long lists while the parser still reads the rest of a file. The tokens of a text take three times the memory of their
// nodes.
import { Composer, type CST, isMap, isSeq, type ParsedNode, type YAMLParseError, type YAMLSeq } from 'yaml';

/** The parser may still add to the last item of a list, and to the end of the item before it. */
const OPEN_ITEMS = 2;
/** A list has at most one. */
const PLACEHOLDERS = 1;

type ComposerOptions = ConstructorParameters<typeof Composer>[0];

/** The list items of one file that are composed already. */
export class EarlyItems {
  readonly #options: ComposerOptions;
  /** The first items of lists, by the offset of the list. A placeholder stands for them in the list. */
  readonly #firstItems = new Map<number, ParsedNode[]>();
  readonly #errors: YAMLParseError[] = [];

  /** @param options the options that the rest of the file is composed with */
  constructor(options: ComposerOptions) {
    this.#options = options;
  }

  /** The errors in the items. */
  get errors(): readonly YAMLParseError[] {
    return this.#errors;
  }

  /** Composes the complete items and takes them out of the lists that the parser is building. */
  take(stack: readonly CST.Token[]): void {
    for (const token of stack) {
      if (token.type === 'block-seq' && token.items.length > PLACEHOLDERS + OPEN_ITEMS) this.#compose(token);
    }
  }

  /** Puts the composed items back at the beginning of their lists, at or under `node`. */
  restore(node: ParsedNode | null): void {
    if (this.#firstItems.size === 0) return;
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        this.restore(key);
        this.restore(value);
      }
    } else if (isSeq(node)) {
      for (const item of node.items) this.restore(item);
      this.#restoreList(node);
    }
  }

  #restoreList(list: YAMLSeq.Parsed): void {
    const [offset] = list.range;
    const firstItems = this.#firstItems.get(offset);
    if (firstItems === undefined) return;
    this.#firstItems.delete(offset);
    list.items = [...firstItems, ...list.items.slice(PLACEHOLDERS)];
  }

  #compose(list: CST.BlockSequence): void {
    const known = this.#firstItems.get(list.offset);
    this.#firstItems.delete(list.offset);
    const items = known ?? [];
    const part: CST.BlockSequence = { ...list, items: list.items.splice(0, list.items.length - OPEN_ITEMS) };
    const token: CST.Document = { type: 'document', offset: list.offset, start: [], value: part };
    for (const { contents, errors } of new Composer<ParsedNode>(this.#options).compose([token])) {
      this.#errors.push(...errors);
      this.restore(contents);
      if (isSeq(contents)) for (const item of contents.items.slice(known && PLACEHOLDERS)) items.push(item);
    }
    list.items.unshift(placeholder(list, items.at(-1)?.range[2] ?? list.offset));
    this.#firstItems.set(list.offset, items);
  }
}

/** An empty item that ends where the items end that it stands for: the parser reports some errors at the end of the item before them. */
function placeholder({ offset, indent }: CST.BlockSequence, end: number): CST.BlockSequence['items'][number] {
  return {
    start: [{ type: 'seq-item-ind', offset, indent, source: '-' }],
    value: { type: 'scalar', offset: end, indent, source: '' },
  };
}
