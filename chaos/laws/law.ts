// What a law is: a sentence about all runs, and a function that finds where a record of one breaks it.
import type { RunRecord } from '../record.ts';

export type Violation = {
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly text: string;
};

export type Finding = { readonly checked: number; readonly violations: readonly Violation[] };

export type Law = {
  readonly name: string;
  readonly sentence: string;
  readonly check: (record: RunRecord) => Finding;
};

/** Collects what a law finds. */
export class Findings implements Finding {
  checked = 0;
  readonly violations: Violation[] = [];

  /** Counts a check; `broken` says what is wrong, undefined where nothing is. */
  note(at: number, broken: string | undefined): void {
    this.checked++;
    if (broken !== undefined) this.violations.push({ at, text: broken });
  }
}
