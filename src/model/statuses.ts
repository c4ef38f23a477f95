// What is asked of the scheduler and of discovery at every scrape.

/** How the scheduler of one set of credentials stands. */
export type SchedulerStatus = {
  /** `default`, or the id of the instance that brings its own. */
  readonly credentials: string;
  /** Whether its loop runs. */
  readonly running: boolean;
  /** Tags due now. */
  readonly due: ByClass;
  /** How overdue the longest overdue tag is; 0 when none is due. */
  readonly oldestDueSeconds: ByClass;
  readonly inFlight: number;
  /** Requests a second. */
  readonly rate: { readonly configured: number; readonly current: number };
  readonly paused: { readonly refused: boolean; readonly throttled: boolean };
  /** What signs the requests; undefined while there are no credentials. */
  readonly inUse: CredentialsInUse | undefined;
};

/** Credentials in words that may be shown. */
export type CredentialsInUse = {
  readonly provider: string;
  readonly identity: string;
  /** Whether they could not be renewed at the last attempt. */
  readonly renewalFails: boolean;
};

type ByClass = { readonly urgent: number; readonly background: number };

/** How the discovery of one instance stands. */
export type DiscoveryStatus = {
  readonly instanceId: string;
  /** Watched because they were found. */
  readonly tags: number;
  readonly truncated: boolean;
  /** Wall clock, milliseconds since the epoch; undefined before the first pass that succeeded. */
  readonly lastSuccessMs: number | undefined;
  /** How many repositories each rule took in the last pass that succeeded; undefined before the first. */
  readonly rules: readonly { readonly repositories: number; readonly tags: number }[] | undefined;
};
