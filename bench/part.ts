// What a part of the benchmark is: it measures, and says in rows what it found.

export type BenchOptions = {
  /** How many watched tags to measure with. */
  readonly sizes: readonly number[];
  /** How often to repeat what is averaged. */
  readonly repeats: number;
  /** A peer's command, to be run as `COMMAND N PORT`; serves the series of N tags on /metrics of that port of 127.0.0.1. */
  readonly peer: string | undefined;
  /** Where this program lies as JavaScript, `src` and `bench` side by side: what is measured runs without a loader. */
  readonly compiled: string;
  /** Says what is going on. */
  readonly progress: (text: string) => void;
};

export type Row = Readonly<Record<string, string | number>>;
export type BenchResult = { readonly title: string; readonly rows: readonly Row[]; readonly notes: readonly string[] };

export type BenchPart = { readonly name: string; readonly run: (options: BenchOptions) => Promise<BenchResult> };
