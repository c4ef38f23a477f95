// Strings pieces that were compressed apart into one gzip member (RFC 1952): curl and Chromium stop after the first.

import type { Deflated } from './block.ts';
import { combineCrc32 } from './crc32.ts';

/** Magic, deflate, no flags, no time, no hint at the effort, and an operating system that is not told. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** A block of no symbols with the fixed code, marked as the last. */
const LAST_BLOCK = [0x03, 0x00] as const;

/** One gzip member that unpacks to the plain bytes of all pieces, in their order. */
export function gzipMember(pieces: readonly Deflated[]): Buffer[] {
  let crc = 0;
  let plainLength = 0;
  const chunks: Buffer[] = [HEADER];
  for (const piece of pieces) {
    crc = combineCrc32(crc, piece.crc, piece.operator);
    plainLength += piece.plainLength;
    chunks.push(piece.bytes);
  }
  const trailer = Buffer.from([...LAST_BLOCK, 0, 0, 0, 0, 0, 0, 0, 0]);
  trailer.writeUInt32LE(crc, 2);
  trailer.writeUInt32LE(plainLength % 2 ** 32, 6);
  chunks.push(trailer);
  return chunks;
}
