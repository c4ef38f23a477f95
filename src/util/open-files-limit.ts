// The limit of open files, and advice for when it is too low.

import { readFileSync } from 'node:fs';
import { codeOf } from './error-code.ts';

/** On Linux, the limits of this process. */
const LIMITS_FILE = '/proc/self/limits';

/** How many files and sockets this process may have open; Infinity if that is not known. */
export function openFilesLimit(file = LIMITS_FILE): number {
  try {
    return Number(/^Max open files +(\d+)/m.exec(readFileSync(file, 'utf8'))?.[1] ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** With fewer open files, Node.js reports a package that it cannot open as one that does not exist. */
const FEW_OPEN_FILES = 64;

/** The advice for an error that says that no more file or socket can be opened; undefined for any other error. */
export function openFilesAdvice(error: unknown, limit = openFilesLimit()): string | undefined {
  const code = codeOf(error);
  if (code === 'ENFILE') return 'the system has reached its limit of open files (ENFILE): raise fs.file-max';
  if (code !== 'EMFILE' && !(code === 'ERR_MODULE_NOT_FOUND' && limit < FEW_OPEN_FILES)) return undefined;
  return 'the limit of open files is too low (EMFILE): raise it to 1024 or more, with ulimit -n or LimitNOFILE=';
}
