// One pass over an instance: lists its repositories, and the tags of each that may be wanted.

import { type AcrOperations, ApiError, type ListRepositoryAnswer, type PageRequest } from '../acr/api.ts';
import type { ListScope } from '../model/list-scopes.ts';
import type { Backoff } from '../model/settings.ts';
import type { RuleCount } from '../model/status.ts';
import type { FoundRepository, FoundTag } from '../model/target.ts';
import { isNoSuchList, isNoSuchRepository } from '../polling/error-codes.ts';
import type { Requests } from '../polling/requests.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import { type Failure, listAll, mayPass } from './list-all.ts';
import { Listing, PAGE_SIZE, type Page, type Position } from './paginate.ts';
import type { DiscoveredReconciler, Gathered } from './reconcile-discovered.ts';
import type { DiscoveryRequests } from './requests.ts';
import type { DiscoverySettings } from './rules.ts';
import type { TagLimit } from './tag-limit.ts';

export type DiscoveryRunOptions = {
  readonly breath: YieldEvery;
  readonly discoveryRequests: DiscoveryRequests;
  readonly reconciler: DiscoveredReconciler;
  readonly tagLimit: TagLimit;
  readonly requests: Requests;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1). */
  readonly random: () => number;
  readonly backoff: () => Backoff;
  /** What holds now: a reload may change it in the middle of a pass. */
  readonly settings: () => DiscoverySettings;
  /** Told of each repository whose tags could not be listed, and of each that was listed. */
  readonly repositoryFailed: (repository: FoundRepository, failure: Failure) => void;
  readonly repositoryListed: (repository: FoundRepository) => void;
  /** Told of each namespace, or name in one, that a rule gives and that does not exist: there is nothing to list. */
  readonly nothingThere: (scope: ListScope, failure: Failure) => void;
};

/** After so many repositories in a row that could not be listed for a reason that may pass, the others are not tried. */
const MOST_FAILURES_IN_A_ROW = 3;

/** What a pass has come to; both are undefined when everything was listed. */
export type DiscoveryRunResult = {
  /** Why the list of repositories, or the tags of one, could not be had. */
  readonly failure: Failure | undefined;
  /** Why one that there is no right to list was left out: that does not make the pass a failure. */
  readonly denied: Failure | undefined;
  /** How many repositories the instance has, and what each rule took; undefined where the list of repositories could not be had. */
  readonly found: { readonly repositories: number; readonly counts: readonly RuleCount[] } | undefined;
};

export class DiscoveryRun {
  readonly #options: DiscoveryRunOptions;
  readonly #gathered: Gathered;
  #failure: Failure | undefined;
  #denied: Failure | undefined;
  #failuresInARow = 0;
  #beganAtMs = Number.POSITIVE_INFINITY;

  constructor(options: DiscoveryRunOptions) {
    this.#options = options;
    this.#gathered = { surplus: [], counts: options.settings().rules.noneTaken() };
  }

  /**
   * When its first request was sent, by the monotonic clock; Infinity before. That may be before it was due: while credentials are
   * refused, the next task tries them.
   */
  get beganAtMs(): number {
    return this.#beganAtMs;
  }

