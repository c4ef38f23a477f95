// Times, numbers and names as the page shows them.

/** The steps of a relative time, from large to small, in seconds. */
const STEPS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** A span in its two largest units: `3 min 20 s`, `2 d 4 h`. The page's script does the same. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const first = STEPS.findIndex(([size]) => seconds >= size);
  if (first < 0) return '0 s';
  const [size, unit] = STEPS[first] ?? [1, 's'];
  const [nextSize, nextUnit] = STEPS[first + 1] ?? [1, ''];
  const rest = Math.floor((seconds % size) / nextSize);
  const head = `${Math.floor(seconds / size)} ${unit}`;
  return rest === 0 || nextUnit === '' ? head : `${head} ${rest} ${nextUnit}`;
}

/** A rate with three digits: `5`, `0.25`, `3.33`. */
export function rateText(rate: number): string {
  return String(Number(rate.toPrecision(3)));
}

/** A status without underscores: `not scanned`. */
export function statusText(status: string): string {
  return status.replaceAll('_', ' ');
}

/** The first 12 digits of a digest, without the name of its algorithm. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
