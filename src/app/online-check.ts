// `--config.check.online`: tries the credentials, each repository, and Redis once, and lists what is missing.
import { createAcrApi } from '../acr/acr-api.ts';
import { ApiError } from '../acr/api-error.ts';
import { Routes } from '../acr/connections/routes.ts';
import { type CredentialSource, createCredentialSource } from '../acr/credentials/credentials.ts';
import { ErrorCodeLimiter } from '../acr/error-code-limiter.ts';
import { isNoSuchList, isNoSuchScan } from '../acr/error-codes.ts';
import type { AcrApi } from '../acr/operations.ts';
import type { Sdk } from '../acr/sdk.ts';
import type { Config, InstanceConfig } from '../config/config.ts';
import { type CredentialSet, credentialSets } from '../config/credential-sets.ts';
import { RAM_ACTIONS, ramInstance, ramListResource, ramResource } from '../config/ram-policy.ts';
import { filterOf, pageOf, repositoryPage } from '../discovery/discovery-run.ts';
import { FIRST_PAGE, PagedList } from '../discovery/paged-list.ts';
import { Rules } from '../discovery/rules.ts';
import type { ListScope } from '../model/list-scopes.ts';
import type { ConfiguredRepository } from '../model/settings.ts';
import type { FoundRepository } from '../model/target.ts';
import { RateLimiter } from '../scheduler/rate-limiter.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { Redactor } from '../util/redactor.ts';

export type OnlineCheckDependencies = {
  readonly sdk: Sdk;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly redactor: Redactor;
};

/** Findings hold everything, so nothing is logged. */
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** The result of one attempt. */
export type Finding = {
  /** Such as `credentials default` or `cri-1 shop/api`. */
  readonly subject: string;
  /** The reason of a failure; undefined on success. */
  readonly problem: string | undefined;
};

/** Tries everything that the configuration needs, within its rate limit. Yields each finding as soon as it is known. */
export async function* checkOnline(config: Config, deps: OnlineCheckDependencies): AsyncGenerator<Finding> {
  const errorCodes = new ErrorCodeLimiter(deps.redactor);
  for (const set of credentialSets(config)) yield* checkSet(set, config, { ...deps, errorCodes });
  if (config.replicas === undefined) return;
  // Without replicas the client of Redis is not loaded.
  const { redisProblem } = await import('./redis-check.ts');
  yield { subject: `replicas ${config.replicas.group}`, problem: await redisProblem(config.replicas, deps) };
}

type Context = OnlineCheckDependencies & { readonly errorCodes: ErrorCodeLimiter };

async function* checkSet(set: CredentialSet, config: Config, context: Context): AsyncGenerator<Finding> {
  const { sdk, env, clock, redactor } = context;
  const subject = `credentials ${set.name}`;
  const report = (error: unknown) => {
    throw error;
  };
  const routes = new Routes(set.connection, { ...context, logger: SILENT });
  const { providers } = sdk;
  const options = { name: set.name, providers, routes, env, clock, logger: SILENT, redactor, report };
  const source = createCredentialSource(set.settings, options);
  const verdict = new CredentialsVerdict();
  /** Findings from before it is known whether the API accepts the credentials. */
  const held: Finding[] = [];
  try {
    const unavailable = await problemOf(source.ensure());
    if (unavailable !== undefined) {
      yield { subject, problem: unavailable.message };
      return;
    }
    for await (const finding of checkInstances(set, config, context, source, verdict)) {
      held.push(finding);
      if (verdict.refusal !== undefined) break;
      if (!verdict.isAccepted) continue;
      if (!verdict.isReported) yield { subject, problem: undefined };
      verdict.isReported = true;
      yield* held.splice(0);
    }
  } finally {
    source.stop();
  }
  // With refused credentials, all other findings have the same cause.
  if (verdict.refusal !== undefined) yield { subject, problem: describeRefusal(verdict.refusal) };
  else if (!verdict.isReported) yield { subject, problem: 'no request was answered, so nothing is known of them' };
  if (verdict.refusal === undefined) yield* held;
}

/** Whether the API accepts the credentials. Any answer to a signed request means that it does, unless it refuses them. The first one counts. */
class CredentialsVerdict {
  isAccepted = false;
  isReported = false;
  refusal: ApiError | undefined;

  answered(): void {
    if (this.refusal === undefined) this.isAccepted = true;
  }

