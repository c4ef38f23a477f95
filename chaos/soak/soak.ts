// A run under a usual load: what is asked of the exporter, and what its memory is meanwhile.
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryDirectory } from '../leftovers.ts';
import { type Program, startExporter, startSimulator } from '../processes.ts';
import { createRandom } from '../random.ts';
import { get, MODES, scrape } from '../scraper.ts';
import { isMemory, type Memory } from './memory.ts';
import { MINUTE_COLUMNS, minuteLine, type SoakRecord } from './report.ts';
import { configuration, SECRET_ENV, scenario } from './world.ts';

const SCRAPE_EVERY_S = 5;
const ANSWER_WITHIN_MS = 5_000;

export type SoakOptions = {
  readonly minutes: number;
  readonly seed: number;
  /** The programs' files. */
  readonly exporter: string;
  readonly simulator: string;
  readonly progress: (line: string) => void;
};

export async function runSoak(options: SoakOptions): Promise<SoakRecord> {
  const directory = temporaryDirectory('soak');
  const programs: Program[] = [];
  try {
    const scenarioFile = join(directory.path, 'scenario.yml');
    writeFileSync(scenarioFile, JSON.stringify(scenario()));
    const args = ['--listen-address=127.0.0.1:0', `--scenario=${scenarioFile}`, `--seed=${options.seed}`];
    const simulator = await startSimulator(options.simulator, args, () => undefined);
    programs.push(simulator);
    const soak = new Soak(options, simulator.url, join(directory.path, 'config.yml'));
    programs.push(await soak.start());
    return await soak.run();
  } finally {
    for (const { kill } of programs) await kill();
    directory.remove();
  }
}

class Soak {
  readonly #options: SoakOptions;
  readonly #simulatorUrl: string;
  readonly #configFile: string;
  readonly #random;
  readonly #memory: Memory[] = [];
  readonly #problems: string[] = [];
  #exporter: Program | undefined;
  #series = 0;
  #sampled = 0;

  constructor(options: SoakOptions, simulatorUrl: string, configFile: string) {
    this.#options = options;
    this.#simulatorUrl = simulatorUrl;
    this.#configFile = configFile;
    this.#random = createRandom(options.seed);
  }

  async start(): Promise<Program> {
    this.#writeConfiguration();
    Object.assign(process.env, SECRET_ENV);
    const args = [`--config.file=${this.#configFile}`, '--web.listen-address=127.0.0.1:0'];
    const exporter = await startExporter(this.#options.exporter, args, {
      preload: new URL('memory-probe.mjs', import.meta.url).href,
      onMessage: (message) => {
        if (isMemory(message)) this.#memory.push(message);
      },
    });
    exporter.child.once('exit', (status, signal) => this.#problems.push(`the exporter ended with ${signal ?? status}`));
    this.#exporter = exporter;
    return exporter;
  }

  /** Goes on until the time is over, or until something is wrong. */
  async run(): Promise<SoakRecord> {
    const startedMs = performance.now();
    const { progress, minutes } = this.#options;
    progress(MINUTE_COLUMNS);
    for (let second = SCRAPE_EVERY_S; second <= minutes * 60; second += SCRAPE_EVERY_S) {
      await sleep(Math.max(0, startedMs + second * 1_000 - performance.now()));
      if (this.#problems.length > 0) break;
      try {
        await this.#scrape(second / SCRAPE_EVERY_S);
        if (second % 60 === 0) await this.#endMinute(second / 60);
      } catch (error) {
        this.#problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    const requests = await this.#requests();
    const seconds = (performance.now() - startedMs) / 1_000;
    return { memory: this.#memory, requests, seconds, problems: [...this.#problems] };
  }

  async #scrape(index: number): Promise<void> {
    const mode = MODES[index % MODES.length];
    if (mode === undefined) return;
    const { exposition } = await scrape(this.#program.url, { number: 0, clock: [] }, mode, ANSWER_WITHIN_MS);
    this.#series = exposition.samples.size;
    this.#problems.push(...exposition.mistakes);
  }

  async #endMinute(minute: number): Promise<void> {
    const { url, child } = this.#program;
    for (const path of ['/', '/api/v1/targets']) {
      const { status } = await get(url + path, {}, ANSWER_WITHIN_MS);
      if (status !== 200) this.#problems.push(`${path} is answered with ${status}`);
    }
    const requests = await this.#requests();
    const samples = this.#memory.slice(this.#sampled);
    this.#sampled = this.#memory.length;
    const counts = { fds: openFiles(child.pid), requests, series: this.#series };
    this.#options.progress(minuteLine(minute, samples, counts));
    this.#writeConfiguration();
    child.kill('SIGHUP');
  }

  get #program(): Program {
    if (this.#exporter === undefined) throw new Error('expected a soak that was started');
    return this.#exporter;
  }

  /** How many requests reached the simulator. */
  async #requests(): Promise<number> {
    const { body } = await get(`${this.#simulatorUrl}/_sim/requests?limit=1`, {}, ANSWER_WITHIN_MS);
    const { total }: { readonly total: number } = JSON.parse(body.toString());
    return total;
  }

  /** Never half a file: a new one takes the place of the old one. */
  #writeConfiguration(): void {
    writeFileSync(`${this.#configFile}.new`, JSON.stringify(configuration(this.#simulatorUrl, this.#random)));
    renameSync(`${this.#configFile}.new`, this.#configFile);
  }
}

/** How many files and sockets a process has open; undefined where the system does not show it. */
function openFiles(pid: number | undefined): number | undefined {
  const directory = `/proc/${pid}/fd`;
  return existsSync(directory) ? readdirSync(directory).length : undefined;
}
