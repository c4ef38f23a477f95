// What the configuration files of a run allow: the rate and the number of requests under way, and from when to when.
import type { Configuration } from './record.ts';

type Limits = Pick<Configuration, 'toldAt' | 'inForceAt' | 'rate' | 'maxConcurrent'>;

/** The most that may be under way when a request starts: between two files what either allows. `at` is in milliseconds since the epoch. */
export function maxConcurrentAt(configurations: readonly Limits[], at: number): number {
  return Math.max(...inForce(configurations, at).map(({ maxConcurrent }) => maxConcurrent));
}

/**
 * How many requests the rate allows from the first file on, as a function of the time in milliseconds since the epoch: what it allows in a
 * window is the difference between its end and its begin. While one file takes the place of another, the higher rate counts.
 */
export function allowance(configurations: readonly Limits[]): (at: number) => number {
  const changes = [...new Set(configurations.flatMap(({ toldAt, inForceAt }) => [toldAt, inForceAt]))]
    .filter((at) => Number.isFinite(at))
    .sort((one, other) => one - other);
  let sum = 0;
  const steps = changes.map((at, index) => {
    const step = { at, sum, rate: Math.max(...inForce(configurations, at).map(({ rate }) => rate)) };
    sum += (step.rate * ((changes[index + 1] ?? at) - at)) / 1_000;
    return step;
  });
  return (at) => {
    const step = steps.findLast((each) => each.at <= at) ?? steps[0];
    return step === undefined ? 0 : step.sum + (step.rate * (at - step.at)) / 1_000;
  };
}

/** Longer than two time limits of any file: what was sent under one of before is over. */
const MAX_REQUEST_MS = 10_000;

/** The longest time limit of a request that may be under way between two times. */
export function longestTimeoutMs(configurations: readonly Configuration[], from: number, to: number): number {
  return Math.max(...inForce(configurations, from - MAX_REQUEST_MS, to).map((file) => file.requestTimeoutMs));
}

/** The files that may be in force at a time, or between two: each from when the exporter was told of it until the next one was answered. */
export function inForce<File extends Pick<Configuration, 'toldAt' | 'inForceAt'>>(
  configurations: readonly File[],
  from: number,
  to = from,
): File[] {
  const found = configurations.filter(
    ({ toldAt }, index) => toldAt <= to && from < (configurations[index + 1]?.inForceAt ?? Number.POSITIVE_INFINITY),
  );
  return found.length > 0 ? found : configurations.slice(0, 1);
}
