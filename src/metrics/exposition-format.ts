// The exposition format: text format 0.0.4 and OpenMetrics 1.0.0, and where they differ.
import type { ExpositionFormat } from '../model/metrics-page.ts';

/** The `Content-Type` of a page in each format. */
export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * What must be escaped in a label value: `\`, `"`, newline, half a surrogate pair, which UTF-8 cannot encode, and a U+FFFD that looks like
 * an escaped half.
 */
const SPECIAL = /[\\"\n]|\p{Surrogate}|\ufffd(?=d[89a-f][\da-f]{2}|fffd)/u;
const EVERY_SPECIAL = new RegExp(SPECIAL, 'gu');

/**
 * A label value as both formats write it between quotes. All other characters, also control characters, stay as they are: the formats
 * allow them, and a replacement could make two series the same.
 */
export function escapeLabelValue(value: string): string {
  return SPECIAL.test(value) ? value.replace(EVERY_SPECIAL, escapeCharacter) : value;
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\\' || character === '"') return `\\${character}`;
  // With its code, so that two names that differ only here stay different.
  return `\ufffd${character.charCodeAt(0).toString(16)}`;
}

/** Labels as `name="value"`, joined by commas. */
export function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabelValue(value)}"`)
    .join(',');
}

/** The `HELP` and `TYPE` lines of a family. In OpenMetrics the `_total` of a counter belongs to its sample, not to the family's name. */
export function formatMetadata(name: string, type: string, help: string, format: ExpositionFormat): string {
  const familyName = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  const escaped = format === 'openmetrics' ? text.replaceAll('"', '\\"') : text;
  return `# HELP ${familyName} ${escaped}\n# TYPE ${familyName} ${type}\n`;
}

/** A wall-clock time in milliseconds as seconds, to the millisecond. Its length does not vary for present-day times. */
export function formatTimestamp(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** A metric as prom-client's `get()` returns it. */
export type CollectedFamily = {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values: readonly CollectedSample[];
};

export type CollectedSample = {
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly value: number;
  /** If it is not the family's: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string | undefined;
};

/**
 * Metadata and samples of a family of prom-client; empty for a family without samples. Samples that are not a number are left out.
 *
 * prom-client's own registry writes one format at a time and renames counters for good when that is OpenMetrics, so two scrapes in
 * different formats would disturb each other.
 */
export function formatCollected({ name, help, type, values }: CollectedFamily, format: ExpositionFormat): string {
  const known = values.filter(({ value }) => Number.isFinite(value));
  if (known.length === 0) return '';
  const samples = known.map(({ labels, value, metricName = name }) => {
    const text = formatLabels(orderLabels(labels, format));
    return `${metricName}${text && `{${text}}`} ${value}\n`;
  });
  return formatMetadata(name, String(type), help, format) + samples.join('');
}

/** `le` last, as is usual, and in OpenMetrics always with a decimal point: `1.0`. */
function orderLabels(labels: CollectedSample['labels'], format: ExpositionFormat): Record<string, string> {
  const { le, ...rest } = labels;
  const ordered: Record<string, string> = {};
  for (const [name, value] of Object.entries(rest)) ordered[name] = String(value);
  if (le !== undefined) ordered.le = format === 'openmetrics' && Number.isInteger(le) ? `${le}.0` : String(le);
  return ordered;
}
