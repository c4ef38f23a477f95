// Compiles this project for the measured processes, which must run without a loader.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The directory of the project. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Compiles `src` and `bench`, and returns the directory with the result. It is in the project, so that packages are found. */
export function compile(): string {
  const compiler = `${ROOT}node_modules/typescript/bin/tsc`;
  execFileSync(process.execPath, [compiler, '-p', `${ROOT}bench/tsconfig.json`], { stdio: ['ignore', 2, 'inherit'] });
  const directory = `${ROOT}node_modules/.cache/acr-scan-exporter-bench`;
  // Files that the program reads.
  copyFileSync(`${ROOT}package.json`, `${directory}/package.json`);
  cpSync(`${ROOT}src/web/assets`, `${directory}/src/web/assets`, { recursive: true });
  return directory;
}
