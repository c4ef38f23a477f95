// Checks the files of certificates that connections name. A file that does not exist is no mistake of the configuration: it may come later.
import { resolve } from 'node:path';
import { readWithin } from '../util/bounded-read.ts';
import { codeOf } from '../util/error-code.ts';
import { mistakeInCertificates } from '../util/pem.ts';
import type { Path } from '../util/yaml/descriptions.ts';
import { valueAt, type YamlDocument } from '../util/yaml/document.ts';
import { describeReadFailure } from '../util/yaml/read-text.ts';

/** Far more than all authorities of an operating system need. */
const MAX_BYTES = 2 ** 20;

/** Reports each file that has something else than certificates. Relative paths start at the directory. */
export function reportCertificateFiles(document: YamlDocument, directory: string): void {
  const instances: unknown = valueAt(document.value, ['instances']);
  const blocks: Path[] = [[], ...(Array.isArray(instances) ? instances.map((_, index) => ['instances', index]) : [])];
  for (const block of blocks) {
    const path = [...block, 'tls', 'ca_file'];
    const file = valueAt(document.value, path);
    if (typeof file !== 'string' || file === '') continue;
    const mistake = mistakeIn(resolve(directory, file));
    if (mistake !== undefined) document.report(path, mistake.expected, mistake.found);
  }
}

function mistakeIn(file: string) {
  try {
    return mistakeInCertificates(readWithin(file, { maxBytes: MAX_BYTES, maxWaitMs: 0 }));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    return { expected: 'a file that can be read', found: describeReadFailure(error) };
  }
}
