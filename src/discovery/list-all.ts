// Lists something whole from an API that may fail for a while, and from a list that may move while it is read.

import { type ApiAction, ApiError } from '../acr/api.ts';
import type { Backoff } from '../model/settings.ts';
import type { Requests } from '../polling/requests.ts';
import { backoffDelayMs } from '../scheduler/intervals.ts';
import type { Clock } from '../util/clock.ts';
import type { Listing, Page, Position } from './paginate.ts';

/** Why something could not be listed. */
export type Failure = Pick<ApiError, 'code' | 'kind' | 'message' | 'requestId'>;

export type ListSource<Item> = {
  readonly instanceId: string;
  readonly action: ApiAction;
  /** When the first request is due, by the monotonic clock. */
  readonly startAtMs: number;
  readonly ask: (position: Position, dueAtMs: number) => Promise<Page<Item> | ApiError>;
  /** What is watched and was found that way, and what of it the listing lacks. */
  readonly compare: (listed: ReadonlyMap<string, Item>) => Comparison;
  /** Everything that is watched and was found that way is gone: two listings lack it. */
  readonly allGone: (count: number) => void;
  readonly requests: Requests;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly backoff: () => Backoff;
};

/** How many of what is watched were found by an earlier listing, and how many of these the present one lacks. */
export type Comparison = { readonly watched: number; readonly lacking: number };

/** A request that failed for a reason that may pass is made so often, with back-off. */
const ATTEMPTS = 3;

/**
 * Asks for all pages, and for all of them again where something seems to be gone that may just have moved between two pages, where
 * everything seems to be gone at once, or where the end is doubtful. Gives the reason when the list could not be had.
 */
export async function listAll<Item>(listing: Listing<Item>, source: ListSource<Item>): Promise<Failure | undefined> {
  const failure = await listOnce(listing, source);
  if (failure !== undefined) return failure;
  const { requests, instanceId, action, compare, allGone } = source;
  if (!listing.isDoubtful) {
    const { watched, lacking } = compare(listing.items);
    if (lacking === 0 || (listing.isSnapshot && lacking < watched)) return undefined;
  }
  if (!listing.isEndless) {
    listing.again();
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

async function listOnce<Item>(listing: Listing<Item>, source: ListSource<Item>): Promise<Failure | undefined> {
  while (!listing.isWhole) {
    const page = await askAgain(listing.position, source);
    if (page instanceof ApiError) return page;
    listing.add(page);
  }
  return undefined;
}

async function askAgain<Item>(position: Position, { ask, startAtMs, clock, random, backoff }: ListSource<Item>) {
  let page = await ask(position, startAtMs);
  for (let failures = 1; failures < ATTEMPTS && page instanceof ApiError && mayPass(page); failures += 1) {
    page = await ask(position, clock.monotonic() + backoffDelayMs(failures, backoff(), random()));
  }
  return page;
}

/** Whether a failure may pass by itself, so that the same request is worth another attempt. */
export function mayPass({ kind }: Failure): boolean {
  return kind === 'throttled' || kind === 'transport' || kind === 'refused';
}
