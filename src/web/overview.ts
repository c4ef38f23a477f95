// What the pages for people and the JSON API show: plain values, handed in by who knows them.
import type { PollError, Vulnerabilities, VulnerabilityTotals } from '../model/scan.ts';
import type { DiscoveryStatus, SchedulerStatus } from '../model/status.ts';

/** Where a watched tag comes from: the configuration names it, or discovery found it. */
export const SOURCES = ['listed', 'discovered'] as const;
export type Source = (typeof SOURCES)[number];

/** A watched tag. Times are milliseconds since the epoch, undefined when not known. */
export type TargetRow = {
  readonly instanceId: string;
  readonly repoNamespace: string;
  readonly repoName: string;
  readonly repoId: string;
  readonly tag: string;
  readonly digest: string;
  readonly status: string;
  readonly sinceMs: number;
  readonly lastPollMs: number | undefined;
  readonly lastSuccessMs: number | undefined;
  /** Undefined while a poll is under way, or waits for a lookup. */
  readonly nextPollMs: number | undefined;
  /** Set exactly while the last poll failed. */
  readonly lastError: PollError | undefined;
  readonly source: Source;
  /** Whether anybody wants to know the vulnerabilities. */
  readonly wantsVulnerabilities: boolean;
  /** What the last complete scan found, as far as known; undefined too where nobody wants to know. */
  readonly vulnerabilities: Vulnerabilities | undefined;
  /** Set exactly while the last attempt to ask for the vulnerabilities failed, and somebody wants to know. */
  readonly vulnerabilitiesError: PollError | undefined;
};

/**
 * The watched tags at one moment, in the order of the configuration. A row is made when it is looked at, and says how its tag stands then:
 * all rows of 100,000 tags at once would be some 20 MB for each request.
 */
export interface TargetList {
  readonly length: number;
  at(index: number): TargetRow | undefined;
}

/** Everything but the tags. */
export type Overview = {
  readonly nowMs: number;
  readonly startedMs: number;
  readonly version: string;
  /** Empty when not known. */
  readonly revision: string;
  /** Empty while the SDK is being loaded. */
  readonly sdk: string;
  readonly telemetryPath: string;
  readonly ready: boolean;
  /** Watched tags by scan status, every status present. */
  readonly totals: Readonly<Record<string, number>>;
  readonly vulnerabilities: VulnerabilityTotals;
  /** Of the instances that have one. */
  readonly discovery: readonly DiscoveryStatus[];
  /** How many tags are watched at the most before discovery leaves some out. */
  readonly maxTags: number;
  readonly quota: readonly SchedulerStatus[];
};
