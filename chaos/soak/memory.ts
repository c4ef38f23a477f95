// What the exporter's process says of its memory, and what it comes to.

/** In bytes, at one time. */
export type Memory = {
  /** Resident memory. */
  readonly rss: number;
  /** What V8 holds for the heap, and what of that is in use or not yet collected. */
  readonly heapTotal: number;
  readonly heapUsed: number;
  /** What lies outside of the heap for objects in it. */
  readonly external: number;
};

const FIELDS = ['rss', 'heapTotal', 'heapUsed', 'external'] as const satisfies readonly (keyof Memory)[];

export function isMemory(message: unknown): message is Memory {
  return typeof message === 'object' && message !== null && FIELDS.every((field) => field in message);
}

/** The middle of a list that is not empty; between two where their number is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return mean([sorted[Math.floor(middle)] ?? Number.NaN, sorted[Math.ceil(middle)] ?? Number.NaN]);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(2);
}
