// The configuration as the program uses it: with all defaults, units in the names, absolute paths.
import type { ConnectionSettings } from '../model/connection-settings.ts';
import type { CredentialSettings } from '../model/credential-settings.ts';
import type { WebhookSettings } from '../model/events.ts';
import type { ReplicasSettings } from '../model/replicas.ts';
import type { Backoff, ConfiguredRepository, DiscoverRule, Intervals, PerTag, RateLimits } from '../model/settings.ts';

/** The configuration file. Immutable: a reload makes a new one. */
export type Config = {
  /** For instances without credentials of their own. */
  readonly credentials: CredentialSettings;
  /** For each set of credentials. */
  readonly rateLimit: RateLimits;
  readonly requestTimeoutMs: number;
  readonly intervals: Intervals;
  readonly backoff: Backoff;
  readonly metrics: { readonly perTag: PerTag };
  /** From the end of a discovery run over an instance to the next. */
  readonly discoveryIntervalMs: number;
  /** The maximum number of watched tags, unless the file lists more. Of the discovered tags, the newest are kept. */
  readonly maxTags: number;
  readonly events: EventsConfig;
  /** For the credentials of the top level. Instances have their own, or a copy. */
  readonly connection: ConnectionSettings;
  /** Undefined: this exporter does all of the work. */
  readonly replicas?: ReplicasSettings | undefined;
  /** At least one; ids are unique. */
  readonly instances: readonly InstanceConfig[];
};

/** How events arrive, and what they change, for all instances. */
export type EventsConfig = {
  /** Undefined: no events are accepted over HTTP. */
  readonly webhook: WebhookSettings | undefined;
  /** The interval of tags whose scan is complete, while the events of their instance are healthy. */
  readonly completeMs: number;
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
  readonly connection: ConnectionSettings;
  /** Several may be about one repository, but no two of them list the same tag. Not empty unless `discover` is not. */
  readonly repositories: readonly ConfiguredRepository[];
  /** How often to ask for new records of its event center; undefined for never. */
  readonly feedMs: number | undefined;
  /** The rules that find more tags in the instance. */
  readonly discover: readonly DiscoverRule[];
};
