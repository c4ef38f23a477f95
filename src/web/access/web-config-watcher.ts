// Keeps the settings of a web configuration file in step with the file and with the certificates that it names.
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { ConfigError, formatProblem, type Problem } from '../../util/yaml/problems.ts';
import { loadWebSettings } from './load.ts';
import type { WebSettings } from './settings.ts';
import { Sources } from './sources.ts';

/** How long the files may have changed without anybody looking. */
const LOOK_EVERY_MS = 1_000;

type Dependencies = { readonly clock: Pick<Clock, 'monotonic'>; readonly logger: Logger };

export class WebConfigWatcher {
  readonly #file: string;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #logger: Logger;
  #sources = new Sources();
  #settings: WebSettings;
  #lookedMs: number;

  /** Reads the file; throws ConfigError with every problem. */
  constructor(file: string, { clock, logger }: Dependencies) {
    this.#file = file;
    this.#clock = clock;
    this.#logger = logger;
    this.#settings = loadWebSettings(file, this.#sources);
    this.#lookedMs = clock.monotonic();
  }

  /** The last good settings, of which those that a look finds are another object. */
  get settings(): WebSettings {
    return this.#settings;
  }

  /** Looks whether the files changed, at most once a second, and takes over what is good. */
  look(): void {
    if (this.#clock.monotonic() - this.#lookedMs >= LOOK_EVERY_MS) this.lookNow();
  }

  /** Looks however short ago the last look was. Costs as many system calls as there are files. */
  lookNow(): void {
    this.#lookedMs = this.#clock.monotonic();
    if (this.#sources.areUntouched()) return;
    const before = this.#sources;
    this.#sources = new Sources(before);
    const { settings, problems } = this.#load(this.#sources);
    if (this.#sources.equals(before)) return;
    for (const problem of problems) {
      this.#logger.error('web configuration not taken over, the last good one stays', {
        problem: formatProblem(problem),
      });
    }
    if (settings) this.#takeOver(settings);
  }

  #load(sources: Sources): { settings?: WebSettings; problems: readonly Problem[] } {
    try {
      const settings = loadWebSettings(this.#file, sources);
      // Who writes a file in place empties it first, and an empty one would let everybody in.
      if (sources.read(this.#file).toString().trim() !== '') return { settings, problems: [] };
      const place = { file: this.#file, line: 1, column: 1, path: 'document' };
      return {
        problems: [{ ...place, expected: 'something ({} for nothing) while the program runs', found: 'nothing' }],
      };
    } catch (error) {
      if (error instanceof ConfigError) return { problems: error.problems };
      throw error;
    }
  }

  #takeOver(settings: WebSettings): void {
    const { tls } = this.#settings;
    const isSwitched = (settings.tls === undefined) !== (tls === undefined);
    this.#settings = isSwitched ? { ...settings, tls } : settings;
    this.#logger.info('web configuration read again', { tls: tls !== undefined, users: settings.passwordHashes.size });
    if (isSwitched) this.#logger.warn('TLS is switched on or off only by a restart', { tls: tls !== undefined });
  }
}
