// The exposition format, letter by letter: what text format 0.0.4 and OpenMetrics 1.0.0 have in common, and where they differ.
import type { ExpositionFormat } from '../model/metrics-page.ts';

/** The `Content-Type` of a page in each format. */
export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * What may not stand between the quotes of a label value: `\`, `"`, newline, half a surrogate pair, which UTF-8 cannot write, and a U+FFFD that
 * would pass for what such a half is written as.
 */
const SPECIAL = /[\\"\n]|\p{Surrogate}|\ufffd(?=d[89a-f][\da-f]{2}|fffd)/u;
const EVERY_SPECIAL = new RegExp(SPECIAL, 'gu');

/**
 * A label value as both formats write it between its quotes. All else, control characters included, stands as it is: the formats
 * allow it, and any replacement could make one series of two.
 */
export function escapeLabelValue(value: string): string {
  return SPECIAL.test(value) ? value.replace(EVERY_SPECIAL, escapeCharacter) : value;
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\\' || character === '"') return `\\${character}`;
  // Two names that differ only here stay two.
  return `\ufffd${character.charCodeAt(0).toString(16)}`;
}

/** Labels as `name="value"`, joined by commas. */
export function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabelValue(value)}"`)
    .join(',');
}

/** The `HELP` and `TYPE` lines of a family. `name` is the family's: in OpenMetrics a counter's has no `_total`. */
export function formatMetadata(name: string, type: string, help: string, format: ExpositionFormat): string {
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  const escaped = format === 'openmetrics' ? text.replaceAll('"', '\\"') : text;
  return `# HELP ${name} ${escaped}\n# TYPE ${name} ${type}\n`;
}

/** A wall-clock time in milliseconds as seconds, to the millisecond. Its width never varies in our time. */
export function formatTimestamp(ms: number): string {
  return (ms / 1000).toFixed(3);
}
