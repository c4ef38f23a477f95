// Randomness without state: a draw is a function of the seed and of its purpose. So the same seed gives the same simulation, whatever the
// order of requests.
import { createHash } from 'node:crypto';

/** A number from 0 (included) to 1 (excluded), the same for the same parts. */
export type Draw = (...parts: readonly (string | number)[]) => number;

/** Whole numbers from `min` to `max`, both included. */
export type CountRange = { readonly min: number; readonly max: number };

/** Durations from `minMs` to `maxMs`, both included. */
export type DurationRange = { readonly minMs: number; readonly maxMs: number };

/** A source of draws for one `seed` and one purpose. */
export function seededDraw(seed: number, ...purpose: readonly (string | number)[]): Draw {
  return (...parts) => digestOf([seed, ...purpose, ...parts]).readUIntBE(0, 6) / 2 ** 48;
}

/** Up to 64 lower-case hexadecimal digits that look random and are the same for the same parts. */
export function stableHex(length: number, ...parts: readonly (string | number)[]): string {
  return digestOf(parts).toString('hex').slice(0, length);
}

/** An upper-case UUID like Alibaba Cloud's request ids, the same for the same parts. */
export function stableUuid(...parts: readonly (string | number)[]): string {
  const hex = stableHex(32, ...parts).toUpperCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The duration in a range at `drawn`, from 0 (`minMs`) to 1 (`maxMs`), in milliseconds. */
export function within({ minMs, maxMs }: DurationRange, drawn: number): number {
  return minMs + (maxMs - minMs) * drawn;
}

function digestOf(parts: readonly (string | number)[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}
