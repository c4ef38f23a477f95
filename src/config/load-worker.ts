// The worker thread that loads a configuration file and sends the result in one message.
import { parentPort, workerData } from 'node:worker_threads';
import { ConfigError, type Problem } from '../util/yaml/problems.ts';
import type { Config } from './config.ts';
import { loadConfig } from './load.ts';

/** Problems are sent instead of the {@link ConfigError}, because an error loses its class between threads. */
export type LoadResult = { readonly config: Config } | { readonly problems: readonly Problem[] };

parentPort?.postMessage(load(String(workerData)));

function load(file: string): LoadResult {
  try {
    return { config: loadConfig(file) };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems };
    throw error;
  }
}
