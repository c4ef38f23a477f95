// A block: the lines of some rows in one family as bytes, with their compressed form once a scrape has needed it.
import { type Deflated, deflate } from './gzip.ts';

/**
 * Rows per block. Measured with 750 of 100,000 tags changed: gzip costs least between 32 and 128 (fewer rows mean more calls, more rows
 * mean more to compress in each), and to send thousands of buffers costs no more than to send one.
 */
export const BLOCK_ROWS = 64;

/** The new text of a row: whole lines, or empty. */
export type RowText = { readonly row: number; readonly text: string };

/** The text of {@link BLOCK_ROWS} rows. Immutable, except that {@link Block.with} may overwrite a block without readers. */
export class Block {
  readonly bytes: Buffer;
  /** Where the lines of each row end. */
  readonly #ends: Uint32Array;
  #deflated: Deflated | undefined;

  /**
   * @param bytes the text
   * @param ends where the lines of each row end; omitted for text without rows
   */
  constructor(bytes: Buffer, ends: Uint32Array = new Uint32Array(BLOCK_ROWS)) {
    this.bytes = bytes;
    this.#ends = ends;
  }

  /**
   * A block in which the text of some rows is replaced.
   *
   * @param texts in ascending order of rows
   * @param unread whether no scrape reads this block: then its own bytes are overwritten if the new texts have the same lengths, as those
   * of an ordinary poll have. To copy blocks instead would leave megabytes of garbage after every scrape.
   */
  with(texts: readonly RowText[], unread: boolean): Block {
    if (!unread || !this.#fit(texts)) return this.#copyWith(texts);
    for (const { row, text } of texts) this.bytes.write(text, this.#start(row));
    this.#deflated = undefined;
    return this;
  }

  get isDeflated(): boolean {
    return this.#deflated !== undefined;
  }

  /** The compressed form, made at the first call. It is never overwritten. */
  deflate(): Deflated {
    this.#deflated ??= deflate(this.bytes);
    return this.#deflated;
  }

  /** Whether the texts are as long as those that they replace. */
  #fit(texts: readonly RowText[]): boolean {
    return texts.every(({ row, text }) => Buffer.byteLength(text) === this.#end(row) - this.#start(row));
  }

  #copyWith(texts: readonly RowText[]): Block {
    const ends = this.#endsWith(texts);
    const length = ends[BLOCK_ROWS - 1] ?? 0;
    if (length === 0) return EMPTY_BLOCK;
    // Not from Buffer's pool: a small block would keep the whole slab alive.
    const bytes = Buffer.allocUnsafeSlow(length);
    let from = 0;
    let at = 0;
    for (const { row, text } of texts) {
      at += this.bytes.copy(bytes, at, from, this.#start(row));
      at += bytes.write(text, at);
      from = this.#end(row);
    }
    this.bytes.copy(bytes, at, from);
    return new Block(bytes, ends);
  }

  #start(row: number): number {
    return row === 0 ? 0 : this.#end(row - 1);
  }

  #end(row: number): number {
    return this.#ends[row] ?? 0;
  }

  #endsWith(texts: readonly RowText[]): Uint32Array {
    const ends = new Uint32Array(BLOCK_ROWS);
    let shift = 0;
    let next = 0;
    for (let row = 0; row < BLOCK_ROWS; row++) {
      const change = texts[next];
      if (change?.row === row) {
        shift += Buffer.byteLength(change.text) - (this.#end(row) - this.#start(row));
        next++;
      }
      ends[row] = this.#end(row) + shift;
    }
    return ends;
  }
}

/** A block without lines. */
export const EMPTY_BLOCK = new Block(Buffer.alloc(0));
