// What is wrong with a configuration file: problems with their places, and the error that carries them.
import { escapeInvisible } from '../invisible.ts';

/** The way from the top of the file to a value: keys and list positions. */
export type Path = readonly (string | number)[];

/** One mistake. Lines and columns count from 1; what concerns the file as a whole stands at 1:1. */
export type Problem = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Such as `instances[0].repositories[1].tags[2].digest`; `YAML` for syntax, `file` when the file could not be read. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
};

/** A configuration that cannot be used. `problems` is never empty and in the order of the file; of several files one comes after the other. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(formatProblems(problems, 1).join(' '));
    this.problems = problems;
  }
}

type Loaded<Loads extends readonly (() => unknown)[]> = {
  readonly [Index in keyof Loads]: Awaited<ReturnType<Loads[Index]>>;
};

/** Does all of these at once. Rejects with one {@link ConfigError} of all problems, or with what else went wrong. */
export async function loadTogether<const Loads extends readonly (() => unknown)[]>(
  loads: Loads,
): Promise<Loaded<Loads>> {
  const results = await Promise.allSettled(loads.map(async (load) => load()));
  const errors = results.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []));
  const problems = errors.flatMap((error) => {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return results.map((result) => (result.status === 'fulfilled' ? result.value : undefined)) as Loaded<Loads>;
}

/** `FILE:LINE:COLUMN: PATH: expected …, found …`, always one line. */
export function formatProblem({ file, line, column, path, expected, found }: Problem): string {
  return escapeInvisible(`${file}:${line}:${column}: ${path}: expected ${expected}, found ${found}`);
}

/** One line a problem: the first `most`, then how many more there are. */
export function formatProblems(problems: readonly Problem[], most = 100): string[] {
  const lines = problems.slice(0, most).map(formatProblem);
  if (problems.length > most) lines.push(`… and ${problems.length - most} more`);
  return lines;
}
