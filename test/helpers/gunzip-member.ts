// Unpacks gzip strictly: one member and nothing after it, as curl and Chromium read it.
import { crc32, inflateRawSync } from 'node:zlib';

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;

/** The plain bytes of a gzip file of one member; throws when there is more than that, or when its checksum or length is wrong. */
export function gunzipMember(bytes: Buffer): Buffer {
  const [magic, flags] = [bytes.readUInt16BE(0), bytes.readUInt8(3)];
  if (magic !== 0x1f8b || flags !== 0) throw new Error('expected a gzip header without further fields');
  const { buffer, engine }: { buffer: Buffer; engine: { bytesWritten: number } } = Object(
    inflateRawSync(bytes.subarray(HEADER_BYTES), { info: true }),
  );
  const end = HEADER_BYTES + engine.bytesWritten;
  if (end + TRAILER_BYTES !== bytes.length)
    throw new Error(`expected one member, found ${bytes.length - end} bytes after it`);
  if (bytes.readUInt32LE(end) !== crc32(buffer)) throw new Error('the checksum is wrong');
  if (bytes.readUInt32LE(end + 4) !== buffer.length) throw new Error('the length of the plain bytes is wrong');
  return buffer;
}
