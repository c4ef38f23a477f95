// What a law is: a sentence about all runs, and a function that finds where a record of one breaks it.
import type { RunRecord } from '../record.ts';

export type Violation = {
  /** When it was certain, in milliseconds since the epoch. */
  readonly at: number;
  readonly text: string;
};

export type Finding = { readonly checked: number; readonly violations: readonly Violation[] };

/** The moments that a check judges, in milliseconds since the epoch: from the first on, before the second. What lies around them is context. */
export type Judged = { readonly from: number; readonly to: number };

export const ALWAYS: Judged = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

export type Law = {
  readonly name: string;
  readonly sentence: string;
  readonly check: (record: RunRecord, judged?: Judged) => Finding;
};

/** Collects what a law finds at the moments that are judged. */
export class Findings implements Finding {
  checked = 0;
  readonly violations: Violation[] = [];
  readonly #judged: Judged;

  constructor(judged: Judged = ALWAYS) {
    this.#judged = judged;
  }

  isJudged(at: number): boolean {
    return at >= this.#judged.from && at < this.#judged.to;
  }

  /**
   * Counts a check of something that was certain at a moment.
   *
   * @param broken what is wrong, undefined where nothing is; a function is called only where the moment is judged
   */
  note(at: number, broken: string | undefined | (() => string | undefined)): void {
    if (!this.isJudged(at)) return;
    this.checked++;
    const text = typeof broken === 'function' ? broken() : broken;
    if (text !== undefined) this.violations.push({ at, text });
  }
}
