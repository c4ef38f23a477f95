// What passes between the thread that fuzzes a target and the one that watches it.
import type { Finding } from './target.ts';

/**
 * In memory that both see: the seed of the batch, the number of the input in it, since when it is under way (0: nothing is), and what is
 * under way: a {@link Step}.
 */
export type Progress = Float64Array;

/** What a thread does with a target, one after the other. */
export const Step = { opening: 0, inputs: 1, closing: 2 } as const;

export type ThreadTask = {
  /** The URL of the module with the list of targets. */
  readonly targets: string;
  readonly name: string;
  readonly seed: number;
  /** No batch is begun after so many milliseconds, but for the first. */
  readonly ms: number;
  /** No more inputs than these. */
  readonly inputs: number;
  readonly progress: Progress;
};

export type ThreadReport = {
  readonly inputs: number;
  readonly seconds: number;
  readonly slowestMs: number;
  /** How many inputs came to what. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly finding: Finding | undefined;
};

/** The seed of a batch of a run. That of the first batch is the run's own, so that a batch can be repeated as a run. */
export function seedOfBatch(seed: number, batch: number): number {
  return (seed + Math.imul(batch, 0x9e3779b1)) | 0;
}
