// Warns of files and variables that credentials need and that are not there yet, without reading them.
import type { Config } from './config.ts';
import { requirementsOf } from './credential-files.ts';
import { credentialSets } from './credential-sets.ts';

/** Answers whether something exists. */
export type Lookup = {
  readonly hasVariable: (name: string) => boolean;
  readonly hasFile: (path: string) => boolean | Promise<boolean>;
};

/**
 * One warning for each missing file or variable. It names the key and not the value, which may be a secret that was put into the
 * wrong key.
 */
export async function checkSecrets(config: Config, { hasVariable, hasFile }: Lookup): Promise<readonly string[]> {
  const ids = config.instances.map(({ id }) => id);
  const warnings: string[] = [];
  for (const { name, settings, instanceIds } of credentialSets(config)) {
    const isShared = settings === config.credentials;
    const block = isShared ? 'credentials' : `instances[${ids.indexOf(instanceIds[0] ?? name)}].credentials`;
    for (const { key, source } of requirementsOf(settings)) {
      if (source.from === 'file' && !(await hasFile(source.path))) {
        warnings.push(
          `${block}.${key}_file: no such file; relative paths start at the directory of the configuration file`,
        );
      }
      if (source.from === 'env' && !hasVariable(source.name)) {
        warnings.push(`${block}.${key}_env: no such environment variable`);
      }
    }
  }
  return warnings;
}
