// The format of a snapshot file: gzip of lines of JSON, which are a header, a record each, and a trailer. docs/storage.md describes it.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, createGzip, gunzip } from 'node:zlib';

const FORMAT = 'acr-scan-exporter state';
/** Goes up when an older exporter could not read what is written. */
export const FORMAT_VERSION = 1;

/** The first line. */
type Header = {
  readonly format: typeof FORMAT;
  readonly version: number;
  /** The version of the exporter that wrote the file. */
  readonly exporter: string;
  /** RFC 3339. */
  readonly saved: string;
};

/** Text is compressed in pieces of this many characters: a piece is made in a few milliseconds. */
const PIECE_CHARACTERS = 65_536;
/** Faster than the higher levels, and within a tenth of their size for this text. */
const COMPRESSION_LEVEL = 1;
/** The header is in this many compressed bytes. It is checked first, so that a file that is not a snapshot cannot fill the memory. */
export const START_BYTES = 1_024;
const MAX_TEXT_BYTES = 2 ** 31 - 1;

const NEWLINE = 10;
const unzip = promisify(gunzip);

/** The file is not a whole snapshot of this format. */
export class SnapshotFormatError extends Error {
  override readonly name = 'SnapshotFormatError';
  readonly expected: string;
  readonly found: string;

  constructor(expected: string, found: string) {
    super(`expected ${expected}, found ${found}`);
    this.expected = expected;
    this.found = found;
  }
}

/** A compressor for {@link snapshotText}. It works in Node's thread pool. */
export function compressor(): ReturnType<typeof createGzip> {
  return createGzip({ level: COMPRESSION_LEVEL });
}

/** The text of a snapshot in pieces. Records are taken from `records` as the pieces are. */
export function* snapshotText(records: Iterable<object>, exporterVersion: string, nowMs: number): Generator<Buffer> {
  const saved = new Date(nowMs).toISOString();
  const header: Header = { format: FORMAT, version: FORMAT_VERSION, exporter: exporterVersion, saved };
  const hash = createHash('sha256');
  let count = 0;
  let text = `${JSON.stringify(header)}\n`;
  for (const record of records) {
    text += `${JSON.stringify(record)}\n`;
    count += 1;
    if (text.length < PIECE_CHARACTERS) continue;
    const piece = Buffer.from(text);
    hash.update(piece);
    yield piece;
    text = '';
  }
  hash.update(text);
  yield Buffer.from(`${text}${JSON.stringify({ records: count, sha256: hash.digest('hex') })}\n`);
}

/**
 * Reads a snapshot file. Everything is checked before anything is given.
 *
 * @throws {SnapshotFormatError}
 */
export async function readSnapshot(file: Buffer): Promise<{ records: Iterable<object>; savedMs: number }> {
  const { savedMs } = await readStart(file);
  const text = await decompress(file, { maxOutputLength: MAX_TEXT_BYTES });
  const [headerEnd, trailerStart] = [text.indexOf(NEWLINE) + 1, lastLineStart(text)];
  const body = text.subarray(headerEnd, trailerStart);
  const sha256 = createHash('sha256').update(text.subarray(0, trailerStart)).digest('hex');
  const trailer = parseObject(text.toString('utf8', trailerStart, text.length - 1));
  if (headerEnd > trailerStart || typeof trailer?.sha256 !== 'string') {
    throw new SnapshotFormatError('a last line with number and checksum of the records', 'none');
  }
  if (trailer.sha256 !== sha256) throw new SnapshotFormatError(`the checksum ${trailer.sha256}`, sha256);
  const count = countLines(body);
  if (trailer.records !== count) throw new SnapshotFormatError(`${trailer.records} records`, `${count}`);
  return { records: { [Symbol.iterator]: () => recordsOf(body) }, savedMs };
}

/**
 * Reads the header of a snapshot file.
 *
 * @param file at least its first {@link START_BYTES}
 * @throws {SnapshotFormatError}
 */
export async function readStart(file: Buffer): Promise<{ savedMs: number }> {
  if (file.length === 0) throw new SnapshotFormatError('a snapshot', 'an empty file');
  const start = await decompress(file.subarray(0, START_BYTES), { finishFlush: constants.Z_SYNC_FLUSH });
  const end = start.indexOf(NEWLINE);
  return readHeader(start.toString('utf8', 0, end === -1 ? START_BYTES : end));
}

async function decompress(file: Buffer, options: { maxOutputLength?: number; finishFlush?: number }): Promise<Buffer> {
  try {
    return await unzip(file, options);
  } catch (error) {
    throw new SnapshotFormatError('a whole gzip file', error instanceof Error ? error.message : String(error));
  }
}

function readHeader(line: string): { savedMs: number } {
  const header = parseObject(line);
  if (header?.format !== FORMAT) {
    throw new SnapshotFormatError(`a first line with "format":"${FORMAT}"`, 'another text');
  }
  if (header.version !== FORMAT_VERSION) {
    const writer = typeof header.exporter === 'string' ? ` of acr-scan-exporter ${header.exporter}` : '';
    throw new SnapshotFormatError(`version ${FORMAT_VERSION} of the format`, `version ${header.version}${writer}`);
  }
  const savedMs = typeof header.saved === 'string' ? Date.parse(header.saved) : Number.NaN;
  if (Number.isNaN(savedMs)) throw new SnapshotFormatError('a first line with the time of the save', 'none');
  return { savedMs };
}

function lastLineStart(text: Buffer): number {
  return text.at(-1) === NEWLINE ? text.lastIndexOf(NEWLINE, -2) + 1 : text.length;
}

function countLines(text: Buffer): number {
  let count = 0;
  for (let end = text.indexOf(NEWLINE); end !== -1; end = text.indexOf(NEWLINE, end + 1)) count += 1;
  return count;
}

function* linesOf(text: Buffer): Generator<string> {
  let start = 0;
  for (let end = text.indexOf(NEWLINE); end !== -1; end = text.indexOf(NEWLINE, start)) {
    yield text.toString('utf8', start, end);
    start = end + 1;
  }
}

/** Behind a good checksum there are only objects: an exporter wrote them. */
function* recordsOf(body: Buffer): Generator<object> {
  for (const line of linesOf(body)) {
    const record = parseObject(line);
    if (record !== undefined) yield record;
  }
}

/** The object that a text is in JSON; undefined for any other text. */
function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
