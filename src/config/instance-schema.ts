// The schema of an instance: the repositories with their tags, and the rules that discover others.
import { z } from 'zod';
import type { ApiTlsSettings, ConnectionSettings, ProxySettings } from '../model/connection-settings.ts';
import type { ConfiguredRepository, DiscoverRule, ListedTag } from '../model/settings.ts';
import { strictMap } from '../util/yaml/schema.ts';
import type { InstanceConfig } from './config.ts';
import { connectionKeys, connectionRules, proxyOf, requireOneProxy } from './connection-schema.ts';
import { credentialsSchema } from './credentials-schema.ts';
import { instanceEventsSchema } from './events-schema.ts';
import { count, digest, duration, endpoint, label, listOf, matching, namePattern, truth } from './fields.ts';

/** For a check that runs even if other checks of the value fail. */
export const always = { when: () => true };

const tagName = () => label('a tag').meta({ description: 'Name of the image tag, as text: 1.10 is the tag 1.10.' });

const tagMap = strictMap({
  tag: tagName(),
  digest: digest()
    .optional()
    .meta({ description: 'Requests the scan of this digest. When it changes, the tag starts over.' }),
  scan_task_id: label('the id of a scan task')
    .optional()
    .meta({ description: 'Requests this scan task. When it changes, the tag starts over.' }),
}).transform(({ tag, digest = '', scan_task_id: scanTaskId = '' }): ListedTag => ({ tag, digest, scanTaskId }));

const tagSchema = z.union([tagName().transform((tag): ListedTag => ({ tag, digest: '', scanTaskId: '' })), tagMap], {
  error: 'a tag, or a map with the keys tag, digest, scan_task_id',
});

/** A part of the file in which `vulnerabilities` may be missing: then the top level decides. */
type Undecided<Part> = Omit<Part, 'vulnerabilities'> & { readonly vulnerabilities: boolean | undefined };

const vulnerabilitiesHere = () =>
  truth().optional().meta({ description: 'Whether to request the vulnerabilities. Default: as at the top level.' });

const repositorySchema = strictMap({
  namespace: label('the name of a namespace').optional().meta({ description: 'Namespace of the repository.' }),
  name: label('the name of a repository').optional().meta({ description: 'Name of the repository in its namespace.' }),
  id: label('the id of a repository')
    .optional()
    .meta({ description: 'Id of the repository, such as crr-uf082u9dg8do.' }),
  vulnerabilities: vulnerabilitiesHere(),
  tags: listOf('tag', tagSchema).meta({ description: 'Tags to watch, each once.' }),
})
  .superRefine(requireIdentity, always)
  .meta({
    anyOf: [{ required: ['id'] }, { required: ['namespace', 'name'] }],
    dependentRequired: { namespace: ['name'], name: ['namespace'] },
  })
  .transform(
    ({ namespace = '', name = '', id = '', vulnerabilities, tags }): Undecided<ConfiguredRepository> => ({
      namespace,
      name,
      id,
      vulnerabilities,
      tags,
    }),
  );

const patterns = (what: string) => listOf('pattern', namePattern(what));

const discoverSchema = strictMap({
  namespaces: patterns('namespaces').optional().meta({ description: 'Namespaces to search. Default: all.' }),
  repositories: patterns('repositories').optional().meta({ description: 'Names of repositories. Default: all.' }),
  exclude_repositories: patterns('repositories')
    .optional()
    .meta({ description: 'Names of repositories to leave out.' }),
  tags: patterns('tags').optional().meta({ description: 'Tags to watch. Default: all.' }),
  exclude_tags: patterns('tags').optional().meta({ description: 'Tags to leave out.' }),
  newest: count().optional().meta({
    description: 'How many tags of each repository to watch: those that were pushed last. Default: all.',
  }),
  max_age: duration(36_500 * 86_400_000)
    .optional()
    .meta({ description: 'Tags that were pushed longer ago are left out. Default: none.' }),
  vulnerabilities: vulnerabilitiesHere(),
}).transform(
  ({ namespaces, repositories, tags, newest, vulnerabilities, ...rest }): Undecided<DiscoverRule> => ({
    namespaces: namespaces ?? ['*'],
    repositories: repositories ?? ['*'],
    excludeRepositories: rest.exclude_repositories ?? [],
    tags: tags ?? ['*'],
    excludeTags: rest.exclude_tags ?? [],
    newest,
    maxAgeMs: rest.max_age,
    vulnerabilities,
  }),
);

