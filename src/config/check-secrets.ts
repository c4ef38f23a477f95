// Warns of files and variables that credentials need and that are not there yet, without reading them.
import { access } from 'node:fs/promises';
import type { Config } from './config.ts';
import { requirementsOf } from './credential-files.ts';
import { credentialSets } from './credential-sets.ts';

/** Answers whether something exists. */
export type Lookup = {
  readonly hasVariable: (name: string) => boolean;
  readonly hasFile: (path: string) => boolean | Promise<boolean>;
};

/** Looks in the file system and in these variables. */
export function presentIn(env: Readonly<Record<string, string | undefined>>): Lookup {
  return {
    hasVariable: (name) => env[name] !== undefined,
    hasFile: (path) =>
      access(path).then(
        () => true,
        () => false,
      ),
  };
}

/** A file or a variable that is not there, by the key that names it: the name itself may be a secret that was put into the wrong key. */
export type MissingSecret = { readonly key: string; readonly reason: string };

/** Every file and variable of every credentials block that is not there. */
export async function missingSecrets(config: Config, lookup: Lookup): Promise<readonly MissingSecret[]> {
  const ids = config.instances.map(({ id }) => id);
  const missing: MissingSecret[] = [];
  for (const { name, settings, instanceIds } of credentialSets(config)) {
    const isShared = settings === config.credentials;
    const block = isShared ? 'credentials' : `instances[${ids.indexOf(instanceIds[0] ?? name)}].credentials`;
    for (const { key, source } of requirementsOf(settings)) {
      if (source.from === 'file' && !(await lookup.hasFile(source.path))) {
        missing.push({ key: `${block}.${key}_file`, reason: 'no such file' });
      }
      if (source.from === 'env' && !lookup.hasVariable(source.name)) {
        missing.push({ key: `${block}.${key}_env`, reason: 'no such environment variable' });
      }
    }
  }
  return missing;
}

/** One warning for each of {@link missingSecrets}. */
export async function checkSecrets(config: Config, lookup: Lookup): Promise<readonly string[]> {
  const missing = await missingSecrets(config, lookup);
  return missing.map(({ key, reason }) => {
    const hint = key.endsWith('_file') ? '; relative paths start at the directory of the configuration file' : '';
    return `${key}: ${reason}${hint}`;
  });
}
