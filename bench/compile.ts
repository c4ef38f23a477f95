// Compiles this project for the processes that are measured, which must not carry a loader with them.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The project's directory. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Compiles `src` and `bench` and returns the directory where they now lie. It is within the project, so that packages are found. */
export function compile(): string {
  const compiler = `${ROOT}node_modules/typescript/bin/tsc`;
  execFileSync(process.execPath, [compiler, '-p', `${ROOT}bench/tsconfig.json`], { stdio: ['ignore', 2, 'inherit'] });
  const directory = `${ROOT}node_modules/.cache/acr-scan-exporter-bench`;
  // What the program reads beside its code.
  copyFileSync(`${ROOT}package.json`, `${directory}/package.json`);
  cpSync(`${ROOT}src/web/assets`, `${directory}/src/web/assets`, { recursive: true });
  return directory;
}