  failed(error: ApiError): void {
    if (this.isAccepted) return;
    if (error.kind === 'refused') this.refusal ??= error;
    else if (error.kind === 'answered' || error.kind === 'denied') this.answered();
  }
}

function describeRefusal({ code, message, requestId }: ApiError): string {
  return `refused with ${code}: ${message}${requestId === '' ? '' : ` (RequestId ${requestId})`}`;
}

async function* checkInstances(
  set: CredentialSet,
  config: Config,
  context: Context,
  credentials: CredentialSource,
  verdict: CredentialsVerdict,
): AsyncGenerator<Finding> {
  const { sdk, clock, redactor, errorCodes } = context;
  const limiter = new RateLimiter(config.rateLimit, clock);
  const end = new AbortController();
  const { requestTimeoutMs } = config;
  try {
    for (const instance of config.instances.filter(({ id }) => set.instanceIds.includes(id))) {
      const { region, endpoint, connection } = instance;
      const routes = new Routes(connection, { ...context, logger: SILENT });
      const api = createAcrApi({ sdk, endpoint, region, routes, credentials, requestTimeoutMs, errorCodes, redactor });
      const ask: Attempt['ask'] = async (call) => {
        await credentials.ensure();
        const answer = inSlot(limiter, end.signal, () => call(api));
        const error = await problemOf(answer);
        if (error === undefined) verdict.answered();
        else verdict.failed(error);
        return answer;
      };
      const attempt: Attempt = { instance, ask };
      for (const repository of instance.repositories) {
        const problem = await checkRepository(attempt, repository);
        yield { subject: `${instance.id} ${describe(repository)}`, problem };
      }
      if (instance.discover.length > 0) yield* checkDiscovery(attempt);
      if (instance.feedMs !== undefined) yield { subject: `${instance.id} events`, problem: await checkFeed(attempt) };
    }
  } finally {
    end.abort();
  }
}

function inSlot<Result>(limiter: RateLimiter, signal: AbortSignal, ask: () => Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    void limiter.start(() => ask().then(resolve, reject), signal);
  });
}

/** An instance, and how to send requests to it within the rate limit of its credentials. */
type Attempt = {
  readonly instance: InstanceConfig;
  readonly ask: <Body>(call: (api: AcrApi) => Promise<Body>) => Promise<Body>;
};

/** Looks the repository up if the exporter would, and requests the scan status of its first tag. */
async function checkRepository({ instance, ask }: Attempt, given: ConfiguredRepository): Promise<string | undefined> {
  const instanceId = instance.id;
  let repository = given;
  if (given.id === '' || given.name === '') {
    const names = { instanceId, repoNamespaceName: given.namespace, repoName: given.name };
    const lookup = ask((api) => api.getRepository(given.id === '' ? names : { instanceId, repoId: given.id }));
    const error = await problemOf(lookup);
    if (error !== undefined) return explain(error, 'GetRepository', ramResource(instance, given));
    const { repoId, repoNamespaceName, repoName } = await lookup;
    repository = { ...given, id: repoId, namespace: repoNamespaceName, name: repoName };
  }
  const tag = repository.tags[0]?.tag ?? '';
  const request = { instanceId, repoId: repository.id, tag };
  const error = await problemOf(ask((api) => api.getRepoTagScanStatus(request)));
  const tagError = error && isNoSuchScan(error) ? await problemOf(ask((api) => api.getRepoTag(request))) : error;
  if (error !== undefined && tagError !== undefined) {
    // A tag that exists was never scanned, which is no problem. If it does not exist, the first error says so.
    return tagError.kind === 'denied' && tagError !== error
      ? `tag ${tag}: ${explain(tagError, 'GetRepoTag', ramResource(instance, repository))}`
      : `tag ${tag}: ${explain(error, 'GetRepoTagScanStatus', ramResource(instance, repository))}`;
  }
  if (!repository.vulnerabilities) return undefined;
  const denied = await problemOf(ask((api) => api.getRepoTagScanSummary(request)));
  // Any other error is about the scan, which may not be complete.
  if (denied?.kind !== 'denied') return undefined;
  return `tag ${tag}: ${explain(denied, 'GetRepoTagScanSummary', ramResource(instance, repository))}`;
}

