// Types for the parts of Grafana's dashboard JSON that the dashboards use.

export type Threshold = { readonly color: string; readonly value: number | null };
export type Thresholds = { readonly mode: 'absolute'; readonly steps: readonly Threshold[] };
export type DataLink = { readonly title: string; readonly url: string; readonly targetBlank?: boolean };
export type Mapping = Readonly<Record<string, unknown>>;

export type FieldConfig = {
  readonly unit?: string;
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  readonly noValue?: string;
  readonly color?: { readonly mode: string; readonly fixedColor?: string };
  readonly thresholds?: Thresholds;
  readonly mappings?: readonly Mapping[];
  readonly links?: readonly DataLink[];
  readonly custom?: Readonly<Record<string, unknown>>;
};

export type Override = {
  readonly matcher: { readonly id: 'byName' | 'byRegexp'; readonly options: string };
  readonly properties: readonly { readonly id: string; readonly value: unknown }[];
};

export type Target = {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly range?: boolean;
  readonly format?: 'time_series' | 'table';
};

export type Transformation = { readonly id: string; readonly options: Readonly<Record<string, unknown>> };

/** A panel without a position: `w` of 24 columns, `h` rows of 38 pixels. */
export type Panel = {
  readonly type: 'stat' | 'timeseries' | 'table' | 'bargauge';
  readonly title: string;
  readonly description: string;
  readonly w: number;
  readonly h: number;
  readonly targets: readonly Target[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly fieldConfig: { readonly defaults: FieldConfig; readonly overrides: readonly Override[] };
  readonly transformations?: readonly Transformation[];
  /** The shortest step between points. `$__rate_interval` depends on it. */
  readonly interval?: string;
};

/** Panels under a heading; those on the first screen have none. Each row is filled from the left. */
export type Section = {
  readonly title?: string;
  /** Whether only the heading is shown until somebody opens it. */
  readonly isCollapsed?: boolean;
  readonly rows: readonly (readonly Panel[])[];
};

export type Dashboard = {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** The links at the top. */
  readonly links: readonly { readonly title: string; readonly tooltip: string; readonly url: string }[];
  readonly sections: readonly Section[];
};
