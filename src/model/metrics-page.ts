// The page of metrics, which `metrics` renders and `web` sends.

export type ExpositionFormat = 'text' | 'openmetrics';

export type MetricsPage = {
  /** Other scrapes share these buffers: they must not be changed. */
  readonly chunks: readonly Buffer[];
  /** Bytes in all chunks together. */
  readonly length: number;
  readonly contentType: string;
  /** Call it when the chunks have been sent: their memory is reused only after that. */
  readonly done: () => void;
};
