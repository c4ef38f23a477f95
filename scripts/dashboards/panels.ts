// Builders of panels. The dashboards say what a panel shows; here is how each type of panel looks.
import type { DataLink, FieldConfig, Mapping, Override, Panel, Target, Thresholds, Transformation } from './model.ts';
import { NEUTRAL, thresholds, wordForNothing } from './palette.ts';

type Common = {
  readonly title: string;
  readonly description: string;
  readonly w: number;
  readonly h: number;
  readonly unit: string;
  readonly decimals?: number;
  readonly noValue?: string;
  readonly links?: readonly DataLink[];
  readonly overrides?: readonly Override[];
};

type StatInput = Omit<Common, 'w' | 'h' | 'noValue' | 'overrides'> & {
  readonly w?: number;
  readonly h?: number;
  /** One expression, or several by name. */
  readonly expr: string | Readonly<Record<string, string>>;
  readonly steps?: Thresholds;
  readonly mappings?: readonly Mapping[];
  /** The size of the number in pixels, if it should be smaller than the panel. */
  readonly valueSize?: number;
  /** The mapping for a missing value; a grey dash by default. */
  readonly nothing?: Mapping;
};

/** The present value of a number. It is an instant query, so that a value from before an outage is not shown as the present one. */
export function stat(input: StatInput): Panel {
  const { w = 3, h = 4, expr, steps = thresholds(NEUTRAL), mappings = [], nothing = wordForNothing('–') } = input;
  const isOne = typeof expr === 'string';
  const targets = isOne
    ? [instant('A', expr)]
    : Object.entries(expr).map(([name, each], index) => ({ ...instant(letter(index), each), legendFormat: name }));
  return {
    type: 'stat',
    ...placeOf({ ...input, w, h }),
    targets,
    options: {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      colorMode: isOne && steps.steps.length + mappings.length > 1 ? 'background_solid' : 'value',
      graphMode: 'none',
      justifyMode: 'center',
      orientation: isOne ? 'auto' : 'horizontal',
      textMode: isOne ? 'value' : 'value_and_name',
      wideLayout: false,
      ...(input.valueSize === undefined ? {} : { text: { valueSize: input.valueSize } }),
    },
    fieldConfig: {
      defaults: {
        ...fieldOf(input),
        color: { mode: 'thresholds' },
        thresholds: steps,
        mappings: [...mappings, nothing],
      },
      overrides: [],
    },
  };
}

type TimeSeriesInput = Common & {
  /** Expressions by the legend of their series, which may contain labels: `{{status}}`. */
  readonly series: Readonly<Record<string, string>>;
  readonly look?: 'lines' | 'stacked' | 'bars' | 'steps';
  readonly legend?: 'right' | 'bottom';
  /** A horizontal line at the value that is a problem. */
  readonly limit?: number;
  readonly min?: number;
  readonly max?: number;
  readonly interval?: string;
  /** Lines bridge gaps of up to this many milliseconds. */
  readonly spanNulls?: number;
};

