// The status of schedulers, discovery and storage, as metrics and the status page show it.
import type { PollError } from './scan.ts';

/** The status of the scheduler of one set of credentials. */
export type SchedulerStatus = {
  /** `default`, or the id of the instance that has credentials of its own. */
  readonly credentials: string;
  /** Whether its loop runs. */
  readonly running: boolean;
  /** Tags due now. */
  readonly due: ByUrgency;
  /** How long the most overdue tag has been due; 0 if none is due. */
  readonly oldestDueSeconds: ByUrgency;
  readonly inFlight: number;
  /** Requests per second. */
  readonly rate: { readonly configured: number; readonly current: number };
  readonly paused: { readonly refused: boolean; readonly throttled: boolean };
  /** Why the credentials are refused; undefined while they are accepted. */
  readonly refusal: CredentialsRefusal | undefined;
  /** The credentials that sign the requests; undefined while there are none. */
  readonly inUse: CredentialsInUse | undefined;
};

/** Times are wall-clock milliseconds since the epoch. */
export type CredentialsRefusal = {
  readonly error: PollError;
  readonly sinceMs: number;
  /** When the next request tries the credentials; in the past while it is under way. */
  readonly nextProbeMs: number;
};

type ByUrgency = { readonly urgent: number; readonly background: number };

/** A description of credentials in use, without secrets. */
export type CredentialsInUse = {
  /** The `type` of the credentials; for the default chain, the type of the chosen provider, or `env`. */
  readonly provider: string;
  /** The role, or the shortened id of the access key. Never a secret. */
  readonly identity: string;
  /** Whether the last attempt to renew them failed. They are still valid. */
  readonly renewalFails: boolean;
};

/** The status of the discovery of one instance. Times are wall-clock milliseconds since the epoch. */
export type DiscoveryStatus = {
  readonly instanceId: string;
  /** Watched tags that discovery found. */
  readonly tags: number;
  /** Whether found tags are left out because there are too many. */
  readonly truncated: boolean;
  /** The end of the last run that succeeded; undefined before the first. */
  readonly lastSuccessMs: number | undefined;
  /** Why the last run failed, or what it was not allowed to list; undefined when it listed everything. */
  readonly lastError: PollError | undefined;
  /** What each rule matched in the last run that listed everything; undefined before the first under these rules. */
  readonly rules: readonly Readonly<RuleCount>[] | undefined;
};

/** The events of one instance. Times are wall-clock milliseconds since the epoch. */
export type EventsStatus = {
  readonly instanceId: string;
  /** Whether they stand in for polls. */
  readonly healthy: boolean;
  /** Whether they may come over HTTP. */
  readonly webhook: boolean;
  /** Undefined without a feed. */
  readonly feed: FeedStatus | undefined;
  /** When the last event about a watched tag arrived; undefined before the first. */
  readonly lastEventMs: number | undefined;
  /** How many ends of scans no event has announced. */
  readonly missed: number;
};

export type FeedStatus = {
  /** The last answer; undefined before the first. */
  readonly lastSuccessMs: number | undefined;
  /** Why the last request failed; undefined when it was answered. */
  readonly lastError: PollError | undefined;
  /** Whether the instance has an event rule, without which its event center has no new records; undefined while it is not known. */
  readonly hasRule: boolean | undefined;
  /** Why the event rules could not be listed; undefined when they were. */
  readonly rulesError: PollError | undefined;
};

/** What one rule matched in a run. */
export type RuleCount = {
  /** Repositories by their names. */
  repositories: number;
  /** Tags in them that match by name, before the limits of age and number. */
  tags: number;
  /** Further repositories, which other replicas watch: what tags they have is not known here. Absent for none. */
  elsewhere?: number;
};

/** Whether a rule takes nothing, which is probably a mistake in it. */
export function matchesNothing({ tags, elsewhere = 0 }: Readonly<RuleCount>): boolean {
  return tags === 0 && elsewhere === 0;
}

/** How saving what is known goes. Undefined: not yet. */
export type SaveStatus = {
  /** Whether the last save succeeded. */
  readonly successful: boolean | undefined;
  /** When a snapshot was last saved, in milliseconds since the epoch. */
  readonly savedMs: number | undefined;
  /** How long the last save took, with or without success. */
  readonly durationSeconds: number | undefined;
};
