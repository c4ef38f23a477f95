// A real Prometheus: a plain process with an empty database on a free port of this machine.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { temporaryDirectory } from './exporter.ts';
import { Program } from './program.ts';
import { until } from './until.ts';

/** One series of an instant query's result. */
export type QueryResult = { readonly metric: Readonly<Record<string, string>>; readonly value: number };
/** One series of a range query's result: its values by the moment in milliseconds since 1970. */
export type RangeResult = {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: ReadonlyMap<number, number>;
};
export type ScrapeTarget = { readonly health: string; readonly lastError: string };

type QueryAnswer = {
  readonly data: { readonly result: readonly { metric: Record<string, string>; value: [number, string] }[] };
};
type RangeAnswer = {
  readonly data: {
    readonly result: readonly { metric: Record<string, string>; values: readonly [number, string][] }[];
  };
};
type TargetsAnswer = { readonly data: { readonly activeTargets: readonly ScrapeTarget[] } };

const WARNING = /level=(warn|error)/;

export class Prometheus {
  readonly #program: Program;
  readonly #url: string;

  private constructor(program: Program, url: string) {
    this.#program = program;
    this.#url = url;
  }

  /** Starts to scrape `metricsUrl` once a second, with `access` in the scrape job; resolves when the first scrape is stored. */
  static async start(
    t: ExecutionContext,
    metricsUrl: string,
    access: Readonly<Record<string, unknown>> = {},
  ): Promise<Prometheus> {
    const { protocol, host, pathname } = new URL(metricsUrl);
    const target = { scheme: protocol.slice(0, -1), metrics_path: pathname, static_configs: [{ targets: [host] }] };
    const job = { job_name: 'acr', ...target, ...access };
    const global = { scrape_interval: '1s', scrape_timeout: '1s' };
    return Prometheus.startWith(t, { global, scrape_configs: [job] });
  }

  /** Starts with a configuration; resolves when the first scrape is stored. */
  static async startWith(t: ExecutionContext, config: unknown): Promise<Prometheus> {
    const directory = temporaryDirectory(t);
    const file = join(directory, 'prometheus.yml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(config));
    const program = await Program.start(t, 'prometheus', [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
    ]);
    const address = await program.outputMatch(/msg="Listening on" address=(\S+)/);
    const prometheus = new Prometheus(program, `http://${address}`);
    await until('a first scrape', 30_000, async () => {
      // It listens before it can answer.
      const series = await prometheus.query('up').catch(() => []);
      return series.length > 0 || undefined;
    });
    return prometheus;
  }

  /** Evaluates an expression at a moment (milliseconds since 1970), by default now. */
  async query(expression: string, atMs = Date.now()): Promise<readonly QueryResult[]> {
    const { data } = await this.#get<QueryAnswer>(`query?query=${encodeURIComponent(expression)}&time=${atMs / 1000}`);
    return data.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
  }

  /** Evaluates an expression at each step between two moments (all in milliseconds): of each series the values, by the moment. */
  async range(expression: string, fromMs: number, toMs: number, stepMs: number): Promise<readonly RangeResult[]> {
    const query = new URLSearchParams({
      query: expression,
      start: String(fromMs / 1000),
      end: String(toMs / 1000),
      step: String(stepMs / 1000),
    });
    const { data } = await this.#get<RangeAnswer>(`query_range?${query}`);
    return data.result.map(({ metric, values }) => ({
      metric,
      values: new Map(values.map(([seconds, value]) => [Math.round(seconds * 1000), Number(value)])),
    }));
  }

  /** The names of the alerts that fire now, once for each that does. */
  async firing(): Promise<readonly string[]> {
    const series = await this.query('ALERTS{alertstate="firing"}');
    return series.map(({ metric }) => metric.alertname ?? '').sort();
  }

  /** Evaluates an expression that has exactly one result now, and gives back its value. */
  async value(expression: string): Promise<number> {
    const [result, ...others] = await this.query(expression);
    if (!result || others.length > 0)
      throw new Error(`expected one result of ${expression}, found ${others.length + (result ? 1 : 0)}`);
    return result.value;
  }

  async targets(): Promise<readonly ScrapeTarget[]> {
    const { data } = await this.#get<TargetsAnswer>('targets');
    return data.activeTargets.map(({ health, lastError }) => ({ health, lastError }));
  }

  /** The lines of its log that are warnings or errors. */
  warnings(): readonly string[] {
    return this.#program.stderr.split('\n').filter((line) => WARNING.test(line));
  }

  async #get<Answer>(path: string): Promise<Answer> {
    const response = await fetch(`${this.#url}/api/v1/${path}`);
    if (!response.ok) throw new Error(`Prometheus answers ${path} with ${response.status}: ${await response.text()}`);
    return (await response.json()) as Answer;
  }
}
