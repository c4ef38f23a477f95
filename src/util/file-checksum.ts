// The checksum of a file's content, to see whether the file has changed.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { codeOf } from './error-code.ts';

/**
 * The SHA-256 checksum of the content of a file, behind symbolic links too, in hexadecimal. For a file that cannot be read, the code of the
 * system's error; for a pipe or a device, which can be read only once, always the same text. Never rejects.
 */
export async function checksumOf(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isFile()) return 'not a file';
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex');
  } catch (error) {
    return String(codeOf(error) ?? error);
  }
}
