// What the pages for people and the JSON API show: plain values, handed in by who knows them.

export type LastError = {
  readonly code: string;
  readonly message: string;
  /** Empty when there is none. */
  readonly requestId: string;
  readonly timeMs: number;
};

/** From the worst to those that nobody has rated. */
export const SEVERITIES = ['high', 'medium', 'low', 'unknown'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** How many vulnerabilities of each severity there are. */
export type Vulnerabilities = Readonly<Record<Severity, number>>;

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
  readonly lastError: LastError | undefined;
  readonly source: Source;
  /** Whether anybody wants to know the vulnerabilities. */
  readonly wantsVulnerabilities: boolean;
  /** What the last complete scan found, as far as known; undefined too where nobody wants to know. */
  readonly vulnerabilities: Vulnerabilities | undefined;
  /** Set exactly while the last attempt to ask for the vulnerabilities failed, and somebody wants to know. */
  readonly vulnerabilitiesError: LastError | undefined;
};

/**
 * The watched tags at one moment, in the order of the configuration. A row is made when it is looked at, and says how its tag stands then:
 * all rows of 100,000 tags at once would be some 20 MB for each request.
 */
export interface TargetList {
  readonly length: number;
  at(index: number): TargetRow | undefined;
}

/** How the requests under one set of credentials stand. Rates are requests a second. */
export type QuotaRow = {
  readonly credentials: string;
  readonly rate: { readonly configured: number; readonly current: number };
  readonly inFlight: number;
  readonly due: { readonly urgent: number; readonly background: number };
  readonly oldestDueSeconds: { readonly urgent: number; readonly background: number };
  readonly paused: { readonly refused: boolean; readonly throttled: boolean };
  /** What signs the requests, and whether it could not be renewed at the last attempt; undefined while there are no credentials. */
  readonly inUse: { readonly provider: string; readonly identity: string; readonly renewalFails: boolean } | undefined;
};

/** The vulnerabilities of all tags together. */
export type VulnerabilityTotals = {
  /** Of how many tags anybody wants to know them, and of how many they are known. */
  readonly wantedTags: number;
  readonly knownTags: number;
  readonly found: Vulnerabilities;
};

/** How the discovery of one instance stands. */
export type DiscoveryRow = {
  readonly instanceId: string;
  /** Watched because they were found. */
  readonly tags: number;
  /** Whether found tags are left out because there are too many. */
  readonly truncated: boolean;
  /** The end of the last pass that succeeded; undefined before the first. */
  readonly lastSuccessMs: number | undefined;
  /** Why the last pass failed, or, where it succeeded, what it had no right to list. */
  readonly lastError: LastError | undefined;
  /** What each rule took in the last pass that succeeded; undefined before the first under these rules. */
  readonly rules: readonly { readonly repositories: number; readonly tags: number }[] | undefined;
};

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
  readonly discovery: readonly DiscoveryRow[];
  /** How many tags are watched at the most before discovery leaves some out. */
  readonly maxTags: number;
  readonly quota: readonly QuotaRow[];
};
