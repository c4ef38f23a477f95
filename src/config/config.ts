// The configuration as the program uses it: every default filled in, every unit in the name, every path absolute.
import type { CredentialSettings } from '../model/credential-settings.ts';
import type { Backoff, ConfiguredRepository, DiscoverRule, Intervals, PerTag, RateLimits } from '../model/settings.ts';

/** All that the configuration file says. Immutable: a reload makes a new one. */
export type Config = {
  /** For instances that bring none of their own. */
  readonly credentials: CredentialSettings;
  /** For each set of credentials. */
  readonly rateLimit: RateLimits;
  readonly requestTimeoutMs: number;
  readonly intervals: Intervals;
  readonly backoff: Backoff;
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
  readonly repositories: readonly ConfiguredRepository[];
  /** What to look for in the instance. */
  readonly discover: readonly DiscoverRule[];
};
