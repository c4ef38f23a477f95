// Runs npm.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The project's root. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Runs npm, and returns its standard output. Throws an error with its message if it fails. */
export function npm(args: readonly string[], cwd = ROOT): string {
  const { status, stdout, stderr, error } = spawnSync('npm', args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ${args[0]} ended with ${status}: ${stderr.trim()}`);
  return stdout;
}
