// Reads the text of a configuration file, of whatever kind the file is, within bounds.
import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ConfigError, type Problem } from './problem.ts';

/** 100,000 tags with digests and scan tasks take 20 MB. */
const MOST_BYTES = 32 * 2 ** 20;
const CHUNK_BYTES = 2 ** 20;

/** The file's text without a byte order mark. Throws {@link ConfigError} when there is none to be had. */
export function readText(file: string): string {
  return textOf(readBytes(file), file);
}

/** The text that a file's bytes are. Throws {@link ConfigError} when they are none. */
export function textOf(bytes: Buffer, file: string): string {
  if (!isUtf8(bytes)) throw fileError({ file, ...placeOfBadByte(bytes) }, 'text in UTF-8', 'bytes that are not');
  const text = new TextDecoder().decode(bytes);
  const control = /(?![\t\n\r\u0085])\p{Cc}/u.exec(text);
  if (control) throw fileError({ file, ...placeOf(text, control.index) }, 'text', 'a control character');
  return text;
}

function readBytes(file: string): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    if (fstatSync(descriptor).isDirectory()) throw fileError({ file }, 'a file', 'a directory');
    return readAll(descriptor, file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw unreadable(file, error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The problem that a file cannot be read, from the system's error. */
export function unreadable(file: string, error: unknown): ConfigError {
  return fileError({ file }, 'a file that can be read', describeReadFailure(error));
}

/** What was found where a file should be, from the system's error. */
export function describeReadFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
  return FAILURES.get(code) ?? code;
}

const FAILURES: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'none'],
  ['EISDIR', 'a directory'],
  ['ENOTDIR', 'a path through something that is not a directory'],
  ['EACCES', 'one that may not be read (EACCES)'],
]);

/** Asks for chunks rather than for the size, which a pipe or a device does not have. */
function readAll(descriptor: number, file: string): Buffer {
  const chunks: Buffer[] = [];
  for (let total = 0; ; ) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const length = readSync(descriptor, chunk);
    if (length === 0) return Buffer.concat(chunks);
    total += length;
    if (total > MOST_BYTES) throw fileError({ file }, `at most ${MOST_BYTES / 2 ** 20} MiB`, 'more');
    chunks.push(chunk.subarray(0, length));
  }
}

type At = Pick<Problem, 'file'> & Partial<Pick<Problem, 'line' | 'column'>>;

function fileError({ file, line = 1, column = 1 }: At, expected: string, found: string): ConfigError {
  return new ConfigError([{ file, line, column, path: 'file', expected, found }]);
}

function placeOfBadByte(bytes: Buffer): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (
    let end = bytes.indexOf(0x0a);
    end !== -1 && isUtf8(bytes.subarray(start, end));
    end = bytes.indexOf(0x0a, start)
  ) {
    line += 1;
    start = end + 1;
  }
  const shown = new TextDecoder().decode(bytes.subarray(start));
  return { line, column: shown.indexOf('\ufffd') + 1 };
}

function placeOf(text: string, index: number): { line: number; column: number } {
  const before = text.slice(0, index).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
