// Reads all pages of a list, over failures of the API and changes of the list between two pages.

import { ApiError } from '../acr/api-error.ts';
import type { ApiAction } from '../acr/operations.ts';
import type { Backoff } from '../model/settings.ts';
import type { RequestSender } from '../polling/request-sender.ts';
import { backoffDelayMs } from '../scheduler/poll-delay.ts';
import type { Clock } from '../util/clock.ts';
import type { Page, PagedList, Position } from './paged-list.ts';

/** Why something could not be listed. */
export type ListFailure = Pick<ApiError, 'code' | 'kind' | 'message' | 'requestId'>;

export type ListSource<Item> = {
  readonly instanceId: string;
  readonly action: ApiAction;
  /** When the first request is due, by the monotonic clock. */
  readonly startAtMs: number;
  readonly ask: (position: Position, dueAtMs: number) => Promise<Page<Item> | ApiError>;
  /** Compares the watched items of this list with those that were listed. */
  readonly compare: (listed: ReadonlyMap<string, Item>) => MissingCounts;
  /** Called when all watched items of this list are gone, which two attempts say. */
  readonly allGone: (count: number) => void;
  readonly requests: RequestSender;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly backoff: () => Backoff;
};

/** How many watched items an earlier run found in this list, and how many of them the present list lacks. */
export type MissingCounts = { readonly watched: number; readonly lacking: number };

/** A request with transient failures is made so often, with back-off. */
const MAX_ATTEMPTS = 3;

/**
 * Reads all pages. Reads them a second time when items seem to be gone that may have moved between two pages, when all items seem to be gone
 * at once, or when the end of the list is doubtful. Returns the reason when the list could not be read.
 */
export async function listAll<Item>(
  listing: PagedList<Item>,
  source: ListSource<Item>,
): Promise<ListFailure | undefined> {
  const failure = await listOnce(listing, source);
  if (failure !== undefined) return failure;
  const { requests, instanceId, action, compare, allGone } = source;
  if (!listing.isDoubtful) {
    const { watched, lacking } = compare(listing.items);
    if (lacking === 0 || (listing.isSnapshot && lacking < watched)) return undefined;
  }
  if (!listing.isEndless) {
    listing.restart();
    const second = await listOnce(listing, source);
    if (second !== undefined) return second;
  }
  if (!listing.isDoubtful) {
    const { watched, lacking } = compare(listing.items);
    if (watched > 0 && lacking === watched) allGone(watched);
    return undefined;
  }
  requests.failed(instanceId, action, 'InvalidResponse');
  return { code: 'InvalidResponse', kind: 'answered', message: listing.shortfall, requestId: '' };
}

async function listOnce<Item>(listing: PagedList<Item>, source: ListSource<Item>): Promise<ListFailure | undefined> {
  while (!listing.isComplete) {
    const page = await askAgain(listing.position, source);
    if (page instanceof ApiError) return page;
    listing.add(page);
  }
  return undefined;
}

async function askAgain<Item>(position: Position, { ask, startAtMs, clock, random, backoff }: ListSource<Item>) {
  let page = await ask(position, startAtMs);
  for (let failures = 1; failures < MAX_ATTEMPTS && page instanceof ApiError && isTransient(page); failures += 1) {
    page = await ask(position, clock.monotonic() + backoffDelayMs(failures, backoff(), random()));
  }
  return page;
}

/** Whether the same request may succeed later. */
export function isTransient({ kind }: ListFailure): boolean {
  return kind === 'throttled' || kind === 'transport' || kind === 'refused';
}
