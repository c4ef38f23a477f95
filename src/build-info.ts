// Which version this is: written beside the compiled files by the build, which knows the revision; from sources, package.json knows.
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
