// Reads the text of a configuration file, which may be a pipe, within bounds of size and time.

import { isUtf8 } from 'node:buffer';
import { readWithin } from '../bounded-read.ts';
import { codeOf } from '../error-code.ts';
import { ConfigError, type Problem } from './problems.ts';

/** 100,000 tags with digests and scan tasks take 20 MB. */
const MAX_BYTES = 32 * 2 ** 20;
/** How long to wait for the content of `<(a command)` or /dev/stdin. */
export const MAX_PIPE_WAIT_MS = 3_000;

/** The text of a file without a byte order mark. Throws a {@link ConfigError} if the file cannot be read or is not a text. */
export function readText(file: string): string {
  return textOf(readBytes(file), file);
}

/** The text in the bytes of a file. Throws a {@link ConfigError} if they are not a text. */
export function textOf(bytes: Buffer, file: string): string {
  if (!isUtf8(bytes)) throw fileError({ file, ...placeOfBadByte(bytes) }, 'text in UTF-8', 'bytes that are not');
  const text = new TextDecoder().decode(bytes);
  const control = /(?![\t\n\r\u0085])\p{Cc}/u.exec(text);
  if (control) throw fileError({ file, ...placeOf(text, control.index) }, 'text', 'a control character');
  return text;
}

function readBytes(file: string): Buffer {
  try {
    return readWithin(file, { maxBytes: MAX_BYTES, maxWaitMs: MAX_PIPE_WAIT_MS });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EISDIR') throw fileError({ file }, 'a file', 'a directory');
    if (code === 'EFBIG') throw fileError({ file }, `at most ${MAX_BYTES / 2 ** 20} MiB`, 'more');
    throw unreadable(file, error);
  }
}

/** The error for a file that cannot be read, from the system's error. */
export function unreadable(file: string, error: unknown): ConfigError {
  return fileError({ file }, 'a file that can be read', describeReadFailure(error));
}

/** What a message shows as found instead of a file that can be read, from the system's error. */
export function describeReadFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
  return FAILURES.get(code) ?? code;
}

const FAILURES: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'none'],
  ['EISDIR', 'a directory'],
  ['ENOTDIR', 'a path through something that is not a directory'],
  ['EACCES', 'one that may not be read (EACCES)'],
  [
    'ETIMEDOUT',
    'a pipe or a terminal from which not everything has come in time; one can be read only once, at the start',
  ],
  ['ENXIO', 'a socket'],
  ['EFBIG', 'one that is too large'],
]);

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
