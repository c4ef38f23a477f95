// A piece of a page: some lines as bytes that never change, with their compressed form once somebody has asked for it.
import { constants, crc32, deflateRawSync } from 'node:zlib';
import { lengthOperator } from './crc32.ts';

/**
 * How many slots share a block. Measured with 750 of 100,000 tags changed: gzip costs least between 32 and 128 (fewer make more
 * calls, more make each call compress more), and sending thousands of buffers costs no more than sending one.
 */
export const BLOCK_SLOTS = 64;

/**
 * Level 1: these lines repeat so much that higher levels save a tenth of the bytes for three times the work. A window and tables
 * fitted to the size of a block rather than zlib's defaults, because setting those up takes longer than compressing a block.
 */
const DEFLATE = { level: 1, windowBits: 13, memLevel: 6, finishFlush: constants.Z_FULL_FLUSH };

/** Immutable: a page that is being sent keeps the blocks that it began with. */
export class Block {
  /** No lines at all. */
  static readonly empty = new Block(Buffer.alloc(0), new Uint32Array(BLOCK_SLOTS));

  readonly bytes: Buffer;
  /** Where each slot's lines end. */
  readonly #ends: Uint32Array;
  #deflated: Deflated | undefined;

  private constructor(bytes: Buffer, ends: Uint32Array) {
    this.bytes = bytes;
    this.#ends = ends;
  }

  /** A block of text that is not made of slots. */
  static of(text: string): Block {
    return new Block(Buffer.from(text), Block.empty.#ends);
  }

  /** This block with the lines of some slots replaced; `lines` is in ascending order of slots. */
  with(lines: ReadonlyMap<number, string>): Block {
    const ends = this.#endsWith(lines);
    const length = ends[BLOCK_SLOTS - 1] ?? 0;
    if (length === 0) return Block.empty;
    // Not from Buffer's pool: a small block would keep the whole slab alive.
    const bytes = Buffer.allocUnsafeSlow(length);
    let from = 0;
    let at = 0;
    for (const [slot, text] of lines) {
      at += this.bytes.copy(bytes, at, from, this.#start(slot));
      at += bytes.write(text, at);
      from = this.#ends[slot] ?? 0;
    }
    this.bytes.copy(bytes, at, from);
    return new Block(bytes, ends);
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

  #start(slot: number): number {
    return slot === 0 ? 0 : (this.#ends[slot - 1] ?? 0);
  }

  #endsWith(lines: ReadonlyMap<number, string>): Uint32Array {
    const ends = new Uint32Array(BLOCK_SLOTS);
    let end = 0;
    for (let slot = 0; slot < BLOCK_SLOTS; slot++) {
      const text = lines.get(slot);
      end += text === undefined ? (this.#ends[slot] ?? 0) - this.#start(slot) : Buffer.byteLength(text);
      ends[slot] = end;
    }
    return ends;
  }
}

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
