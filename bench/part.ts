// A part of the benchmark: it measures, and gives rows of a table.

export type BenchOptions = {
  /** The numbers of watched tags to measure with. */
  readonly sizes: readonly number[];
  /** How often to repeat measurements that are averaged. */
  readonly repeats: number;
  /** The command of another server, run as `COMMAND N PORT`. It serves the series of N tags on /metrics at this port of 127.0.0.1. */
  readonly peer: string | undefined;
  /** The directory with the compiled `src` and `bench`: measured processes run without a loader. */
  readonly compiled: string;
  /** Prints the progress. */
  readonly progress: (text: string) => void;
};

export type Row = Readonly<Record<string, string | number>>;
export type BenchResult = { readonly title: string; readonly rows: readonly Row[]; readonly notes: readonly string[] };

export type BenchPart = { readonly name: string; readonly run: (options: BenchOptions) => Promise<BenchResult> };
