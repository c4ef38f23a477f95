// Says what came of a target.
import type { Target } from './target.ts';
import type { ThreadReport } from './thread-messages.ts';

const MAX_SHOWN_LENGTH = 2_000;

export function linesOf({ name }: Target, report: ThreadReport): string[] {
  const { inputs, seconds, slowestMs, outcomes, finding } = report;
  const rate = seconds > 0 ? Math.round(inputs / seconds) : 0;
  const parts = Object.entries(outcomes)
    .sort(([, one], [, other]) => other - one)
    .map(([outcome, count]) => `${outcome} ${((100 * count) / inputs).toFixed(1)} %`);
  const lines = [
    `${name}: ${inputs} inputs, ${rate} a second, slowest ${slowestMs.toFixed(1)} ms: ${parts.join(', ')}`,
  ];
  if (finding === undefined) return lines;
  return [
    ...lines,
    `  FOUND by ${name}; to repeat it: npm run fuzz -- --only=${name} --seed=${finding.seed}`,
    `  input: ${finding.input.slice(0, MAX_SHOWN_LENGTH)}`,
    `  ${finding.reason.slice(0, MAX_SHOWN_LENGTH)}`,
  ];
}
