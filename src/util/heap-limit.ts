// How much of the heap is for what lasts.
import { getHeapStatistics } from 'node:v8';

const MEBIBYTE = 2 ** 20;

export type HeapOptions = {
  /** As `process.versions.v8` has it. */
  readonly v8Version: string;
  /** The options that Node.js was started with, also those of NODE_OPTIONS. */
  readonly nodeOptions: string;
  /** The limit of the whole heap; that of this process by default. */
  readonly heapLimitBytes?: number;
};

/**
 * The limit of the old generation in bytes. The limit of the whole heap has the young generation too, which holds nothing for long: three
 * semi-spaces, whose default is 16 MiB, and 64 MiB since V8 13 (Node.js 24).
 */
export function oldGenerationLimit({
  v8Version,
  nodeOptions,
  heapLimitBytes = getHeapStatistics().heap_size_limit,
}: HeapOptions): number {
  const [, configured] = /--max[-_]semi[-_]space[-_]size=(\d+)/.exec(nodeOptions) ?? [];
  const standard = Number.parseInt(v8Version, 10) >= 13 ? 64 : 16;
  return heapLimitBytes - 3 * (configured === undefined ? standard : Number(configured)) * MEBIBYTE;
}
