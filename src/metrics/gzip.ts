// Compresses parts of a page separately and joins them to one gzip member (RFC 1952), so that an unchanged part is not compressed again.
// One member, because curl and Chromium stop after the first one.
import { constants, crc32, deflateRawSync } from 'node:zlib';

/** A part of a page, compressed so that other parts can follow in the same stream. */
export type Deflated = {
  /** Raw deflate that ends at a byte boundary, refers to nothing before itself, and has no end-of-stream mark. */
  readonly bytes: Buffer;
  readonly plainLength: number;
  /** Checksum of the plain bytes. */
  readonly crc: number;
  /** The {@link lengthOperator} of {@link plainLength}. */
  readonly operator: number;
};

/**
 * Level 1: the lines repeat so much that higher levels save a tenth of the bytes for three times the work. Window, tables and output
 * fit the size of a block; with zlib's defaults the setup takes longer than the compression.
 */
const DEFLATE = { level: 1, windowBits: 13, memLevel: 6, chunkSize: 2048, finishFlush: constants.Z_FULL_FLUSH };

/** Magic number, method deflate, no flags, no time, no hint at the level, unknown operating system. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** An empty block with the fixed code, marked as the last. */
const LAST_BLOCK = [0x03, 0x00] as const;

export function deflate(plain: Buffer): Deflated {
  const compressed = deflateRawSync(plain, DEFLATE);
  // zlib returns a view of a buffer of at least 16 KiB. The copy frees the rest.
  const bytes = Buffer.allocUnsafeSlow(compressed.length);
  compressed.copy(bytes);
  return { bytes, plainLength: plain.length, crc: crc32(plain), operator: lengthOperator(plain.length) };
}

/** One gzip member that unpacks to the plain bytes of all parts, in their order. */
export function gzipMember(parts: readonly Deflated[]): Buffer[] {
  let crc = 0;
  let plainLength = 0;
  const chunks: Buffer[] = [HEADER];
  for (const part of parts) {
    crc = combineCrc32(crc, part.crc, part.operator);
    plainLength += part.plainLength;
    chunks.push(part.bytes);
  }
  const trailer = Buffer.from([...LAST_BLOCK, 0, 0, 0, 0, 0, 0, 0, 0]);
  trailer.writeUInt32LE(crc, 2);
  trailer.writeUInt32LE(plainLength % 2 ** 32, 6);
  chunks.push(trailer);
  return chunks;
}

// The checksum of two texts one after the other, computed from their checksums as zlib's crc32_combine does it: a checksum is a polynomial
// over GF(2) modulo the one below, and appending n bytes to a text multiplies its checksum by x^(8n).

/** The polynomial of gzip without its highest term, lowest power in the highest bit. */
const POLYNOMIAL = 0xedb88320;
/** The polynomials 1 and x^8. */
const ONE = 0x80000000;
const X8 = 0x00800000;

/** The factor of a checksum when `length` bytes are appended to its text: x^(8 × length). */
export function lengthOperator(length: number): number {
  let operator = ONE;
  let square = X8;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) operator = multiply(operator, square);
    square = multiply(square, square);
  }
  return operator;
}

/**
 * The checksum of a text in two parts.
 *
 * @param first checksum of the first part
 * @param second checksum of the second part
 * @param operator the {@link lengthOperator} of the second part's length in bytes
 */
export function combineCrc32(first: number, second: number, operator: number): number {
  return (multiply(operator, first) ^ second) >>> 0;
}

/** The product of two polynomials modulo {@link POLYNOMIAL}. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let rest = a | 0; rest !== 0; rest <<= 1) {
    if (rest < 0) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}
