// The configuration as the program uses it: every default filled in, every unit in the name, every path absolute.
import type { CredentialSettings } from '../util/credential-settings.ts';

/** All that the configuration file says. Immutable: a reload makes a new one. */
export type Config = {
  /** For instances that bring none of their own. */
  readonly credentials: CredentialSettings;
  /** For each set of credentials. */
  readonly rateLimit: { readonly requestsPerSecond: number; readonly maxConcurrent: number };
  readonly requestTimeoutMs: number;
  /** From the end of a poll to the next, by the status that it found. */
  readonly intervals: { readonly scanningMs: number; readonly completeMs: number; readonly failedMs: number };
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
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
  /** At least one. Several may stand for one repository; no two of those list the same tag. */
  readonly repositories: readonly RepositoryConfig[];
};

/** A repository: `namespace` and `name`, or `id`, or all three; what is absent is empty. */
export type RepositoryConfig = {
  readonly namespace: string;
  readonly name: string;
  readonly id: string;
  /** At least one. */
  readonly tags: readonly TagConfig[];
};

/** A tag to watch. `digest` and `scanTaskId` are empty when absent. */
export type TagConfig = { readonly tag: string; readonly digest: string; readonly scanTaskId: string };
