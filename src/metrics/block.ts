// A piece of a page: some lines as bytes, with their compressed form once somebody has asked for it.
import { constants, crc32, deflateRawSync } from 'node:zlib';
import { lengthOperator } from './crc32.ts';

/**
 * How many slots share a block. Measured with 750 of 100,000 tags changed: gzip costs least between 32 and 128 (fewer make more
 * calls, more make each call compress more), and sending thousands of buffers costs no more than sending one.
 */
export const BLOCK_ROWS = 64;

/**
 * Level 1: these lines repeat so much that higher levels save a tenth of the bytes for three times the work. Window, tables and
 * output fitted to the size of a block rather than zlib's defaults, which take longer to set up than a block takes to compress.
 */
const DEFLATE = { level: 1, windowBits: 13, memLevel: 6, chunkSize: 2048, finishFlush: constants.Z_FULL_FLUSH };

/** The text of one slot, empty or whole lines. */
export type RowText = { readonly row: number; readonly text: string };

/** The text of {@link BLOCK_ROWS} slots. Immutable but for {@link Block.with} when that is told that nobody reads the block. */
export class Block {
  readonly bytes: Buffer;
  /** Where each slot's lines end. */
  readonly #ends: Uint32Array;
  #deflated: Deflated | undefined;

  /**
   * @param bytes the text
   * @param ends where each slot's lines end; left out for text that is not made of slots
   */
  constructor(bytes: Buffer, ends: Uint32Array = new Uint32Array(BLOCK_ROWS)) {
    this.bytes = bytes;
    this.#ends = ends;
  }

  /**
   * A block with the text of some slots replaced.
   *
   * @param texts in ascending order of slots
   * @param unread whether nobody reads this block any more: then its own bytes are overwritten where the new texts fit exactly, as
   * those of an ordinary poll do. Copying blocks instead would leave megabytes of garbage after every scrape.
   */
  with(texts: readonly RowText[], unread: boolean): Block {
    const fits = texts.every(({ row, text }) => Buffer.byteLength(text) === this.#end(row) - this.#start(row));
    if (!unread || !fits) return this.#copyWith(texts);
    for (const { row, text } of texts) this.bytes.write(text, this.#start(row));
    this.#deflated = undefined;
    return this;
  }

  /** The compressed form, if it has been made. */
  get deflated(): Deflated | undefined {
    return this.#deflated;
  }

  /** The compressed form, made now if it has not been. */
  deflate(): Deflated {
    this.#deflated ??= deflate(this.bytes);
    return this.#deflated;
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

/** No lines at all. */
export const EMPTY_BLOCK = new Block(Buffer.alloc(0));

/** Bytes compressed so that other such pieces can follow them in one stream. */
export type Deflated = {
  /** Raw deflate that ends at a byte and refers to nothing before itself; not marked as the last of a stream. */
  readonly bytes: Buffer;
  /** Of the plain bytes: their number, their checksum, and what it takes to append the checksum to another. */
  readonly plainLength: number;
  readonly crc: number;
  readonly operator: number;
};

/** Compresses bytes as a piece of a stream. */
export function deflate(plain: Buffer): Deflated {
  const compressed = deflateRawSync(plain, DEFLATE);
  // zlib hands out a view of a buffer of at least 16 KiB: only the bytes that count are kept.
  const bytes = Buffer.allocUnsafeSlow(compressed.length);
  compressed.copy(bytes);
  return { bytes, plainLength: plain.length, crc: crc32(plain), operator: lengthOperator(plain.length) };
}
