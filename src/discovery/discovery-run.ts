// One run of discovery over an instance: lists its repositories, then the tags of each that a rule takes.

import { ApiError } from '../acr/api-error.ts';
import { isNoSuchList, isNoSuchRepository } from '../acr/error-codes.ts';
import type { AcrOperations, ListRepositoryAnswer, PageRequest } from '../acr/operations.ts';
import type { RuleCount } from '../model/exporter-status.ts';
import type { ListScope } from '../model/list-scopes.ts';
import type { Backoff } from '../model/settings.ts';
import type { FoundRepository, FoundTag } from '../model/target.ts';
import type { RequestSender } from '../polling/request-sender.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import type { DiscoveryRequests } from './discovery-requests.ts';
import { PAGE_SIZE, type Page, PagedList, type Position } from './paged-list.ts';
import { isTransient, type ListFailure, listAll } from './paginate.ts';
import type { Collected, DiscoveredReconciler } from './reconcile-discovered.ts';
import type { DiscoverySettings } from './rules.ts';
import type { TagLimit } from './tag-limit.ts';

export type DiscoveryRunOptions = {
  readonly yieldEvery: YieldEvery;
  readonly discoveryRequests: DiscoveryRequests;
  readonly reconciler: DiscoveredReconciler;
  readonly tagLimit: TagLimit;
  readonly requests: RequestSender;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1). */
  readonly random: () => number;
  readonly backoff: () => Backoff;
  /** The present settings: a reload may change them during a run. */
  readonly settings: () => DiscoverySettings;
  /** Called for each repository whose tags could not be listed, and for each whose tags were listed. */
  readonly repositoryFailed: (repository: FoundRepository, failure: ListFailure) => void;
  readonly repositoryListed: (repository: FoundRepository) => void;
  /** Called for each namespace, or repository in one, that a rule names and that does not exist. */
  readonly scopeMissing: (scope: ListScope, failure: ListFailure) => void;
};

/** After so many transient failures in a row the tags of the other repositories are not listed. */
const MAX_FAILURES_IN_A_ROW = 3;

/** The result of a run. `failure` and `denied` are undefined when everything was listed. */
export type DiscoveryRunResult = {
  /** Why the repositories, or the tags of one of them, could not be listed. */
  readonly failure: ListFailure | undefined;
  /** Why a repository without the right to list its tags was left out. The run still succeeds. */
  readonly denied: ListFailure | undefined;
  /** How many repositories the instance has, and what each rule took; undefined when the repositories could not be listed. */
  readonly found: { readonly repositories: number; readonly counts: readonly RuleCount[] } | undefined;
};

export class DiscoveryRun {
  readonly #options: DiscoveryRunOptions;
  readonly #collected: Collected;
  #failure: ListFailure | undefined;
  #denied: ListFailure | undefined;
  #failuresInARow = 0;
  #beganAtMs = Number.POSITIVE_INFINITY;

  constructor(options: DiscoveryRunOptions) {
    this.#options = options;
    this.#collected = { overLimit: [], counts: options.settings().rules.emptyCounts() };
  }

  /**
   * When the first request was sent, by the monotonic clock; Infinity before. It may be sent before it is due: while credentials are
   * refused, the next task is the probe.
   */
  get beganAtMs(): number {
    return this.#beganAtMs;
  }

