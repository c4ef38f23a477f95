// Collects what is wrong while a file is read, and puts it into the order of the file.
import type { LineCounter } from 'yaml';
import { type Discretion, formatPath } from './found.ts';
import type { Path, Problem } from './problem.ts';

/** A mistake by its place in the text. */
type Mistake = { readonly offset: number; readonly path: string; readonly expected: string; readonly found: string };

/** The mistakes of one file. */
export class Report {
  readonly #mistakes = new Map<string, Mistake>();
  readonly #lines: LineCounter;
  readonly #discretion: Discretion;

  constructor(lines: LineCounter, discretion: Discretion) {
    this.#lines = lines;
    this.#discretion = discretion;
  }

  get isEmpty(): boolean {
    return this.#mistakes.size === 0;
  }

  /** Adds a mistake at `offset` in the text. What else is said of the same place and path follows from it, and is dropped. */
  add(offset: number, at: Path | string, expected: string, found: string): void {
    const path = typeof at === 'string' ? at : formatPath(at, this.#discretion);
    const place = `${offset} ${path}`;
    if (!this.#mistakes.has(place)) this.#mistakes.set(place, { offset, path, expected, found });
  }

  /** The line, from 1, of an offset in the text. */
  lineOf(offset: number): number {
    return this.#lines.linePos(offset).line;
  }

  /** All of them in the order of the file. */
  problems(file: string): Problem[] {
    return [...this.#mistakes.values()]
      .sort((a, b) => a.offset - b.offset)
      .map(({ offset, ...mistake }) => {
        const { line, col } = this.#lines.linePos(offset);
        return { file, line, column: col, ...mistake };
      });
  }
}
