// The parts of the configuration that several rooms use.

/** The limits on the requests of one set of credentials. */
export type RateLimits = { readonly requestsPerSecond: number; readonly maxConcurrent: number };

/** The time from the end of a poll to the next one, by the status that the poll found. */
export type Intervals = {
  readonly scanningMs: number;
  readonly completeMs: number;
  readonly failedMs: number;
  readonly notScannedMs: number;
};

/** The delay after a failure: `initialMs` after the first, doubled after each further one up to `maxMs`. */
export type Backoff = { readonly initialMs: number; readonly maxMs: number };

export type Timing = { readonly intervals: Intervals; readonly backoff: Backoff };

/** Which tags have their own series: all; tags that are not complete, whose last poll failed or that have vulnerabilities of high severity; none. */
export type PerTag = 'full' | 'problems' | 'none';

/** A tag in the configuration. `digest` and `scanTaskId` are empty when absent. */
export type ListedTag = { readonly tag: string; readonly digest: string; readonly scanTaskId: string };

/** A repository in the configuration: `namespace` and `name`, or `id`, or all three; what is absent is empty. */
export type ConfiguredRepository = {
  readonly namespace: string;
  readonly name: string;
  readonly id: string;
  /** Whether to ask for the vulnerabilities of its tags. */
  readonly vulnerabilities: boolean;
  /** At least one. */
  readonly tags: readonly ListedTag[];
};

/** A rule that finds tags of an instance. Patterns may contain the wildcards `*` and `?`. */
export type DiscoverRule = {
  readonly namespaces: readonly string[];
  readonly repositories: readonly string[];
  readonly excludeRepositories: readonly string[];
  readonly tags: readonly string[];
  readonly excludeTags: readonly string[];
  /** The maximum number of tags in each repository, the newest by the time of the last push; undefined for all. */
  readonly newest: number | undefined;
  /** Only tags whose last push is at most this long ago; undefined for any. */
  readonly maxAgeMs: number | undefined;
  /** Whether to ask for the vulnerabilities of the tags. */
  readonly vulnerabilities: boolean;
};
