// The least RAM policy that lets the exporter ask what a configuration file makes it ask.
import type { Config, InstanceConfig, RepositoryConfig } from './config.ts';
import { credentialSets } from './credential-sets.ts';

/** The RAM action of each operation in use (Alibaba Cloud's list of actions for Container Registry). */
export const RAM_ACTIONS = { GetRepoTagScanStatus: 'cr:GetScan', GetRepository: 'cr:GetRepository' } as const;

export type RamStatement = {
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
};

/** A policy document, to be attached to the user or role of one set of credentials. */
export type RamPolicy = {
  readonly credentials: string;
  readonly document: { readonly Version: '1'; readonly Statement: readonly RamStatement[] };
};

/** One policy for each set of credentials in use. The account is left open: the file does not say which it is. */
export function ramPolicies(config: Config): readonly RamPolicy[] {
  return credentialSets(config).map(({ name, instanceIds }) => {
    const instances = config.instances.filter(({ id }) => instanceIds.includes(id));
    const all = instances.flatMap((instance) => instance.repositories.map((repository) => ({ instance, repository })));
    const lookups = all.filter(({ repository }) => repository.id === '' || repository.name === '');
    const statements = [
      statement(RAM_ACTIONS.GetRepoTagScanStatus, all),
      statement(RAM_ACTIONS.GetRepository, lookups),
    ].filter(({ Resource }) => Resource.length > 0);
    return { credentials: name, document: { Version: '1', Statement: statements } };
  });
}

/** The resource that an operation on a repository is checked against; any of the instance while its names are not known. */
export function ramResource({ id, region }: InstanceConfig, { namespace, name }: RepositoryConfig): string {
  const repository = name === '' ? '*' : `${namespace}/${name}`;
  return `acs:cr:${region}:*:repository/${id}/${repository}`;
}

type Listed = { readonly instance: InstanceConfig; readonly repository: RepositoryConfig };

function statement(action: string, listed: readonly Listed[]): RamStatement {
  const resources = new Set(listed.map(({ instance, repository }) => ramResource(instance, repository)));
  const covered = (resource: string) =>
    !resource.endsWith('/*') && resources.has(resource.replace(/[^/]+\/[^/]+$/, '*'));
  return {
    Effect: 'Allow',
    Action: [action],
    Resource: [...resources].filter((resource) => !covered(resource)).sort(),
  };
}
