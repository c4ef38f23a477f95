// The state of this tree in git: a release contains what is committed.
import { spawnSync } from 'node:child_process';
import { ROOT } from './npm.ts';

/** The files of the package that are not in git, except those of the build. */
export function untrackedProblems(packed: readonly string[], tracked: readonly string[]): readonly string[] {
  const known = new Set(tracked);
  return packed.filter((path) => !path.startsWith('dist/') && !known.has(path)).map((path) => `${path}: not in git`);
}

/** All files in git. */
export function trackedFiles(): readonly string[] {
  return git(['ls-files', '-z']).split('\0').filter(Boolean);
}

/** The changed and new files, as git prints them. */
export function uncommittedChanges(): readonly string[] {
  return git(['status', '--porcelain']).split('\n').filter(Boolean);
}

function git(args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`git ${args[0]} ended with ${status}: ${stderr.trim()}`);
  return stdout;
}
