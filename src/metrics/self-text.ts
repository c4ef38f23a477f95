// Writes what prom-client counted, in either format. Its own registry knows one format at a time and renames counters for good when
// that is OpenMetrics, so two scrapes in different formats would spoil each other.

import type { ExpositionFormat } from '../model/metrics-page.ts';
import { metadataName } from './self-families.ts';
import { formatLabels, formatMetadata } from './text.ts';

/** A metric as prom-client's `get()` gives it. */
export type CollectedFamily = {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values: readonly CollectedSample[];
};

export type CollectedSample = {
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly value: number;
  /** Where it is not the family's: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string | undefined;
};

/** Metadata and samples of families. What is not a number is not known and left out, and so is a family without samples. */
export function renderFamilies(families: readonly CollectedFamily[], format: ExpositionFormat): string {
  return withoutIdleLag(families)
    .map((family) => renderFamily(family, format))
    .join('');
}

function renderFamily({ name, help, type, values }: CollectedFamily, format: ExpositionFormat): string {
  const known = values.filter(({ value }) => Number.isFinite(value));
  if (known.length === 0) return '';
  const samples = known.map(({ labels, value, metricName = name }) => {
    const text = formatLabels(labelsInOrder(labels, format));
    return `${metricName}${text && `{${text}}`} ${value}\n`;
  });
  const kind = String(type);
  return formatMetadata(metadataName(name, kind, format), kind, help, format) + samples.join('');
}

/** `le` last, as everybody else writes it, and in OpenMetrics always with a point: `1.0`. */
function labelsInOrder(labels: CollectedSample['labels'], format: ExpositionFormat): Record<string, string> {
  const { le, ...rest } = labels;
  const ordered: Record<string, string> = {};
  for (const [name, value] of Object.entries(rest)) ordered[name] = String(value);
  if (le !== undefined) ordered.le = format === 'openmetrics' && Number.isInteger(le) ? `${le}.0` : String(le);
  return ordered;
}

/** What prom-client tells of the event loop since the scrape before; when that was just now, it has seen nothing and tells nonsense. */
function withoutIdleLag(families: readonly CollectedFamily[]): readonly CollectedFamily[] {
  const mean = families.find(({ name }) => name === 'nodejs_eventloop_lag_mean_seconds');
  if (!mean?.values.some(({ value }) => Number.isNaN(value))) return families;
  return families.filter(({ name }) => !/^nodejs_eventloop_lag_(?!seconds$)/.test(name));
}
