// The values on the status page and in the JSON API.

import type { DiscoveryStatus, EventsStatus, SchedulerStatus } from '../model/exporter-status.ts';
import type { PollError, Vulnerabilities, VulnerabilityTotals } from '../model/scan.ts';

/** Why a tag is watched: the configuration lists it, or discovery found it. */
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
  /** Set while the last poll has failed. */
  readonly lastError: PollError | undefined;
  readonly source: Source;
  /** Whether the configuration asks for its vulnerabilities. */
  readonly wantsVulnerabilities: boolean;
  /** Found by the last complete scan; undefined if not known or not asked for. */
  readonly vulnerabilities: Vulnerabilities | undefined;
  /** Set while the last request for the vulnerabilities has failed. */
  readonly vulnerabilitiesError: PollError | undefined;
};

/**
 * The watched tags at one moment, in the order of the configuration. A row is made at each access, with the state of its tag at that time:
 * all rows of 100,000 tags at once would take some 20 MB for each request.
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
  /** Only instances with discovery. */
  readonly discovery: readonly DiscoveryStatus[];
  /** Only instances with events. */
  readonly events: readonly EventsStatus[];
  /** The limit beyond which discovery leaves tags out. */
  readonly maxTags: number;
  readonly quota: readonly SchedulerStatus[];
};
