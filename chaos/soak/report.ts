// What a soak comes to.
import { type Memory, mean, mebibytes, median } from './memory.ts';
import { RATE } from './world.ts';

/** How much resident memory may differ from one quarter of the run to the next. */
const MAX_DIFFERENCE = 0.02;
/**
 * Of what the rate allows, how much has to be used: with less there was no load to speak of. That it is 97 % on a machine with time for it is
 * for the timing tests; a soak runs beside other work.
 */
const MIN_USE = 0.9;
/** By how many requests the rate may be exceeded. */
const BURST = 2;

export type SoakRecord = {
  /** One a second. */
  readonly memory: readonly Memory[];
  readonly requests: number;
  readonly seconds: number;
  /** What went wrong on the way. */
  readonly problems: readonly string[];
};

export type SoakReport = { readonly lines: readonly string[]; readonly problems: readonly string[] };

export function reportOf({ memory, requests, seconds, problems: before }: SoakRecord): SoakReport {
  const rss = memory.map((sample) => sample.rss);
  const quarter = Math.floor(rss.length / 4);
  const third = rss.slice(-2 * quarter, -quarter);
  const last = rss.slice(-quarter);
  const ratio = median(last) / median(third);
  const allowed = RATE * seconds;
  const problems = [...before];
  if (!(Math.abs(ratio - 1) <= MAX_DIFFERENCE)) {
    problems.push(
      `expected resident memory in the last quarter within ${100 * MAX_DIFFERENCE} % of the quarter before, found ${signedPercent(ratio - 1)}`,
    );
  }
  if (requests < MIN_USE * allowed || requests > allowed + BURST) {
    problems.push(
      `expected ${Math.ceil(MIN_USE * allowed)} to ${Math.floor(allowed + BURST)} requests, found ${requests}`,
    );
  }
  const quarterLine = (name: string, values: readonly number[]) =>
    `resident memory in ${name}: median ${mebibytes(median(values))} MiB, mean ${mebibytes(mean(values))} MiB`;
  return {
    lines: [
      quarterLine('the third quarter', third),
      quarterLine('the last quarter', last),
      `from one to the other: median ${signedPercent(ratio - 1)}, mean ${signedPercent(mean(last) / mean(third) - 1)}`,
      `${requests} requests in ${seconds.toFixed(1)} s: ${((100 * requests) / allowed).toFixed(2)} % of ${RATE} a second`,
      ...problems.map((problem) => `problem: ${problem}`),
    ],
    problems,
  };
}

/** A line for each minute: what its samples come to, and what was counted at its end. */
export const MINUTE_COLUMNS =
  'minute   rss median     rss mean   heap least   heap total     external   fds   requests   series';

export function minuteLine(
  minute: number,
  samples: readonly Memory[],
  counts: { readonly fds: number | undefined; readonly requests: number; readonly series: number },
): string {
  const of = (field: keyof Memory) => samples.map((sample) => sample[field]);
  const sizes = [
    median(of('rss')),
    mean(of('rss')),
    // What is left when garbage has just been collected.
    Math.min(...of('heapUsed')),
    median(of('heapTotal')),
    median(of('external')),
  ];
  return [
    String(minute).padStart(6),
    ...sizes.map((size) => `${mebibytes(size)} MiB`.padStart(13)),
    String(counts.fds ?? '-').padStart(6),
    String(counts.requests).padStart(11),
    String(counts.series).padStart(9),
  ].join('');
}

function signedPercent(share: number): string {
  return `${share < 0 ? '' : '+'}${(100 * share).toFixed(2)} %`;
}
