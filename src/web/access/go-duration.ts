// Durations in the format of Go: `1.5s`, `1m30s`, `100us`. The unit of Prometheus for days is also understood.

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/g;
const DURATION = new RegExp(`^(${PART.source})+$`);

/** Go counts nanoseconds in 64 bits. */
const MAX_MS = 2 ** 63 / 1e6;

/** The milliseconds of a duration such as `1m30s` or `1.5s`, or of `0`, which needs no unit; undefined for any other text. */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!DURATION.test(text)) return undefined;
  let sumMs = 0;
  for (const [, count = '', unit = ''] of text.matchAll(PART)) sumMs += Number(count) * (UNITS_MS[unit] ?? 0);
  return sumMs < MAX_MS ? sumMs : undefined;
}
