// Composes the items of long lists while the parser still reads the rest of a file. The tokens of a text take three times the memory of their
// nodes.
import { Composer, type CST, isMap, isSeq, type ParsedNode, type YAMLParseError, type YAMLSeq } from 'yaml';

/** The parser may still add to the last item of a list, and to the end of the item before it. */
const OPEN_ITEMS = 2;

type Options = ConstructorParameters<typeof Composer>[0];

/** The beginning of a list: its offset in the text, and its first items. */
type Beginning = { readonly offset: number; readonly items: ParsedNode[] };

/** The list items of one file that are composed already. */
export class EarlyItems {
  readonly #options: Options;
  /** The beginnings of lists, by the offset at which the rest of the list starts. */
  readonly #beginnings = new Map<number, Beginning>();
  readonly #errors: YAMLParseError[] = [];

  /** @param options the options that the rest of the file is composed with */
  constructor(options: Options) {
    this.#options = options;
  }

  /** The errors in the items. */
  get errors(): readonly YAMLParseError[] {
    return this.#errors;
  }

  /** Composes the complete items and takes them out of the lists that the parser is building. */
  take(stack: readonly CST.Token[]): void {
    for (const token of stack) if (token.type === 'block-seq' && token.items.length > OPEN_ITEMS) this.#compose(token);
  }

  /** Puts the composed items back at the beginning of their lists, at or under `node`. */
  restore(node: ParsedNode | null): void {
    if (this.#beginnings.size === 0) return;
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
    const [restOffset, ...ends] = list.range;
    const beginning = this.#beginnings.get(restOffset);
    if (beginning === undefined) return;
    this.#beginnings.delete(restOffset);
    list.range = [beginning.offset, ...ends];
    list.items = [...beginning.items, ...list.items];
  }

  #compose(list: CST.BlockSequence): void {
    const beginning = this.#beginnings.get(list.offset) ?? { offset: list.offset, items: [] };
    this.#beginnings.delete(list.offset);
    const part: CST.BlockSequence = { ...list, items: list.items.splice(0, list.items.length - OPEN_ITEMS) };
    const token: CST.Document = { type: 'document', offset: list.offset, start: [], value: part };
    for (const { contents, errors } of new Composer<ParsedNode>(this.#options).compose([token])) {
      this.#errors.push(...errors);
      this.restore(contents);
      if (isSeq(contents)) for (const item of contents.items) beginning.items.push(item);
      // The parser reports some errors at the end of the item before them.
      list.offset = beginning.items.at(-1)?.range[2] ?? list.offset;
    }
    this.#beginnings.set(list.offset, beginning);
  }
}
