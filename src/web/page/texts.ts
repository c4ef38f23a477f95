// Times, numbers and names as the page shows them.

/** Units of a span, in seconds, from large to small. */
const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** A span in the largest unit of which there are two: `26 s`, `90 s`, `3 min`, `47 h`. The page's script does the same. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const [size, unit] = UNITS.find(([each]) => seconds >= 2 * each) ?? [1, 's'];
  return `${Math.floor(seconds / size)} ${unit}`;
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

const MAX_NAME = 60;

/** A name within a sentence: the end of a long one is more telling than its middle. */
export function shortName(name: string): string {
  const characters = [...name];
  if (characters.length <= MAX_NAME) return name;
  return `${characters.slice(0, MAX_NAME / 2).join('')}…${characters.slice(-MAX_NAME / 2).join('')}`;
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