/** Lists the repositories, and the tags of the first one that a rule takes. Yields the number of repositories that each rule takes. */
async function* checkDiscovery({ instance, ask }: Attempt): AsyncGenerator<Finding> {
  const subject = `${instance.id} discovery`;
  const rules = new Rules(instance.discover);
  const repositories = new Map<string, FoundRepository>();
  for (const scope of rules.scopes) {
    const problem = await listRepositories({ instance, ask }, scope, repositories);
    if (problem === undefined) continue;
    yield { subject, problem };
    return;
  }
  const counts = rules.emptyCounts();
  for (const repository of repositories.values()) rules.countRepository(repository, counts);
  const found = [...repositories.values()].find((repository) => rules.takesRepository(repository));
  yield {
    subject,
    problem:
      found === undefined ? describeNothing(rules, repositories.size) : await checkTags({ instance, ask }, found),
  };
  for (const [index, { repositories: taken }] of counts.entries()) {
    const hint = rules.hintFor(index);
    const none = `takes none of the ${repositories.size} repositories that were listed${hint === undefined ? '' : `: ${hint}`}`;
    yield {
      subject: `${subject} rule ${index + 1}: ${taken} ${taken === 1 ? 'repository' : 'repositories'}`,
      problem: taken === 0 ? none : undefined,
    };
  }
}

function describeNothing({ scopes }: Rules, listed: number): string {
  if (listed > 0) return `no rule takes any of the ${listed} repositories of the instance`;
  return scopes[0]?.namespace === undefined
    ? 'the instance has no repositories'
    : 'none of the namespaces and repositories that the rules name exists';
}

/** Adds the repositories on all pages of a scope by id. Returns the problem if they cannot be listed. */
async function listRepositories(
  { instance, ask }: Attempt,
  scope: ListScope,
  into: Map<string, FoundRepository>,
): Promise<string | undefined> {
  const instanceId = instance.id;
  const listing = new PagedList<FoundRepository>(({ id }) => id);
  while (!listing.isComplete) {
    const page = { ...filterOf(scope), ...pageOf(listing.position) };
    const list = ask((api) => api.listRepository({ instanceId, ...page }));
    const error = await problemOf(list);
    if (scope.namespace !== undefined && error !== undefined && isNoSuchList(error.code)) return undefined;
    if (error !== undefined) return explain(error, 'ListRepository', ramListResource(instance, scope));
    listing.add(repositoryPage(await list));
  }
  for (const [id, repository] of listing.items) into.set(id, repository);
  return listing.isDoubtful ? `ListRepository: ${listing.shortfall}` : undefined;
}

async function checkTags({ instance, ask }: Attempt, found: FoundRepository): Promise<string | undefined> {
  const request = { instanceId: instance.id, repoId: found.id, ...pageOf(FIRST_PAGE) };
  const tags = await problemOf(ask((api) => api.listRepoTag(request)));
  return tags && `${found.namespace}/${found.name}: ${explain(tags, 'ListRepoTag', ramResource(instance, found))}`;
}

/** The gateways of some regions do not know the operations of the event center. */
const NO_EVENTS_HINTS: ReadonlyMap<string, string> = new Map([
  ['InvalidAction.NotFound', ' The region may have no events: then remove the feed, tags are polled without it.'],
]);

/** Requests a page of the event center, and the names of the event rules, without which it stays empty. */
async function checkFeed({ instance, ask }: Attempt): Promise<string | undefined> {
  const instanceId = instance.id;
  const page = { instanceId, eventType: 'cr:Artifact:ScanCompleted', pageNo: 1, pageSize: 1 };
  const error = await problemOf(ask((api) => api.listEventCenterRecord(page)));
  if (error !== undefined)
    return `${explain(error, 'ListEventCenterRecord', ramInstance(instance))}${NO_EVENTS_HINTS.get(error.code) ?? ''}`;
  const rules = ask((api) => api.listEventCenterRuleName({ instanceId }));
  const denied = await problemOf(rules);
  if (denied !== undefined) return explain(denied, 'ListEventCenterRuleName', ramInstance(instance));
  if ((await rules).ruleNames.length > 0) return undefined;
  return 'the instance has no event rule, so its event center has no new records: make one for finished scans in the console';
}

function explain({ code, kind, message }: ApiError, operation: keyof typeof RAM_ACTIONS, resource: string): string {
  const failure = `${operation} failed with ${code}: ${message}`;
  if (kind !== 'denied') return failure;
  return `the RAM action ${RAM_ACTIONS[operation]} on ${resource} is missing (${failure})`;
}

/** The error of an attempt; undefined if it succeeds. */
async function problemOf(attempt: Promise<unknown>): Promise<ApiError | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

function describe({ namespace, name, id }: ConfiguredRepository): string {
  return name === '' ? id : `${namespace}/${name}`;
}
