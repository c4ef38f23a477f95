// What outlives the process: the records of a snapshot. Times are wall-clock milliseconds since the epoch. What is absent is not known, or has
// its usual value.

import type { ImageName } from './digest.ts';
import type { EventChannel } from './events.ts';
import type { RuleCount } from './exporter-status.ts';
import type { PollError, ScanStatus, ScanSubject } from './scan.ts';

/**
 * One line of a snapshot. Those of credentials and instances come first. A repository comes before its tags, which give its number.
 */
export type SnapshotRecord = RateRecord | InstanceRecord | RepositoryRecord | TagRecord;

/** The request rate that throttling has left of a set of credentials. */
export type RateRecord = { readonly kind: 'rate'; readonly credentials: string } & RateMemory;

export type RateMemory = {
  /** The share of the configured rate that was allowed at `since`; 1 without throttling. */
  readonly share: number;
  readonly since?: number | undefined;
  /** The end of a pause that the API asked for. */
  readonly pausedUntil?: number | undefined;
};

/** What is known of an instance. */
export type InstanceRecord = {
  readonly kind: 'instance';
  readonly id: string;
  readonly names: NamesMemory;
  /** Undefined without discovery. */
  readonly discovery?: DiscoveryMemory | undefined;
  /** Undefined without events. */
  readonly events?: EventsMemory | undefined;
};

/** The events of an instance. */
export type EventsMemory = {
  readonly health: EventHealthMemory;
  /** Undefined without a feed, and before its first answer. */
  readonly cursor?: FeedCursor | undefined;
};

export type EventHealthMemory = {
  readonly missedTooMany: boolean;
  readonly webhookProven: boolean;
  readonly feedWell: boolean;
};

/** Which records of the event center are known: those before `sinceMs`, and these. */
export type FeedCursor = { readonly sinceMs: number; readonly ids: readonly string[] };

/** How an instance finds scans: the image name that works, and until when others are not tried again. */
export type NamesMemory = {
  readonly status?: ImageName | undefined;
  readonly summary?: ImageName | undefined;
  readonly refused: readonly RefusedName[];
};

export type RefusedName = { readonly subject: ScanSubject; readonly name: ImageName; readonly until: number };

/** The discovery of an instance. */
export type DiscoveryMemory = {
  /** The rules, as JSON: with other rules, only `success`, `error` and `truncated` count. */
  readonly rules: string;
  readonly intervalMs: number;
  readonly success?: number | undefined;
  readonly error?: PollError | undefined;
  /** When the last run ended; absent before the first. */
  readonly ended?: number | undefined;
  /** Failed runs in a row. */
  readonly failures: number;
  readonly truncated: boolean;
  readonly counts?: readonly Readonly<RuleCount>[] | undefined;
};

/** A repository with watched tags. */
export type RepositoryRecord = {
  readonly kind: 'repository';
  readonly number: number;
  readonly instance: string;
  /** The id that the state of its tags belongs to; empty when not known. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  /** Whether a lookup or discovery found that these names have this id. Else the configuration says so, or it is not known. */
  readonly found: boolean;
};

/** What is known of a watched tag. */
export type TagRecord = PollMemory & {
  readonly kind: 'tag';
  /** The number of its repository. */
  readonly repository: number;
  readonly tag: string;
  readonly digest?: string | undefined;
  readonly scanTaskId?: string | undefined;
  readonly status: ScanStatus;
  readonly since: number;
  /** True if a poll was answered and the status is `unknown`. With another status a poll was answered. */
  readonly answered?: true | undefined;
  /** The last poll that was answered with a known status. */
  readonly success?: number | undefined;
  /** The last poll, if that is not `success`. */
  readonly poll?: number | undefined;
  readonly error?: PollError | undefined;
  readonly failures?: number | undefined;
  readonly service?: string | undefined;
  /** High, medium, low, unknown. */
  readonly vulnerabilities?: readonly [number, number, number, number] | undefined;
  readonly summaryError?: PollError | undefined;
  /** When the running scan was first seen, if its start was seen. */
  readonly scan?: number | undefined;
  /** True if discovery found the tag, and the configuration does not list it. */
  readonly discovered?: true | undefined;
  /** When discovery says that it was last pushed. */
  readonly updated?: number | undefined;
};

/** What the poll of a tag knows besides the state of the tag. */
export type PollMemory = {
  /** When the image was pushed, else first seen, if that is so short ago that its scan is expected to begin soon. */
  readonly pushed?: number | undefined;
  /** When a list or GetRepoTag last showed the tag, if that saves a request. */
  readonly seen?: number | undefined;
  /** When the vulnerabilities were received. */
  readonly summarised?: number | undefined;
  /** When they are asked for again, if that is due or waits for the back-off. */
  readonly summaryDue?: number | undefined;
  /** Failed requests for them in a row. */
  readonly summaryFailures?: number | undefined;
  /** The event that no answer contains yet. */
  readonly announced?: { readonly channel: EventChannel; readonly time: number } | undefined;
};
