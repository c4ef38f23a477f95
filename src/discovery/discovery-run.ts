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
import type { PushedRepository } from './pushed-repositories.ts';
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
  /** What other runs and single listings of the instance have listed meanwhile. */
  readonly listings: ListingTimes;
};

/** After so many transient failures in a row the tags of the other repositories are not listed. */
const MAX_FAILURES_IN_A_ROW = 3;

/** After so many listings of one repository that another one overtook, the last one counts. */
const MAX_OVERTAKEN = 3;

/** When the tags of each repository of an instance were last listed and applied, since the present run began. */
export class ListingTimes {
  readonly #appliedAtMs = new Map<string, { readonly repository: FoundRepository; readonly atMs: number }>();

  /** The tags of a repository were applied at this time. */
  applied(repository: FoundRepository, atMs: number): void {
    this.#appliedAtMs.set(repository.id, { repository, atMs });
  }

  /** Whether the tags of a repository were applied after this time. */
  isAppliedAfter({ id }: FoundRepository, atMs: number): boolean {
    return (this.#appliedAtMs.get(id)?.atMs ?? Number.NEGATIVE_INFINITY) > atMs;
  }

  /** The repositories that were listed at this time or later. */
  *since(sinceMs: number): Generator<FoundRepository> {
    for (const { repository, atMs } of this.#appliedAtMs.values()) if (atMs >= sinceMs) yield repository;
  }

  /** Forgets what is older. */
  forgetBefore(beforeMs: number): void {
    for (const [id, { atMs }] of this.#appliedAtMs) if (atMs < beforeMs) this.#appliedAtMs.delete(id);
  }
}

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
    const { listings, clock } = this.#options;
    // A repository that no rule takes counts as gone.
    const wanted = new Map<string, FoundRepository>();
    await yieldEvery.each(repositories, ([id, repository]) => {
      if (rules.takesRepository(repository)) wanted.set(id, repository);
    });
    for (const repository of wanted.values()) {
      // Another replica may have joined, which lists it now.
      if (!rules.takesRepository(repository)) continue;
      await this.#takeTags(repository);
      discoveryRequests.throwIfCancelled();
      if (this.#failuresInARow === MAX_FAILURES_IN_A_ROW) break;
    }
    // Other replicas may have handed over repositories meanwhile, or have got some.
    await yieldEvery.each(repositories, ([id, repository]) => {
      rules.countRepository(repository, counts);
      if (rules.takesRepository(repository)) wanted.set(id, repository);
    });
    // A repository that was made meanwhile is not in the lists of this run.
    for (const repository of listings.since(Math.min(this.#beganAtMs, clock.monotonic())))
      wanted.set(repository.id, repository);
    discoveryRequests.throwIfCancelled();
    await reconciler.listed(settings(), wanted, overLimit);
    discoveryRequests.throwIfCancelled();
    const found = { repositories: repositories.size, counts };
    return { failure: this.#failure, denied: this.#denied, found };
  }

  /**
   * Lists the tags of one repository and applies them, if it exists and a rule takes it. What could not be listed stays as it is. Rejects with
   * `Cancelled` when the discovery ends.
   *
   * @param known the repository, if it is watched with its id and names; else it is looked up by its names
   */
  async runFor({ namespace, name }: PushedRepository, known: FoundRepository | undefined): Promise<void> {
    const { reconciler, settings, clock, discoveryRequests } = this.#options;
    const repository = known ?? (await this.#findRepository({ namespace, name }, clock.monotonic()));
    if (repository === undefined || !settings().rules.takesRepository(repository)) return;
    await this.#takeTags(repository);
    discoveryRequests.throwIfCancelled();
    await reconciler.settle(settings(), this.#collected.overLimit);
  }

  async #findRepository(scope: PushedRepository, startAtMs: number): Promise<FoundRepository | undefined> {
    const listing = new PagedList<FoundRepository>(({ id }) => id);
    const failure = await this.#listRepositories(listing, scope, startAtMs);
    if (failure !== undefined) return undefined;
    return [...listing.items.values()].find(
      ({ namespace, name }) => namespace === scope.namespace && name === scope.name,
    );
  }

  async #takeTags(repository: FoundRepository): Promise<void> {
    const { reconciler, settings, repositoryListed, repositoryFailed, discoveryRequests, listings, clock } =
      this.#options;
    let tags = new PagedList<FoundTag>(({ tag }) => tag);
    let failure: ListFailure | undefined;
    for (let overtaken = 0; overtaken < MAX_OVERTAKEN; overtaken += 1) {
      const beganAtMs = clock.monotonic();
      tags = new PagedList<FoundTag>(({ tag }) => tag);
      failure = await this.#listTags(tags, repository);
      discoveryRequests.throwIfCancelled();
      if (failure !== undefined || !listings.isAppliedAfter(repository, beganAtMs)) break;
    }
    const isGone = failure !== undefined && isNoSuchRepository(failure.code);
    if (failure === undefined) {
      await reconciler.found(settings(), { repository, tags: tags.items }, this.#collected);
      listings.applied(repository, clock.monotonic());
    } else if (isGone) await reconciler.gone(settings().instanceId, repository);
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
