// From the text of a configuration file to the configuration: YAML, schema, and what the schema cannot say; all mistakes at once.
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../util/yaml/problem.ts';
import type { Report } from '../util/yaml/report.ts';
import { readYaml, type YamlTree } from '../util/yaml/yaml.ts';
import type { Config } from './config.ts';
import { resolvePaths } from './credential-files.ts';
import { DISCRETION } from './discretion.ts';
import { reportImageReferences } from './image-references.ts';
import { reportIssues } from './issues.ts';
import { dropBlanks } from './null-values.ts';
import { configSchema } from './schema.ts';
import { reportRepetitions } from './uniqueness.ts';
import { reportVariables } from './variables.ts';

/**
 * The configuration that a text means; throws {@link ConfigError} with every problem. `file` names it in problems, and its directory is where
 * relative paths start.
 */
export function parseConfig(text: string, file: string): Config {
  const { tree, report } = readYaml(text, DISCRETION);
  const config = tree && validate(tree, text, report);
  if (!config || !report.isEmpty) throw new ConfigError(report.problems(file));
  return withAbsolutePaths(config, dirname(resolve(file)));
}

function validate(tree: YamlTree, text: string, report: Report): Config | undefined {
  dropBlanks(tree.value);
  if (text.includes('$')) reportVariables(tree, report);
  reportImageReferences(tree, report);
  reportRepetitions(tree, report);
  try {
    const { data, error } = configSchema.safeParse(tree.value);
    if (error) reportIssues(error.issues, tree, report);
    return data;
  } catch (error) {
    // The validator passes issues on as arguments, of which there can be only so many.
    if (!(error instanceof RangeError)) throw error;
    report.add(0, 'document', 'fewer mistakes than can be listed', 'more than 100,000');
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
