// The configuration file of the program: loads it, and knows the checksum of what it loaded.
import { checksumOf } from '../util/file-checksum.ts';
import type { Config } from './config.ts';
import { loadConfigInWorker } from './load-in-worker.ts';
import { checkHeapLimit } from './memory-check.ts';

export class ConfigFile {
  readonly #path: string;
  readonly #freeMemory: () => number;
  readonly #heapBytes: number;
  /** The last configuration that was loaded. */
  #present: Config | undefined;
  #loadedChecksum = '';

  /**
   * @param freeMemory how much more memory the process may use, in bytes
   * @param heapBytes the limit of the old generation of the heap
   */
  constructor(path: string, freeMemory: () => number, heapBytes: number) {
    this.#path = path;
    this.#freeMemory = freeMemory;
    this.#heapBytes = heapBytes;
  }

  /**
   * Loads the file, at the start and at each reload. Rejects with `ConfigError`, also for a configuration that does not fit into the heap beside
   * the present one.
   */
  async load(): Promise<Config> {
    // Taken first: a change meanwhile is then seen as a change, and the file is loaded once more.
    this.#loadedChecksum = await this.checksum();
    const config = await loadConfigInWorker(this.#path, this.#freeMemory());
    checkHeapLimit(this.#path, this.#present, config, this.#heapBytes);
    this.#present = config;
    return config;
  }

  /** The checksum of the content that was loaded last, with or without success. */
  get loadedChecksum(): string {
    return this.#loadedChecksum;
  }

  /** The checksum of the present content, as of `checksumOf`. Never rejects. */
  checksum(): Promise<string> {
    return checksumOf(this.#path);
  }
}
