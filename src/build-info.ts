// The version of this program. The build writes it with the revision to a file next to the compiled files; for sources it is in package.json.
import { readFileSync } from 'node:fs';

export type BuildInfo = {
  readonly version: string;
  /** Of the source code; empty when the build did not know it. */
  readonly revision: string;
};

/** Reads the build's own description. */
export function readBuildInfo(): BuildInfo {
  const { version, revision = '' }: { version: string; revision?: string } =
    read('./build-info.json') ?? read('../package.json');
  return { version, revision };
}

function read(path: string) {
  try {
    return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  } catch {
    return undefined;
  }
}