/** An instance in which things may be missing that the top level decides then. */
type UndecidedInstance = Omit<InstanceConfig, 'repositories' | 'discover' | 'connection'> & {
  readonly proxy: ProxySettings | undefined;
  readonly tls: ApiTlsSettings | undefined;
  readonly repositories: readonly Undecided<ConfiguredRepository>[];
  readonly discover: readonly Undecided<DiscoverRule>[];
};

export const instanceSchema = strictMap({
  id: label('the id of an instance').meta({ description: 'Id of the instance, such as cri-2j88dtld8yel; unique.' }),
  region: matching('a region such as cn-hangzhou', /^(?=.{1,63}$)[a-z0-9]+(-[a-z0-9]+)*$/).meta({
    description: 'Region of the instance, such as cn-hangzhou.',
  }),
  endpoint: endpoint().optional().meta({
    description: 'Host of the API, optionally with http:// or https:// and a port. Default: cr.REGION.aliyuncs.com.',
  }),
  domain: label('a domain').optional().meta({
    minLength: 0,
    description: "The registry's domain, for the label image: DOMAIN/NAMESPACE/NAME:TAG.",
  }),
  credentials: credentialsSchema.optional().meta({
    description: 'Replaces the top-level credentials for this instance, with its own rate limit.',
  }),
  ...connectionKeys,
  events: instanceEventsSchema.optional().meta({ description: 'How events of the instance arrive.' }),
  repositories: listOf('repository', repositorySchema)
    .optional()
    .meta({ description: 'Repositories to watch.', minItems: 0 }),
  discover: listOf('rule', discoverSchema).optional().meta({
    description: 'Rules that find tags; a tag that matches any rule is watched.',
    minItems: 0,
  }),
})
  .superRefine(requireSomething, always)
  .superRefine(requireOneProxy, always)
  .meta({ anyOf: ['repositories', 'discover'].map(oneAtLeast), allOf: connectionRules })
  .transform(
    ({
      id,
      region,
      endpoint: given,
      domain = '',
      credentials,
      events,
      tls,
      repositories = [],
      discover = [],
      ...rest
    }): UndecidedInstance => ({
      id,
      region,
      endpoint: given ?? { protocol: 'https', host: `cr.${region}.aliyuncs.com` },
      domain,
      credentials,
      feedMs: events?.feed,
      proxy: proxyOf(rest),
      tls,
      repositories,
      discover,
    }),
  );

/** JSON schema for editors: this list is not empty. Another list may be. */
function oneAtLeast(key: string) {
  return { required: [key], properties: { [key]: { type: 'array' as const, minItems: 1 } } };
}

type Defaults = { readonly vulnerabilities: boolean; readonly connection: ConnectionSettings };

/** Fills in what an instance does not say: `vulnerabilities`, the proxy as a whole and `tls` as a whole. */
export function withDefaults({ proxy, tls, ...instance }: UndecidedInstance, defaults: Defaults): InstanceConfig {
  const decide = <Part extends { readonly vulnerabilities: boolean | undefined }>(part: Part) => ({
    ...part,
    vulnerabilities: part.vulnerabilities ?? defaults.vulnerabilities,
  });
  return {
    ...instance,
    connection: { proxy: proxy ?? defaults.connection.proxy, tls: tls ?? defaults.connection.tls },
    repositories: instance.repositories.map(decide),
    discover: instance.discover.map(decide),
  };
}

/** Runs for any value. Another check reports a value that is not a map. */
function requireSomething(keys: unknown, context: z.core.$RefinementCtx): void {
  if (typeof keys !== 'object' || keys === null || 'repositories' in keys || 'discover' in keys) return;
  const message = 'repositories, discover or both';
  context.addIssue({ code: 'custom', message, params: { found: 'neither' } });
}

/** Runs for any value. Another check reports a value that is not a map. */
function requireIdentity(keys: unknown, context: z.core.$RefinementCtx): void {
  if (typeof keys !== 'object' || keys === null) return;
  const given = ['namespace', 'name', 'id'].filter((key) => key in keys);
  if (['id', 'namespace,name', 'namespace,name,id'].includes(given.join())) return;
  context.addIssue({
    code: 'custom',
    message: 'namespace and name, or id, or all three',
    params: { found: given.length === 0 ? 'none of them' : `only ${given.join(' and ')}` },
  });
}
