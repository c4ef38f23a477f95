// Says what a run drew, what it checked, and what it found.
import type { Violation } from './laws/law.ts';
import { LAWS } from './laws/laws.ts';
import { time } from './laws/status.ts';
import type { RunRecord } from './record.ts';

const VIOLATIONS_SHOWN = 20;

export type Report = { readonly lines: readonly string[]; readonly violations: number };

/** The laws that a run broke. */
export function breaches(record: RunRecord): { readonly law: string; readonly violations: readonly Violation[] }[] {
  return LAWS.map(({ name, check }) => ({ law: name, violations: check(record).violations })).filter(
    ({ violations }) => violations.length > 0,
  );
}

/** Holds the record of a run to every law. `drawn` is how often each fault and action was. */
export function reportOf(seed: number, drawn: ReadonlyMap<string, number>, record: RunRecord): Report {
  const lines = [...drawn].map(([name, count]) => `drawn ${count} times: ${name}`);
  let total = 0;
  for (const { name, sentence, check } of LAWS) {
    const { checked, violations } = check(record);
    total += violations.length;
    lines.push(`law ${name}: checked ${checked} times, broken ${violations.length} times: ${sentence}`);
    for (const { at, text } of violations.slice(0, VIOLATIONS_SHOWN)) {
      lines.push(`  violation of ${name}, seed ${seed}, at ${time(at)}: ${text}`);
    }
  }
  const { scrapes, requests, lives, calms, configurations } = record;
  lines.push(
    `${scrapes.length} scrapes, ${requests.length} requests, ${lives.length} lives, ${configurations.length} configurations, ${calms.length} calms`,
    `seed ${seed}: ${total === 0 ? 'no violation' : `${total} violations`}`,
  );
  return { lines, violations: total };
}
