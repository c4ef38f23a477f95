// The problems of a file with their places, and the error that carries them.
import type { LineCounter } from 'yaml';
import { escapeInvisible } from '../invisible-characters.ts';
import { formatPath, type Path, type Redaction } from './descriptions.ts';

/** One problem. Lines and columns count from 1; a problem of the file as a whole stands at 1:1. */
export type Problem = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Such as `instances[0].repositories[1].tags[2].digest`; `YAML` for syntax, `file` when the file could not be read. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
};

/** A file that cannot be used. `problems` is never empty. They are in the order of the file; with several files, file after file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(formatProblems(problems, 1).join(' '));
    this.problems = problems;
  }
}

/** The problems that the checks of one file find. */
export class ProblemList {
  readonly #found = new Map<string, Omit<Problem, 'file' | 'line' | 'column'> & { readonly offset: number }>();
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #redaction: Redaction;

  /** @param lines where the lines of the file start; it may be filled after this, but before a line is asked for */
  constructor(file: string, lines: LineCounter, redaction: Redaction) {
    this.#file = file;
    this.#lines = lines;
    this.#redaction = redaction;
  }

  get isEmpty(): boolean {
    return this.#found.size === 0;
  }

  /** Adds a problem at `offset` in the text. A second problem with the same place and path follows from the first and is dropped. */
  add(offset: number, at: Path | string, expected: string, found: string): void {
    const path = typeof at === 'string' ? at : formatPath(at, this.#redaction);
    const place = `${offset} ${path}`;
    if (!this.#found.has(place)) this.#found.set(place, { offset, path, expected, found });
  }

  /** The line, from 1, of an offset in the text. */
  lineOf(offset: number): number {
    return this.#lines.linePos(offset).line;
  }

  /** The error with all problems in the order of the file. */
  toError(): ConfigError {
    const sorted = [...this.#found.values()].sort((a, b) => a.offset - b.offset);
    return new ConfigError(
      sorted.map(({ offset, ...problem }) => {
        const { line, col } = this.#lines.linePos(offset);
        return { file: this.#file, line, column: col, ...problem };
      }),
    );
  }
}

type Loaded<Loads extends readonly (() => unknown)[]> = {
  readonly [Index in keyof Loads]: Awaited<ReturnType<Loads[Index]>>;
};

/** Runs all loads at once. Rejects with one {@link ConfigError} of all their problems, or with the first other error. */
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

/** One line for each of the first `max` problems, then one with the number of the others. */
export function formatProblems(problems: readonly Problem[], max = 100): string[] {
  const lines = problems.slice(0, max).map(formatProblem);
  if (problems.length > max) lines.push(`… and ${problems.length - max} more`);
  return lines;
}
