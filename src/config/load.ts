// Loads a configuration file: YAML, schema, and the checks that the schema cannot make. All mistakes are reported at once.
import { dirname, resolve } from 'node:path';
import { loadYaml, type YamlDocument } from '../util/yaml/document.ts';
import { readText } from '../util/yaml/read-text.ts';
import { dropBlanks } from './blank-keys.ts';
import { reportCertificateFiles } from './certificate-files.ts';
import type { Config } from './config.ts';
import { resolveConnection, resolvePaths, resolveReplicas, resolveToken } from './credential-files.ts';
import { REDACTION } from './credentials-schema.ts';
import { reportImageReferences } from './image-references.ts';
import { reportIssues } from './issues.ts';
import { configSchema } from './schema.ts';
import { reportRepetitions } from './uniqueness.ts';
import { reportVariables } from './variables.ts';

/** Loads a file in this thread: 100,000 tags take seconds. Throws a `ConfigError` with every problem. */
export function loadConfig(file: string): Config {
  return parseConfig(readText(file), file);
}

/**
 * The configuration in a text. Throws a `ConfigError` with every problem. `file` is its name in problems, and relative paths start at the
 * directory of `file`.
 */
export function parseConfig(text: string, file: string): Config {
  const directory = dirname(resolve(file));
  const config = loadYaml(text, { file, redaction: REDACTION }, (document) => check(document, directory));
  return withAbsolutePaths(config, directory);
}

function check(document: YamlDocument, directory: string): Config | undefined {
  dropBlanks(document.value);
  if (document.text.includes('$')) reportVariables(document);
  reportImageReferences(document);
  reportRepetitions(document);
  reportCertificateFiles(document, directory);
  try {
    const { data, error } = configSchema.safeParse(document.value);
    if (error) reportIssues(error.issues, document);
    return data;
  } catch (error) {
    // The validator passes issues on as arguments of a function, whose number is limited.
    if (!(error instanceof RangeError)) throw error;
    document.problems.add(0, 'document', 'fewer mistakes than can be listed', 'more than 100,000');
    return undefined;
  }
}

function withAbsolutePaths(config: Config, directory: string): Config {
  const absolute = (path: string) => resolve(directory, path);
  return {
    ...config,
    connection: resolveConnection(config.connection, absolute),
    credentials: resolvePaths(config.credentials, absolute),
    events: { ...config.events, webhook: config.events.webhook && resolveToken(config.events.webhook, absolute) },
    replicas: config.replicas && resolveReplicas(config.replicas, absolute),
    instances: config.instances.map((instance) => ({
      ...instance,
      credentials: instance.credentials && resolvePaths(instance.credentials, absolute),
      connection: resolveConnection(instance.connection, absolute),
    })),
  };
}
