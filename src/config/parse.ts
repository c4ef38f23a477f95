// From the text of a configuration file to the configuration: YAML, schema, and what the schema cannot say; all mistakes at once.
import { dirname, resolve } from 'node:path';
import { loadYaml, type YamlDocument } from '../util/yaml/document.ts';
import type { Config } from './config.ts';
import { resolvePaths } from './credential-files.ts';
import { reportImageReferences } from './image-references.ts';
import { reportIssues } from './issues.ts';
import { dropBlanks } from './null-values.ts';
import { REDACTION } from './redaction.ts';
import { configSchema } from './schema.ts';
import { reportRepetitions } from './uniqueness.ts';
import { reportVariables } from './variables.ts';

/**
 * The configuration that a text means; throws a `ConfigError` with every problem. `file` names it in problems, and its directory is where
 * relative paths start.
 */
export function parseConfig(text: string, file: string): Config {
  const config = loadYaml(text, { file, redaction: REDACTION }, check);
  return withAbsolutePaths(config, dirname(resolve(file)));
}

function check(document: YamlDocument): Config | undefined {
  dropBlanks(document.value);
  if (document.text.includes('$')) reportVariables(document);
  reportImageReferences(document);
  reportRepetitions(document);
  try {
    const { data, error } = configSchema.safeParse(document.value);
    if (error) reportIssues(error.issues, document);
    return data;
  } catch (error) {
    // The validator passes issues on as arguments, of which there can be only so many.
    if (!(error instanceof RangeError)) throw error;
    document.problems.add(0, 'document', 'fewer mistakes than can be listed', 'more than 100,000');
    return undefined;
  }
}

function withAbsolutePaths(config: Config, directory: string): Config {
  const absolute = (path: string) => resolve(directory, path);
  return {
    ...config,
    credentials: resolvePaths(config.credentials, absolute),
    instances: config.instances.map((instance) => ({
      ...instance,
      credentials: instance.credentials && resolvePaths(instance.credentials, absolute),
    })),
  };
}
