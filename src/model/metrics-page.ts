// The page of metrics, which `metrics` renders and `web` sends.

export type ExpositionFormat = 'text' | 'openmetrics';

/** A part of the page. */
export type PageSelection = {
  /** Only families with these names; undefined for all. */
  readonly names: ReadonlySet<string> | undefined;
  /** Only series of these instances, and none without the label `instance_id`; undefined for all. */
  readonly instanceIds: ReadonlySet<string> | undefined;
};

export const WHOLE_PAGE: PageSelection = { names: undefined, instanceIds: undefined };

export type MetricsPage = {
  /** Other scrapes share these buffers: they must not be changed. */
  readonly chunks: readonly Buffer[];
  /** Bytes in all chunks together. */
  readonly length: number;
  readonly contentType: string;
  /** Call it when the chunks have been sent: their memory is reused only after that. */
  readonly done: () => void;
};
