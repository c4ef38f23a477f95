// The values on the status page and in the JSON API.

import type { DiscoveryStatus, EventsStatus, SchedulerStatus } from '../model/exporter-status.ts';
import type { ReplicaStatus } from '../model/replicas.ts';
import type { PollError, ScanStatus, TagHistory, Vulnerabilities, VulnerabilityTotals } from '../model/scan.ts';

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
  readonly status: ScanStatus;
  readonly sinceMs: number;
  readonly lastPollMs: number | undefined;
  readonly lastSuccessMs: number | undefined;
  /** Undefined while a poll is under way, or waits for a lookup. */
  readonly nextPollMs: number | undefined;
  /** Set while the last poll has failed. */
  readonly lastError: PollError | undefined;
  readonly source: Source;
  /** Whether its scan has been under way for too long. */
  readonly stuck: boolean;
  /** Whether its last answer is too old. */
  readonly stale: boolean;
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

/** What only the view of a single tag shows. */
export type TargetDetails = {
  /** As configured; empty when not. */
  readonly scanTaskId: string;
  /** `ACR_SCAN_SERVICE`, `SAS_SCAN_SERVICE`, or empty when not known. */
  readonly scanService: string;
  /** Failed polls in a row. */
  readonly failures: number;
  readonly history: TagHistory;
};

/** What can be wrong with the tags of a repository, the worst first. `errors`: the last poll has failed. `high`: vulnerabilities, not tags. */
export const PROBLEMS = ['failed', 'stuck', 'stale', 'unknown', 'errors', 'high', 'not_scanned'] as const;
export type RepositoryProblem = (typeof PROBLEMS)[number];

/** The repositories of a problem, and which of them has most of it. */
export type ProblemTotal = {
  readonly count: number;
  readonly repositories: number;
  readonly most: RepositoryRow | undefined;
};

export type RepositoryRow = {
  readonly instanceId: string;
  readonly repoNamespace: string;
  readonly repoName: string;
  readonly problems: Readonly<Record<RepositoryProblem, number>>;
};

export type ProblemSummary = {
  readonly totals: Readonly<Record<RepositoryProblem, ProblemTotal>>;
  /** Tags that wait for the first answer, and no request has failed. */
  readonly waiting: number;
  /** Repositories with a problem. */
  readonly repositories: number;
  /** Some of them, the worst first. */
  readonly worst: readonly RepositoryRow[];
};

/** `NAMESPACE/NAME`, or the id while the names are not known. */
export function repositoryName({ repoNamespace, repoName }: Pick<TargetRow, 'repoNamespace' | 'repoName'>): string {
  return repoNamespace === '' ? repoName : `${repoNamespace}/${repoName}`;
}

export type ReloadFailure = { readonly timeMs: number; readonly problems: readonly string[] };

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
  /** How many instances the configuration has. */
  readonly instances: number;
  /** Why the last reload failed; undefined if it succeeded, or none was tried. */
  readonly reloadFailure: ReloadFailure | undefined;
  /** Watched tags by scan status, every status present. */
  readonly totals: Readonly<Record<ScanStatus, number>>;
  readonly vulnerabilities: VulnerabilityTotals;
  /** Only instances with discovery. */
  readonly discovery: readonly DiscoveryStatus[];
  /** Only instances with events. */
  readonly events: readonly EventsStatus[];
  /** The limit beyond which discovery leaves tags out. */
  readonly maxTags: number;
  readonly quota: readonly SchedulerStatus[];
  /** Undefined for one exporter alone. */
  readonly replica?: ReplicaStatus | undefined;
};
