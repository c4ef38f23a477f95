// Colours, thresholds and value mappings that all panels share.
import type { Mapping, Override, Threshold, Thresholds } from './model.ts';

/** Dark enough for white letters, also in the dark theme. */
export const GOOD = 'semi-dark-green';
export const WARNING = 'semi-dark-orange';
export const BAD = 'semi-dark-red';
export const STUCK_COLOR = 'semi-dark-purple';
/** For neutral values. */
export const NEUTRAL = 'blue';
const GREY = '#8e8e8e';

const STATUS_COLORS = {
  failed: 'red',
  unknown: GREY,
  not_scanned: 'yellow',
  retrying: 'purple',
  scanning: 'blue',
  complete: 'green',
};
const SEVERITY_COLORS = { high: 'red', medium: 'orange', low: 'yellow', unknown: GREY };

/** Threshold steps: the first colour is for all lower values. */
export function thresholds(base: string, ...steps: readonly (readonly [value: number, color: string])[]): Thresholds {
  const above = steps.map(([value, color]): Threshold => ({ value, color }));
  return { mode: 'absolute', steps: [{ value: null, color: base }, ...above] };
}

/** A fixed colour for the series with this name. */
export function colored(name: string, color: string, ...more: Override['properties']): Override {
  return {
    matcher: { id: 'byName', options: name },
    properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }, ...more],
  };
}

/** The style of series that are limits: dashed and grey. `names` is a regular expression. */
export function limits(names: string): Override {
  return {
    matcher: { id: 'byRegexp', options: names },
    properties: [
      { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 8] } },
      { id: 'custom.fillOpacity', value: 0 },
      { id: 'color', value: { mode: 'fixed', fixedColor: GREY } },
    ],
  };
}

export const STATUS_OVERRIDES = Object.entries(STATUS_COLORS).map(([name, color]) => colored(name, color));
export const SEVERITY_OVERRIDES = Object.entries(SEVERITY_COLORS).map(([name, color]) => colored(name, color));
export const QUANTILE_OVERRIDES = [colored('p99', 'red'), colored('p90', 'orange'), colored('p50', 'blue')];

/** Words instead of single values. */
export function words(texts: Readonly<Record<string, readonly [text: string, color: string]>>): Mapping {
  const options = Object.entries(texts).map(([value, [text, color]], index) => [value, { text, color, index }]);
  return { type: 'value', options: Object.fromEntries(options) };
}

/** A word for a missing value, which must not be green. */
export function wordForNothing(text: string, color = GREY): Mapping {
  return { type: 'special', options: { match: 'null+nan', result: { text, color, index: 99 } } };
}

/** A word instead of values within a range. */
export function wordBetween(from: number, to: number, text: string, color: string): Mapping {
  return { type: 'range', options: { from, to, result: { text, color, index: 9 } } };
}
