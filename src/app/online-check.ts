// `--config.check.online`: tries the credentials, and each repository once, and says what is missing where.
import { createAcrApi } from '../acr/acr-api.ts';
import type { AcrApi } from '../acr/api.ts';
import type { Sdk } from '../acr/client.ts';
import { createCredentialSource } from '../acr/credentials.ts';
import { ApiError } from '../acr/errors.ts';
import { KnownCodes } from '../acr/known-codes.ts';
import { RateLimiter } from '../acr/rate-limiter.ts';
import type { Config, InstanceConfig, RepositoryConfig } from '../config/config.ts';
import { type CredentialSet, credentialSets } from '../config/credential-sets.ts';
import { RAM_ACTIONS, ramResource } from '../config/ram-policy.ts';
import type { Clock } from '../util/clock.ts';
import type { Redactor } from '../util/redactor.ts';

export type OnlineCheckDependencies = {
  readonly sdk: Sdk;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly redactor: Redactor;
};

/** What one attempt came to. */
export type Finding = {
  /** The credentials, or the repository under them: `default`, `cri-1 shop/api`. */
  readonly subject: string;
  /** Why it does not work; undefined when it does. */
  readonly problem: string | undefined;
};

/** Tries everything that the configuration needs, at the pace that it allows. Gives findings as they come. */
export async function* checkOnline(config: Config, deps: OnlineCheckDependencies): AsyncGenerator<Finding> {
  const knownCodes = new KnownCodes(deps.redactor);
  for (const set of credentialSets(config)) yield* checkSet(set, config, { ...deps, knownCodes });
}

type Context = OnlineCheckDependencies & { readonly knownCodes: KnownCodes };

async function* checkSet(set: CredentialSet, config: Config, context: Context): AsyncGenerator<Finding> {
  const { sdk, env, clock, redactor, knownCodes } = context;
  const subject = `credentials ${set.name}`;
  const source = createCredentialSource(set.settings, { createCredential: sdk.createCredential, env, clock, redactor });
  const unavailable = await problemOf(source.ensure());
  yield { subject, problem: unavailable?.message };
  if (unavailable !== undefined) return;
  const limiter = new RateLimiter(config.rateLimit, clock);
  try {
    for (const instance of config.instances.filter(({ id }) => set.instanceIds.includes(id))) {
      const { region, endpoint } = instance;
      const { requestTimeoutMs } = config;
      const api = createAcrApi({ sdk, endpoint, region, credentials: source, requestTimeoutMs, knownCodes, redactor });
      for (const repository of instance.repositories) {
        const problem = await checkRepository({ api, limiter, instance, repository, refresh: () => source.ensure() });
        yield { subject: `${instance.id} ${describe(repository)}`, problem };
      }
    }
  } finally {
    limiter.stop();
  }
}

type Attempt = {
  readonly api: AcrApi;
  readonly limiter: RateLimiter;
  readonly instance: InstanceConfig;
  readonly repository: RepositoryConfig;
  readonly refresh: () => Promise<void>;
};

/** Looks the repository up if the exporter would, and asks for its first tag. */
async function checkRepository({
  api,
  limiter,
  instance,
  repository: given,
  refresh,
}: Attempt): Promise<string | undefined> {
  const instanceId = instance.id;
  let repository = given;
  const inSlot = async <Result>(ask: () => Promise<Result>): Promise<Result> => {
    await refresh();
    return new Promise((resolve, reject) => {
      void limiter.start(() => ask().then(resolve, reject));
    });
  };
  if (given.id === '' || given.name === '') {
    const names = { instanceId, repoNamespaceName: given.namespace, repoName: given.name };
    const lookup = inSlot(() => api.getRepository(given.id === '' ? names : { instanceId, repoId: given.id }));
    const error = await problemOf(lookup);
    if (error !== undefined) return explain(error, 'GetRepository', instance, given);
    const { repoId, repoNamespaceName, repoName } = (await lookup).body;
    repository = { ...given, id: repoId, namespace: repoNamespaceName, name: repoName };
  }
  const tag = repository.tags[0]?.tag ?? '';
  const error = await problemOf(inSlot(() => api.getRepoTagScanStatus({ instanceId, repoId: repository.id, tag })));
  return error && `tag ${tag}: ${explain(error, 'GetRepoTagScanStatus', instance, repository)}`;
}

function explain(
  { code, kind, message }: ApiError,
  operation: keyof typeof RAM_ACTIONS,
  instance: InstanceConfig,
  repository: RepositoryConfig,
): string {
  const failure = `${operation} failed with ${code}: ${message}`;
  if (kind !== 'denied') return failure;
  return `the RAM action ${RAM_ACTIONS[operation]} on ${ramResource(instance, repository)} is missing (${failure})`;
}

/** The error of an attempt; undefined when there is none. */
async function problemOf(attempt: Promise<unknown>): Promise<ApiError | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

function describe({ namespace, name, id }: RepositoryConfig): string {
  return name === '' ? id : `${namespace}/${name}`;
}
