// The RAM policy with the fewest permissions that a configuration needs.
import { type ListScope, listScopes } from '../model/list-scopes.ts';
import type { ConfiguredRepository, DiscoverRule } from '../model/settings.ts';
import type { Config, InstanceConfig } from './config.ts';
import { credentialSets } from './credential-sets.ts';

/** The RAM action of each API operation that the exporter uses, from Alibaba Cloud's list of actions for Container Registry. */
export const RAM_ACTIONS = {
  GetRepoTagScanStatus: 'cr:GetScan',
  GetRepoTagScanSummary: 'cr:GetScanCount',
  GetRepository: 'cr:GetRepository',
  ListRepository: 'cr:ListRepository',
  ListRepoTag: 'cr:ListRepositoryTag',
  GetRepoTag: 'cr:ListRepositoryTag',
  ListEventCenterRecord: 'cr:ListEventCenterRecord',
  ListEventCenterRuleName: 'cr:ListEventCenterRuleName',
} as const;

export type RamStatement = {
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
};

/** A policy document for the user or role of one set of credentials. */
export type RamPolicy = {
  readonly credentials: string;
  readonly document: { readonly Version: '1'; readonly Statement: readonly RamStatement[] };
};

/** One policy for each set of credentials in use. It holds for any account: the file does not name one. */
export function ramPolicies(config: Config): readonly RamPolicy[] {
  return credentialSets(config).map(({ name, instanceIds }) => {
    const instances = config.instances.filter(({ id }) => instanceIds.includes(id));
    const listed = instances.flatMap((instance) =>
      instance.repositories.map((repository) => ({ instance, repository })),
    );
    const found = instances.flatMap((instance) => instance.discover.map((rule) => ({ instance, rule })));
    const lookups = listed.filter(({ repository }) => repository.id === '' || repository.name === '');
    const asked = [...listed.map(resourceOf), ...found.flatMap(resourcesOfRule)];
    const summarised = [
      ...listed.filter(({ repository }) => repository.vulnerabilities).map(resourceOf),
      ...found.filter(({ rule }) => rule.vulnerabilities).flatMap(resourcesOfRule),
    ];
    const feeds = instances.filter(({ feedMs }) => feedMs !== undefined).map(ramInstance);
    const statements = [
      statement(RAM_ACTIONS.GetRepoTagScanStatus, asked),
      statement(RAM_ACTIONS.GetRepoTagScanSummary, summarised),
      statement(RAM_ACTIONS.GetRepository, lookups.map(resourceOf)),
      statement(
        RAM_ACTIONS.ListRepository,
        instances.filter(({ discover }) => discover.length > 0).flatMap(listResources),
      ),
      // ListRepoTag, and GetRepoTag for tags without a scan.
      statement(RAM_ACTIONS.GetRepoTag, asked),
      statement(RAM_ACTIONS.ListEventCenterRecord, feeds),
      statement(RAM_ACTIONS.ListEventCenterRuleName, feeds),
    ].filter(({ Resource }) => Resource.length > 0);
    return { credentials: name, document: { Version: '1', Statement: statements } };
  });
}

type Names = { readonly namespace: string; readonly name: string };

/** The resource of an operation on a repository: all repositories of the instance if the name is not known. */
export function ramResource({ id, region }: InstanceConfig, { namespace, name }: Names = ANY): string {
  const repository = name === '' ? '*' : `${namespace}/${name}`;
  return `acs:cr:${region}:*:repository/${id}/${repository}`;
}

/** The resource of an operation on an instance. */
export function ramInstance({ id, region }: InstanceConfig): string {
  return `acs:cr:${region}:*:instance/${id}`;
}

const ANY: Names = { namespace: '', name: '' };

function resourceOf({
  instance,
  repository,
}: {
  readonly instance: InstanceConfig;
  readonly repository: ConfiguredRepository;
}) {
  return ramResource(instance, repository);
}

/** The resources of the lists of repositories that discovery requests. */
function listResources(instance: InstanceConfig): readonly string[] {
  return listScopes(instance.discover).map((scope) => ramListResource(instance, scope));
}

/** The resource of a list of repositories. */
export function ramListResource(instance: InstanceConfig, { namespace, name = '*' }: ListScope): string {
  return ramResource(instance, namespace === undefined ? ANY : { namespace, name });
}

/** The resources that a rule may find. The wildcards `*` and `?` mean the same in a policy as in the file. */
function resourcesOfRule({ instance, rule }: { readonly instance: InstanceConfig; readonly rule: DiscoverRule }) {
  return rule.namespaces.flatMap((namespace) =>
    rule.repositories.map((name) =>
      namespace === '*' && name === '*' ? ramResource(instance) : ramResource(instance, { namespace, name }),
    ),
  );
}

function statement(action: string, all: readonly string[]): RamStatement {
  const resources = new Set(all);
  const covered = (resource: string) => {
    const whole = `${resource.split('/').slice(0, 2).join('/')}/*`;
    return resource !== whole && resources.has(whole);
  };
  return {
    Effect: 'Allow',
    Action: [action],
    Resource: [...resources].filter((resource) => !covered(resource)).sort(),
  };
}
