// The scan of a tag in the exporter's terms: its status, what it found, and why a poll failed.

/** `not_scanned`: the registry has the image and reports no scan of it. `unknown`: not answered yet, or a status that this version does not know. */
export const SCAN_STATUSES = ['scanning', 'retrying', 'complete', 'failed', 'not_scanned', 'unknown'] as const;
export type ScanStatus = (typeof SCAN_STATUSES)[number];

/** What a request asks about a scan: its status, or its summary, which has the vulnerabilities. */
export const SCAN_SUBJECTS = ['status', 'summary'] as const;
export type ScanSubject = (typeof SCAN_SUBJECTS)[number];

/** Whether a scan with this status is running. */
export function isUnderWay(status: ScanStatus): boolean {
  return status === 'scanning' || status === 'retrying';
}

/** Whether a tag with this status was scanned, or its scan is running. */
export function hadScan(status: ScanStatus): boolean {
  return isUnderWay(status) || status === 'complete' || status === 'failed';
}

/** From the worst to the unrated; the API has no others. */
export const SEVERITIES = ['high', 'medium', 'low', 'unknown'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** How many vulnerabilities of each severity there are. */
export type Vulnerabilities = Readonly<Record<Severity, number>>;

/** The vulnerabilities of all watched tags together. */
export type VulnerabilityTotals = {
  /** Tags for which the configuration asks for vulnerabilities. */
  readonly wantedTags: number;
  /** Tags whose vulnerabilities are known. */
  readonly knownTags: number;
  readonly found: Vulnerabilities;
};

/** Why a request failed. */
export type PollError = {
  readonly code: string;
  readonly message: string;
  /** Empty when there is none. */
  readonly requestId: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly timeMs: number;
};

/** A status that a tag had, until the next one. */
export type FormerStatus = { readonly status: ScanStatus; readonly sinceMs: number };

/** What happened to a tag since the process started, as far as it is kept. The oldest first. */
export type TagHistory = { readonly formerStatuses: readonly FormerStatus[]; readonly errors: readonly PollError[] };

/** The code of a poll that was answered with a status that this version does not know. */
export const UNKNOWN_STATUS = 'UnknownStatus';
