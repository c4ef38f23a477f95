// Copies of the Prometheus rules with other durations or links.
import { formatDuration, parseDuration } from '../../src/util/duration.ts';

/** Where the shipped alerts link to. */
export const RUNBOOK_URL = 'https://github.com/acr-scan-exporter/acr-scan-exporter/blob/main/docs/runbook.md';

const COMMENT_LINE = /^\s*#/;
const DURATION = /\b\d+(?:ms|[smhd])\b/g;
const SECONDS = /\d+(?=\)* # seconds$)/;

/**
 * Multiplies every duration of the rules: those that are written with a unit (`30m`), also in texts, and numbers at the end of a line of
 * PromQL that has the comment `# seconds`. Lines that are comments stay.
 */
export function scaleDurations(rules: string, scale: number): string {
  const scaleLine = (line: string) =>
    line
      .replace(DURATION, (duration) => formatDuration(scaled(parseDuration(duration) ?? 0, scale)))
      .replace(SECONDS, (seconds) => String(scaled(Number(seconds) * 1_000, scale) / 1_000));
  return rules.replace(/.+/g, (line) => (COMMENT_LINE.test(line) ? line : scaleLine(line)));
}

/** Makes the alerts link to another page than the project's runbook. */
export function replaceRunbook(rules: string, url: string): string {
  return rules.replaceAll(RUNBOOK_URL, url);
}

/** Milliseconds, whole and never none: Prometheus knows nothing shorter. */
function scaled(ms: number, scale: number): number {
  return Math.max(1, Math.round(ms * scale));
}