  /**
   * Tags of a repository come and go when its list is whole, repositories when theirs is; what could not be listed stays as it
   * is. Rejects with `Cancelled` when the discovery ends.
   *
   * @param startAtMs when the first request is due, by the monotonic clock
   */
  async run(startAtMs: number): Promise<DiscoveryRunResult> {
    const { reconciler, tagLimit, settings, discoveryRequests, breath } = this.#options;
    const { surplus, counts } = this.#gathered;
    const { instanceId, rules } = settings();
    const repositories = new Map<string, FoundRepository>();
    for (const scope of rules.scopes) {
      const listing = new Listing<FoundRepository>(({ id }) => id);
      const failure = await this.#listRepositories(listing, scope, startAtMs);
      if (failure !== undefined) return { failure, denied: undefined, found: undefined };
      for (const [id, repository] of listing.items) repositories.set(id, repository);
    }
    tagLimit.begin(instanceId);
    // What the rules do not want counts as not there.
    const wanted = new Map<string, FoundRepository>();
    await breath.each(repositories, ([id, repository]) => {
      rules.countRepository(repository, counts);
      if (rules.wants(repository)) wanted.set(id, repository);
    });
    for (const repository of wanted.values()) {
      await this.#takeTags(repository);
      discoveryRequests.throwIfCancelled();
      if (this.#failuresInARow === MOST_FAILURES_IN_A_ROW) break;
    }
    await reconciler.listed(instanceId, wanted, surplus);
    discoveryRequests.throwIfCancelled();
    const found = { repositories: repositories.size, counts };
    return { failure: this.#failure, denied: this.#denied, found };
  }

  async #takeTags(repository: FoundRepository): Promise<void> {
    const { reconciler, settings, repositoryListed, repositoryFailed, discoveryRequests } = this.#options;
    const tags = new Listing<FoundTag>(({ tag }) => tag);
    const failure = await this.#listTags(tags, repository);
    discoveryRequests.throwIfCancelled();
    const isGone = failure !== undefined && isNoSuchRepository(failure.code);
    if (failure === undefined) await reconciler.found(settings(), { repository, tags: tags.items }, this.#gathered);
    else if (isGone) await reconciler.gone(settings().instanceId, repository);
    if (failure === undefined || isGone) {
      this.#failuresInARow = 0;
      repositoryListed(repository);
      return;
    }
    repositoryFailed(repository, failure);
    if (failure.kind === 'denied') this.#denied = failure;
    else this.#failure = failure;
    this.#failuresInARow = mayPass(failure) ? this.#failuresInARow + 1 : 0;
  }

  #listRepositories(
    listing: Listing<FoundRepository>,
    scope: ListScope,
    startAtMs: number,
  ): Promise<Failure | undefined> {
    const { discoveryRequests, settings, reconciler, nothingThere, clock, logger } = this.#options;
    const { instanceId } = settings();
    return listAll(listing, {
      ...this.#options,
      instanceId,
      action: 'ListRepository',
      startAtMs,
      compare: (listed) => reconciler.compareRepositories(instanceId, scope, listed),
      allGone: (repositories) => {
        const fields = {
          instance_id: instanceId,
          repo_namespace: scope.namespace,
          repo_name: scope.name,
          repositories,
        };
        logger.warn('all repositories that were found are gone', fields);
      },
      ask: async (position, dueAtMs) => {
        const request = { instanceId, ...filterOf(scope), ...pageOf(position) };
        const list = (api: AcrOperations) => {
          this.#beganAtMs = Math.min(this.#beganAtMs, clock.monotonic());
          return api.listRepository(request);
        };
        const hasNothing = ({ code }: ApiError) => scope.namespace !== undefined && isNoSuchList(code);
        const answer = await discoveryRequests.ask('ListRepository', list, dueAtMs, hasNothing);
        if (!(answer instanceof ApiError)) return repositoryPage(answer);
        if (!hasNothing(answer)) return answer;
        nothingThere(scope, answer);
        return NOTHING;
      },
    });
  }

  #listTags(listing: Listing<FoundTag>, repository: FoundRepository): Promise<Failure | undefined> {
    const { discoveryRequests, settings, reconciler, clock, logger } = this.#options;
    const { instanceId } = settings();
    return listAll(listing, {
      ...this.#options,
      instanceId,
      action: 'ListRepoTag',
      startAtMs: clock.monotonic(),
      compare: (listed) => reconciler.compareTags(instanceId, repository, listed),
      allGone: (tags) => {
        const { namespace, name } = repository;
        const fields = { instance_id: instanceId, repo_namespace: namespace, repo_name: name, tags };
        logger.warn('all tags that were found of a repository are gone', fields);
      },
      ask: async (position, dueAtMs) => {
        const request = { instanceId, repoId: repository.id, ...pageOf(position) };
        const answer = await discoveryRequests.ask('ListRepoTag', (api) => api.listRepoTag(request), dueAtMs);
        if (answer instanceof ApiError) return answer;
        const { images, totalCount, nextToken } = answer;
        const items = images
          .filter(({ isDeleting }) => !isDeleting)
          .map(({ tag, digest, imageUpdate }) => {
            return { tag, digest, updatedMs: imageUpdate ?? Number.NEGATIVE_INFINITY };
          });
        return { items, going: images.length - items.length, totalCount, nextToken };
      },
    });
  }
}

const NOTHING: Page<never> = { items: [], going: 0, totalCount: 0, nextToken: '' };

/** The repositories of an answer that are there to stay. */
export function repositoryPage({ repositories, totalCount, nextToken }: ListRepositoryAnswer): Page<FoundRepository> {
  const items = repositories
    .filter(({ isGone }) => !isGone)
    .map(({ repoId, repoNamespaceName, repoName }) => {
      return { id: repoId, namespace: repoNamespaceName, name: repoName };
    });
  return { items, going: repositories.length - items.length, totalCount, nextToken };
}

/** What ListRepository is asked for of a scope: what is being deleted, or is, is not. */
export function filterOf({ namespace, name }: ListScope) {
  return {
    repoStatus: 'NORMAL',
    ...(namespace !== undefined && { repoNamespaceName: namespace }),
    ...(name !== undefined && { repoName: name }),
  } as const;
}

/** The page by number and by token: an API that knows tokens goes by those, and an older one ignores them. */
export function pageOf({ pageNo, token }: Position): PageRequest {
  const page = { pageNo, pageSize: PAGE_SIZE, maxResults: PAGE_SIZE };
  return token === '' ? page : { ...page, nextToken: token };
}
