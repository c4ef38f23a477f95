// One pass over an instance: lists its repositories, and the tags of each that may be wanted.
import type { ApiError } from '../../acr/api.ts';
import type { Clock } from '../../util/clock.ts';
import { isNoSuchRepository } from '../poller.ts';
import type { Reply } from '../requests.ts';
import type { FoundTag } from '../task.ts';
import { type Backoff, backoffDelayMs } from '../timing.ts';
import type { FoundRepository } from '../watch-list.ts';
import type { DiscoverySettings, Harvest } from './harvest.ts';
import { Listing, PAGE_SIZE, type Page } from './listing.ts';
import type { Turns } from './turns.ts';

export type PassOptions = {
  readonly turns: Turns;
  readonly harvest: Harvest;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly backoff: () => Backoff;
  /** Told of each repository whose tags could not be listed, and of each that was listed. */
  readonly repositoryFailed: (repository: FoundRepository, error: ApiError) => void;
  readonly repositoryListed: (repository: FoundRepository) => void;
};

/** A request that failed for a reason that may pass is made so often, with back-off. */
const ATTEMPTS = 3;

/** After so many repositories in a row that could not be listed for such a reason, the others are not tried. */
const MOST_FAILURES_IN_A_ROW = 3;

/** What has failed, if anything: the list of repositories, or the tags of the last repository that could not be listed. */
export type PassResult = { readonly error: ApiError | undefined };

/**
 * Runs a pass. Tags of a repository come and go when its list is whole, repositories when theirs is; what could not be listed stays
 * as it is. Rejects with `Cancelled` when the turns are.
 *
 * @param startAtMs when the first request is due, by the monotonic clock
 */
export async function runPass(
  settings: DiscoverySettings,
  startAtMs: number,
  options: PassOptions,
): Promise<PassResult> {
  const { harvest, repositoryFailed, repositoryListed } = options;
  const { instanceId, rules } = settings;
  const repositories = new Listing<FoundRepository>(({ id }) => id);
  const error = await listRepositories(repositories, settings, startAtMs, options);
  if (error !== undefined) return { error };
  let failure: ApiError | undefined;
  let failuresInARow = 0;
  for (const repository of repositories.items.values()) {
    if (!rules.wants(repository)) continue;
    const tags = new Listing<FoundTag>(({ tag }) => tag);
    const problem = await listTags(tags, repository, settings, options);
    if (problem === undefined) await harvest.found(settings, repository, tags.items.values());
    else if (isNoSuchRepository(problem.code)) await harvest.gone(instanceId, repository);
    if (problem === undefined || isNoSuchRepository(problem.code)) {
      repositoryListed(repository);
      failuresInARow = 0;
      continue;
    }
    repositoryFailed(repository, problem);
    failure = problem;
    failuresInARow = mayPass(problem) ? failuresInARow + 1 : 0;
    if (failuresInARow === MOST_FAILURES_IN_A_ROW) break;
  }
  await harvest.listed(instanceId, wantedOnly(repositories.items, settings));
  return { error: failure };
}

/** What the rules do not want (any more) counts as not there. */
function wantedOnly(repositories: ReadonlyMap<string, FoundRepository>, { rules }: DiscoverySettings) {
  return new Map([...repositories].filter(([, repository]) => rules.wants(repository)));
}

function listRepositories(
  listing: Listing<FoundRepository>,
  { instanceId }: DiscoverySettings,
  startAtMs: number,
  options: PassOptions,
): Promise<ApiError | undefined> {
  const ask = async (pageNo: number, dueAtMs: number): Promise<Reply<Page<FoundRepository>>> => {
    const request = { instanceId, pageNo, pageSize: PAGE_SIZE };
    const reply = await options.turns.ask('ListRepository', (api) => api.listRepository(request), dueAtMs);
    if (reply.error !== undefined) return reply;
    const items = reply.body.repositories.map(({ repoId, repoNamespaceName, repoName }) => {
      return { id: repoId, namespace: repoNamespaceName, name: repoName };
    });
    return { body: { items, totalCount: reply.body.totalCount }, error: undefined };
  };
  return list(listing, {
    ask,
    lacks: (listed) => options.harvest.lacksRepository(instanceId, listed),
    startAtMs,
    options,
  });
}

function listTags(
  listing: Listing<FoundTag>,
  repository: FoundRepository,
  { instanceId }: DiscoverySettings,
  options: PassOptions,
): Promise<ApiError | undefined> {
  const ask = async (pageNo: number, dueAtMs: number): Promise<Reply<Page<FoundTag>>> => {
    const request = { instanceId, repoId: repository.id, pageNo, pageSize: PAGE_SIZE };
    const reply = await options.turns.ask('ListRepoTag', (api) => api.listRepoTag(request), dueAtMs);
    if (reply.error !== undefined) return reply;
    const items = reply.body.images.map(({ tag, digest, imageUpdate }) => {
      return { tag, digest, updatedMs: imageUpdate ?? Number.NEGATIVE_INFINITY };
    });
    return { body: { items, totalCount: reply.body.totalCount }, error: undefined };
  };
  const lacks = (listed: ReadonlyMap<string, unknown>) => options.harvest.lacksTag(instanceId, repository, listed);
  return list(listing, { ask, lacks, startAtMs: options.clock.monotonic(), options });
}

type ListSource<Item> = {
  readonly ask: (pageNo: number, dueAtMs: number) => Promise<Reply<Page<Item>>>;
  /** Whether something is watched that the listing lacks. */
  readonly lacks: (listed: ReadonlyMap<string, Item>) => boolean;
  readonly startAtMs: number;
  readonly options: PassOptions;
};

/** Asks for all pages, and for all of them again where something seems to be gone that may just have moved between two pages. */
async function list<Item>(listing: Listing<Item>, source: ListSource<Item>): Promise<ApiError | undefined> {
  const error = await listOnce(listing, source);
  if (error !== undefined || listing.isSnapshot || !source.lacks(listing.items)) return error;
  listing.again();
  return listOnce(listing, source);
}

async function listOnce<Item>(listing: Listing<Item>, source: ListSource<Item>): Promise<ApiError | undefined> {
  while (!listing.isWhole) {
    const { body, error } = await askPatiently(listing.pageNo, source);
    if (error !== undefined) return error;
    listing.add(body);
  }
  return undefined;
}

async function askPatiently<Item>(pageNo: number, { ask, startAtMs, options }: ListSource<Item>) {
  const { clock, random, backoff } = options;
  let reply = await ask(pageNo, startAtMs);
  for (let failures = 1; failures < ATTEMPTS && reply.error !== undefined && mayPass(reply.error); failures += 1) {
    reply = await ask(pageNo, clock.monotonic() + backoffDelayMs(failures, backoff(), random()));
  }
  return reply;
}

/** Whether a failure says nothing about what was asked for. */
function mayPass({ kind }: ApiError): boolean {
  return kind === 'throttled' || kind === 'transport' || kind === 'refused';
}
