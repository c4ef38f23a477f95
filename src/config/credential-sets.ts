// The sets of credentials in a configuration. Each has its own scheduler and rate limit, and one value of the label `credentials`.
import type { ConnectionSettings } from '../model/connection-settings.ts';
import type { CredentialSettings } from '../model/credential-settings.ts';
import type { Config } from './config.ts';

/** One credentials block in use, and the ids of the instances that use it. */
export type CredentialSet = {
  /** `default` for the top-level block, else the id of the instance that has the block. */
  readonly name: string;
  readonly settings: CredentialSettings;
  /** For the requests of the credentials themselves. */
  readonly connection: ConnectionSettings;
  readonly instanceIds: readonly string[];
};

/** The sets in use: the top-level one first, if any instance uses it, then those of the instances, in the order of the file. */
export function credentialSets({ credentials, connection, instances }: Config): readonly CredentialSet[] {
  const shared = instances.filter((instance) => !instance.credentials).map(({ id }) => id);
  const own = instances.flatMap(({ id, credentials: settings, connection: own }) =>
    settings ? [{ name: id, settings, connection: own, instanceIds: [id] }] : [],
  );
  return shared.length === 0
    ? own
    : [{ name: 'default', settings: credentials, connection, instanceIds: shared }, ...own];
}
