// Copies of the Prometheus rules with other durations, thresholds or links.
import { formatDuration, parseDuration } from '../../src/util/duration.ts';

/** The runbook that the alerts link to. */
export const RUNBOOK_URL = 'https://github.com/acr-scan-exporter/acr-scan-exporter/blob/main/docs/runbook.md';

const COMMENT_LINE = /^\s*#/;
const DURATION = /\b\d+(?:ms|[smhd])\b/g;
const HIGH_SEVERITY = /^(.*acr_scan_vulnerabilities\{severity="high"\}\[1h\]\)\) > )\d+$/m;
const SECONDS = /\d+(?=\)* # seconds$)/;

/**
 * Multiplies every duration of the rules: durations with a unit (`30m`), also in texts, and numbers at the end of a PromQL line with the comment
 * `# seconds`. Comment lines do not change.
 */
export function scaleDurations(rules: string, scale: number): string {
  const scaleLine = (line: string) =>
    line
      .replace(DURATION, (duration) => formatDuration(scaled(parseDuration(duration) ?? 0, scale)))
      .replace(SECONDS, (seconds) => String(scaled(Number(seconds) * 1_000, scale) / 1_000));
  return rules.replace(/.+/g, (line) => (COMMENT_LINE.test(line) ? line : scaleLine(line)));
}

/** Replaces the runbook that the alerts link to. */
export function replaceRunbook(rules: string, url: string): string {
  return rules.replaceAll(RUNBOOK_URL, url);
}

/** Replaces the number of vulnerabilities of high severity above which AcrHighSeverityVulnerabilities fires. */
export function replaceHighSeverityThreshold(rules: string, threshold: number): string {
  return rules.replace(HIGH_SEVERITY, (_line, before: string) => before + threshold);
}

/** At least one millisecond: Prometheus has no shorter duration. */
function scaled(ms: number, scale: number): number {
  return Math.max(1, Math.round(ms * scale));
}