/** Values over time. */
export function timeSeries(input: TimeSeriesInput): Panel {
  const { series, look = 'lines', legend = 'bottom', limit, min = 0, max, interval, overrides = [] } = input;
  return {
    type: 'timeseries',
    ...placeOf(input),
    targets: Object.entries(series).map(([name, expr], index) => ({
      refId: letter(index),
      expr,
      legendFormat: name,
      range: true,
    })),
    options: {
      legend: {
        showLegend: true,
        displayMode: 'table',
        placement: legend,
        calcs: legend === 'right' ? ['lastNotNull', 'max'] : ['lastNotNull', 'mean', 'max'],
      },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    fieldConfig: {
      defaults: {
        ...fieldOf(input),
        min,
        ...(max === undefined ? {} : { max }),
        color: { mode: 'palette-classic' },
        thresholds: limit === undefined ? thresholds('green') : thresholds('transparent', [limit, 'red']),
        custom: {
          ...LOOKS[look],
          spanNulls: input.spanNulls ?? false,
          thresholdsStyle: { mode: limit === undefined ? 'off' : 'dashed' },
          axisSoftMin: 0,
        },
      },
      overrides,
    },
    ...(interval === undefined ? {} : { interval }),
  };
}

const LINE = { drawStyle: 'line', lineWidth: 2, lineInterpolation: 'linear', showPoints: 'never' };
const LOOKS = {
  lines: { ...LINE, fillOpacity: 8, gradientMode: 'opacity' },
  steps: { ...LINE, fillOpacity: 20, lineInterpolation: 'stepAfter' },
  stacked: { ...LINE, lineWidth: 1, fillOpacity: 55, stacking: { mode: 'normal', group: 'A' } },
  bars: {
    drawStyle: 'bars',
    lineWidth: 0,
    fillOpacity: 85,
    showPoints: 'never',
    stacking: { mode: 'normal', group: 'A' },
  },
};

type BarGaugeInput = Common & {
  readonly expr: string;
  readonly name: string;
  readonly steps: Thresholds;
};

/** The largest values, as bars. */
export function barGauge(input: BarGaugeInput): Panel {
  return {
    type: 'bargauge',
    ...placeOf(input),
    targets: [{ ...instant('A', input.expr), legendFormat: input.name }],
    options: {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      displayMode: 'gradient',
      orientation: 'horizontal',
      namePlacement: 'left',
      valueMode: 'color',
      showUnfilled: true,
      sizing: 'auto',
      minVizHeight: 16,
      minVizWidth: 8,
      maxVizHeight: 28,
    },
    fieldConfig: {
      defaults: { ...fieldOf(input), min: 0, color: { mode: 'thresholds' }, thresholds: input.steps },
      overrides: input.overrides ?? [],
    },
  };
}

const EMPTY_CELL = ' ';

/** A column of a table: the name of the field, the heading, and its options. */
export type Column = {
  readonly field: string;
  readonly heading: string;
  readonly width?: number;
  /** The unit of a number. Text has none: text that looks like a number would be formatted as one. */
  readonly unit?: string;
  readonly properties?: Override['properties'];
};

type TableInput = Omit<Common, 'unit' | 'overrides'> & {
  /** One expression whose value is the field `Value`, or several whose values are `Value #A`, `Value #B`, … */
  readonly exprs: readonly string[];
  readonly columns: readonly Column[];
  readonly sortBy: string;
};

/** The present labels and values, with a row for each set of labels. Only the given columns are shown, in this order. */
export function table(input: TableInput): Panel {
  const { exprs, columns, sortBy } = input;
  return {
    type: 'table',
    ...placeOf(input),
    targets: exprs.map((expr, index) => ({ ...instant(letter(index), expr), format: 'table' })),
    options: { showHeader: true, cellHeight: 'sm', sortBy: [{ displayName: sortBy, desc: true }] },
    fieldConfig: {
      defaults: {
        ...fieldOf({ ...input, unit: 'string' }),
        color: { mode: 'thresholds' },
        thresholds: thresholds('transparent'),
        custom: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
      },
      overrides: columns.map(columnOverride),
    },
    transformations: [...(exprs.length > 1 ? [{ id: 'merge', options: {} }] : []), onlyColumns(columns)],
  };
}

function onlyColumns(columns: readonly Column[]): Transformation {
  const names = columns.map(({ field }) => field);
  return {
    id: 'organize',
    options: {
      includeByName: Object.fromEntries(names.map((name) => [name, true])),
      indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
    },
  };
}

function columnOverride({ field, heading, width, unit, properties = [] }: Column): Override {
  return {
    matcher: { id: 'byName', options: field },
    properties: [
      { id: 'displayName', value: heading },
      // The panel's text for no rows must not be in empty cells.
      { id: 'noValue', value: EMPTY_CELL },
      ...(unit === undefined ? [{ id: 'custom.filterable', value: true }] : [{ id: 'unit', value: unit }]),
      ...(width === undefined ? [] : [{ id: 'custom.width', value: width }]),
      ...properties,
    ],
  };
}

/** The parts that all panels have. */
function placeOf({ title, description, w, h }: Pick<Common, 'title' | 'description' | 'w' | 'h'>) {
  return { title, description, w, h };
}

function fieldOf({
  unit,
  decimals,
  noValue,
  links = [],
}: Pick<Common, 'unit' | 'decimals' | 'noValue' | 'links'>): FieldConfig {
  return {
    unit,
    ...(decimals === undefined ? {} : { decimals }),
    ...(noValue === undefined ? {} : { noValue }),
    ...(links.length === 0 ? {} : { links }),
  };
}

function instant(refId: string, expr: string): Target {
  return { refId, expr, instant: true, range: false };
}

function letter(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}
