// The configuration as the program uses it: every default filled in, every unit in the name, every path absolute.
import type { CredentialSettings } from '../model/credential-settings.ts';

/** All that the configuration file says. Immutable: a reload makes a new one. */
export type Config = {
  /** For instances that bring none of their own. */
  readonly credentials: CredentialSettings;
  /** For each set of credentials. */
  readonly rateLimit: { readonly requestsPerSecond: number; readonly maxConcurrent: number };
  readonly requestTimeoutMs: number;
  /** From the end of a poll to the next, by the status that it found. */
  readonly intervals: {
    readonly scanningMs: number;
    readonly completeMs: number;
    readonly failedMs: number;
    readonly notScannedMs: number;
  };
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
  readonly metrics: { readonly perTag: PerTag };
  /** From the end of a pass over an instance to the next. */
  readonly discoveryIntervalMs: number;
  /** Beyond so many watched tags, of those that discovery finds only the newest are watched. */
  readonly maxTags: number;
  /** At least one; ids are unique. */
  readonly instances: readonly InstanceConfig[];
};

/** A registry instance. */
export type InstanceConfig = {
  readonly id: string;
  readonly region: string;
  /** `host` is a name or an address, IPv6 in brackets, with `:port` where one was given. */
  readonly endpoint: { readonly protocol: 'http' | 'https'; readonly host: string };
  /** Empty when absent. */
  readonly domain: string;
  /** Replaces the top-level block for this instance. */
  readonly credentials: CredentialSettings | undefined;
  /** Several may stand for one repository; no two of those list the same tag. At least one unless something is to be discovered. */
  readonly repositories: readonly RepositoryConfig[];
  /** What to look for in the instance. */
  readonly discover: readonly DiscoverConfig[];
};

/** Which tags have series of their own: all; those that are not complete, whose last poll failed or that have high findings; none. */
export type PerTag = 'full' | 'problems' | 'none';

/** What to watch of all that an instance has; patterns may contain `*` and `?`. */
export type DiscoverConfig = {
  readonly namespaces: readonly string[];
  readonly repositories: readonly string[];
  readonly excludeRepositories: readonly string[];
  readonly tags: readonly string[];
  readonly excludeTags: readonly string[];
  /** Tags of each repository, by the time of the last push; undefined for all. */
  readonly newest: number | undefined;
  /** Since the last push; undefined for any. */
  readonly maxAgeMs: number | undefined;
  readonly vulnerabilities: boolean;
};

/** A repository: `namespace` and `name`, or `id`, or all three; what is absent is empty. */
export type RepositoryConfig = {
  readonly namespace: string;
  readonly name: string;
  readonly id: string;
  /** Whether to ask what the scans of its tags found. */
  readonly vulnerabilities: boolean;
  /** At least one. */
  readonly tags: readonly TagConfig[];
};

/** A tag to watch. `digest` and `scanTaskId` are empty when absent. */
export type TagConfig = { readonly tag: string; readonly digest: string; readonly scanTaskId: string };
