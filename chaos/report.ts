// The report of a run: what was drawn, what was checked, and what was found.
import type { Checker, Tally } from './checker.ts';
import { samplesOf } from './exposition.ts';
import type { Violation } from './laws/law.ts';
import { lawsFor } from './laws/laws.ts';
import { time } from './laws/tags.ts';
import type { RunRecord } from './record.ts';

export function violationLine(seed: number, law: string, { at, text }: Violation): string {
  return `violation of ${law}, seed ${seed}, at ${time(at)}: ${text}`;
}

/** The totals of a run so far, in one line. */
export function progressOf(
  { scrapes, lives }: RunRecord,
  drawn: ReadonlyMap<string, number>,
  { tallies, requests, broken, longest, excused }: Checker,
  rounds: number,
): string {
  const draws = [...drawn.values()].reduce((sum, count) => sum + count, 0);
  const checked = (law: string) => tallies.get(law)?.checked ?? 0;
  const last = scrapes.at(-1);
  const [resident] = last === undefined ? [] : samplesOf(last.exposition, 'process_resident_memory_bytes');
  return [
    `${rounds} rounds`,
    `${draws} draws`,
    `${checked('text')} scrapes`,
    `${requests} requests`,
    `${checked('reload')} reloads`,
    `${(lives.at(-1)?.number ?? 0) + 1} lives`,
    `${broken} violations`,
    `resident memory of the checker ${mebibytes(process.memoryUsage().rss)} and of the exporter ${mebibytes(resident?.[1] ?? 0)}`,
    `${Math.round((100 * excused.ms) / Math.max(1, excused.ofMs))} % of the time excused`,
    `longest check ${Math.round(longest.ms)} ms (${longest.law})`,
  ].join(', ');
}

/** A run of so many minutes has had the time to check every law. */
const CHECKS_ALL_FROM_MINUTES = 5;

/**
 * What the checks of a run found.
 *
 * @param drawn how often each fault and action was
 * @returns the report, and whether the run failed: a law was broken, or a run that was long enough for it never checked one
 */
export function reportOf(
  { seed, minutes, members = 1 }: { readonly seed: number; readonly minutes: number; readonly members?: number },
  drawn: ReadonlyMap<string, number>,
  tallies: ReadonlyMap<string, Tally>,
): { readonly lines: readonly string[]; readonly hasFailed: boolean } {
  const lines = [...drawn].map(([name, count]) => `drawn ${count} times: ${name}`);
  const [fewest] = [...drawn].sort(([, one], [, other]) => one - other);
  if (fewest !== undefined) lines.push(`fewest draws: ${fewest[1]}, of: ${fewest[0]}`);
  let total = 0;
  const laws = lawsFor(members);
  for (const { name, sentence } of laws) {
    const { checked = 0, broken = 0, violations = [] } = tallies.get(name) ?? {};
    total += broken;
    lines.push(`law ${name}: checked ${checked} times, broken ${broken} times: ${sentence}`);
    for (const violation of violations) lines.push(`  ${violationLine(seed, name, violation)}`);
  }
  const unchecked = laws.filter(({ name }) => (tallies.get(name)?.checked ?? 0) === 0).map(({ name }) => name);
  const hasMissed = unchecked.length > 0 && minutes >= CHECKS_ALL_FROM_MINUTES;
  if (unchecked.length > 0) {
    const failure = hasMissed ? `, which is a failure in a run of ${CHECKS_ALL_FROM_MINUTES} minutes or more` : '';
    lines.push(`never checked: ${unchecked.join(', ')}${failure}`);
  }
  lines.push(`seed ${seed}: ${total === 0 ? 'no violation' : `${total} violations`}`);
  return { lines, hasFailed: total > 0 || hasMissed };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