  /**
   * Adds and removes the tags of a repository when all of them are listed, and removes repositories when all repositories are listed. What
   * could not be listed stays as it is. Rejects with `Cancelled` when the discovery ends.
   *
   * @param startAtMs when the first request is due, by the monotonic clock
   */
  async run(startAtMs: number): Promise<DiscoveryRunResult> {
    const { reconciler, tagLimit, settings, discoveryRequests, yieldEvery } = this.#options;
    const { overLimit, counts } = this.#collected;
    const { instanceId, rules } = settings();
    const repositories = new Map<string, FoundRepository>();
    for (const scope of rules.scopes) {
      const listing = new PagedList<FoundRepository>(({ id }) => id);
      const failure = await this.#listRepositories(listing, scope, startAtMs);
      if (failure !== undefined) return { failure, denied: undefined, found: undefined };
      for (const [id, repository] of listing.items) repositories.set(id, repository);
    }
    tagLimit.beginRun(instanceId);
    // A repository that no rule takes counts as gone.
    const wanted = new Map<string, FoundRepository>();
    await yieldEvery.each(repositories, ([id, repository]) => {
      rules.countRepository(repository, counts);
      if (rules.takesRepository(repository)) wanted.set(id, repository);
    });
    for (const repository of wanted.values()) {
      await this.#takeTags(repository);
      discoveryRequests.throwIfCancelled();
      if (this.#failuresInARow === MAX_FAILURES_IN_A_ROW) break;
    }
    await reconciler.listed(instanceId, wanted, overLimit);
    discoveryRequests.throwIfCancelled();
    const found = { repositories: repositories.size, counts };
    return { failure: this.#failure, denied: this.#denied, found };
  }

  async #takeTags(repository: FoundRepository): Promise<void> {
    const { reconciler, settings, repositoryListed, repositoryFailed, discoveryRequests } = this.#options;
    const tags = new PagedList<FoundTag>(({ tag }) => tag);
    const failure = await this.#listTags(tags, repository);
    discoveryRequests.throwIfCancelled();
    const isGone = failure !== undefined && isNoSuchRepository(failure.code);
    if (failure === undefined) await reconciler.found(settings(), { repository, tags: tags.items }, this.#collected);
    else if (isGone) await reconciler.gone(settings().instanceId, repository);
    if (failure === undefined || isGone) {
      this.#failuresInARow = 0;
      repositoryListed(repository);
      return;
    }
    repositoryFailed(repository, failure);
    if (failure.kind === 'denied') this.#denied = failure;
    else this.#failure = failure;
    this.#failuresInARow = isTransient(failure) ? this.#failuresInARow + 1 : 0;
  }

  #listRepositories(
    listing: PagedList<FoundRepository>,
    scope: ListScope,
    startAtMs: number,
  ): Promise<ListFailure | undefined> {
    const { discoveryRequests, settings, reconciler, scopeMissing, clock, logger } = this.#options;
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
        logger.warn('all discovered repositories are gone', fields);
      },
      ask: async (position, dueAtMs) => {
        const request = { instanceId, ...filterOf(scope), ...pageOf(position) };
        const list = (api: AcrOperations) => {
          this.#beganAtMs = Math.min(this.#beganAtMs, clock.monotonic());
          return api.listRepository(request);
        };
        const isMissing = ({ code }: ApiError) => scope.namespace !== undefined && isNoSuchList(code);
        const answer = await discoveryRequests.ask('ListRepository', list, dueAtMs, isMissing);
        if (!(answer instanceof ApiError)) return repositoryPage(answer);
        if (!isMissing(answer)) return answer;
        scopeMissing(scope, answer);
        return EMPTY_PAGE;
      },
    });
  }

  #listTags(listing: PagedList<FoundTag>, repository: FoundRepository): Promise<ListFailure | undefined> {
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
        logger.warn('all discovered tags of a repository are gone', fields);
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
        return { items, deleting: images.length - items.length, totalCount, nextToken };
      },
    });
  }
}

const EMPTY_PAGE: Page<never> = { items: [], deleting: 0, totalCount: 0, nextToken: '' };

/** The repositories of an answer, without those that are being deleted. */
export function repositoryPage({ repositories, totalCount, nextToken }: ListRepositoryAnswer): Page<FoundRepository> {
  const items = repositories
    .filter(({ isGone }) => !isGone)
    .map(({ repoId, repoNamespaceName, repoName }) => {
      return { id: repoId, namespace: repoNamespaceName, name: repoName };
    });
  return { items, deleting: repositories.length - items.length, totalCount, nextToken };
}

/** The filter of ListRepository for a scope. Repositories that are deleted, or being deleted, are left out. */
export function filterOf({ namespace, name }: ListScope) {
  return {
    repoStatus: 'NORMAL',
    ...(namespace !== undefined && { repoNamespaceName: namespace }),
    ...(name !== undefined && { repoName: name }),
  } as const;
}

/** The parameters of a page, by number and by token: an API with tokens uses the token, an older one ignores it. */
export function pageOf({ pageNo, token }: Position): PageRequest {
  const page = { pageNo, pageSize: PAGE_SIZE, maxResults: PAGE_SIZE };
  return token === '' ? page : { ...page, nextToken: token };
}
