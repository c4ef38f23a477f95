// Watches a web configuration file and the certificates that it names, and reloads the settings when they change.
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { ReadFiles } from '../../util/read-files.ts';
import { ConfigError, formatProblem, type Problem } from '../../util/yaml/problems.ts';
import { loadWebSettings } from './load.ts';
import type { WebSettings } from './settings.ts';

/** The files are checked at most this often. */
const CHECK_INTERVAL_MS = 1_000;

type Dependencies = { readonly clock: Pick<Clock, 'monotonic'>; readonly logger: Logger };

export class WebConfigWatcher {
  readonly #file: string;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #logger: Logger;
  #files = new ReadFiles();
  #settings: WebSettings;
  #checkedMs: number;

  /** Reads the file; throws ConfigError with every problem. */
  constructor(file: string, { clock, logger }: Dependencies) {
    this.#file = file;
    this.#clock = clock;
    this.#logger = logger;
    this.#settings = loadWebSettings(file, this.#files);
    this.#checkedMs = clock.monotonic();
  }

  /** The last good settings. A change is another object. */
  get settings(): WebSettings {
    return this.#settings;
  }

  /** Checks, at most once a second, whether the files have changed, and applies good settings. */
  check(): void {
    if (this.#clock.monotonic() - this.#checkedMs >= CHECK_INTERVAL_MS) this.checkNow();
  }

  /** Checks now. Takes one system call for each file. */
  checkNow(): void {
    this.#checkedMs = this.#clock.monotonic();
    if (this.#files.areUntouched()) return;
    const before = this.#files;
    this.#files = new ReadFiles(before);
    const { settings, problems } = this.#load(this.#files);
    if (this.#files.equals(before)) return;
    for (const problem of problems) {
      this.#logger.error('web configuration not reloaded, the last good one stays in force', {
        problem: formatProblem(problem),
      });
    }
    if (settings) this.#apply(settings);
  }

  #load(files: ReadFiles): { settings?: WebSettings; problems: readonly Problem[] } {
    try {
      const settings = loadWebSettings(this.#file, files);
      // A program that overwrites a file truncates it first, and an empty file would open access.
      if (files.read(this.#file).toString().trim() !== '') return { settings, problems: [] };
      const place = { file: this.#file, line: 1, column: 1, path: 'document' };
      return {
        problems: [{ ...place, expected: 'something ({} for nothing) while the program runs', found: 'nothing' }],
      };
    } catch (error) {
      if (error instanceof ConfigError) return { problems: error.problems };
      throw error;
    }
  }

  #apply(settings: WebSettings): void {
    const { tls } = this.#settings;
    const isSwitched = (settings.tls === undefined) !== (tls === undefined);
    this.#settings = isSwitched ? { ...settings, tls } : settings;
    this.#logger.info('web configuration reloaded', { tls: tls !== undefined, users: settings.passwordHashes.size });
    if (isSwitched) this.#logger.warn('TLS is switched on or off only by a restart', { tls: tls !== undefined });
  }
}
