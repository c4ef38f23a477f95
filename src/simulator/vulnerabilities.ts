// How many vulnerabilities a scan finds: drawn from ranges for each image, or as a scenario says.
import type { Draw } from './random.ts';

export const SEVERITIES = ['high', 'medium', 'low', 'unknown'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** How many of each severity a scan found. */
export type Findings = Readonly<Record<Severity, number>>;

export const NO_FINDINGS: Findings = { high: 0, medium: 0, low: 0, unknown: 0 };

/** Whole numbers from `min` to `max`, both included. */
export type TagLimit = { readonly min: number; readonly max: number };

/** What scans find: `vulnerabilities` in the `scan` section of a scenario. */
export type FindingRanges = Readonly<Record<Severity, TagLimit>> & {
  /** The share of images in which a scan finds nothing. */
  readonly clean_share: number;
};

/** The findings for an image; `draw` is the image's own. */
export function drawFindings(ranges: FindingRanges, draw: Draw): Findings {
  if (draw('clean') < ranges.clean_share) return NO_FINDINGS;
  const count = (severity: Severity) => {
    const { min, max } = ranges[severity];
    return min + Math.floor(draw(severity) * (max - min + 1));
  };
  return { high: count('high'), medium: count('medium'), low: count('low'), unknown: count('unknown') };
}
