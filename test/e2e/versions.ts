// The versions of the programs that the end-to-end tests use.
import { spawnSync } from 'node:child_process';

/** The version that a command prints, empty if it prints none; undefined if it cannot be run or fails. */
export function versionIn(command: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 ? (/\d+(\.\d+)*/.exec(stdout)?.[0] ?? '') : undefined;
}

export function isOlder(version: string, limit: string): boolean {
  return version !== limit && version.localeCompare(limit, 'en', { numeric: true }) < 0;
}
