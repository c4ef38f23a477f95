// Loads a configuration file in this thread.
import { readText } from '../util/yaml/read-text.ts';
import type { Config } from './config.ts';
import { parseConfig } from './parse.ts';

/** Loads a file in this thread: 100,000 tags take seconds. Throws `ConfigError` with every problem. */
export function loadConfig(file: string): Config {
  return parseConfig(readText(file), file);
}
