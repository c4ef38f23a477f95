// Several exporters that share the work and the quota.

import type { SecretSource } from './credential-settings.ts';
import type { FoundRepository } from './target.ts';

/** The `replicas` block of the configuration. */
export type ReplicasSettings = {
  /** The URL of Redis, which may hold a password. */
  readonly redisUrl: SecretSource;
  /** The prefix of all keys: members of one group share the work. */
  readonly group: string;
  /** The maximum number of members. Without Redis, each member uses the rate divided by this. */
  readonly max: number;
};

/** The members of the group, as all of them see it. It changes with every member that joins or leaves. */
export type GroupView = {
  /** Grows with every change. */
  readonly epoch: number;
  /** Ids of the members, sorted. */
  readonly members: readonly string[];
};

/** Which repositories this member polls and shows. */
export interface Ownership {
  owns(instanceId: string, repository: FoundRepository): boolean;
}

/** For `acr_replica_*`, and the page. */
export type ReplicaStatus = {
  readonly id: string;
  /** For people. */
  readonly host: string;
  /** Whether the last exchange with Redis succeeded. */
  readonly isConnected: boolean;
  /** Whether the member takes part: false before it joined, and while the group is full. */
  readonly isMember: boolean;
  /** The members that Redis knew at the last exchange, this one included. */
  readonly members: readonly { readonly id: string; readonly host: string }[];
  /** The hosts of members that have had another configuration than this one for a minute. */
  readonly differs: readonly string[];
  /** The last successful exchange, in milliseconds since the epoch; undefined before it. */
  readonly lastExchangeMs: number | undefined;
  /** Why the last exchange failed; undefined if it succeeded. */
  readonly problem: string | undefined;
  readonly max: number;
  /** The part of the rate of each set of credentials, from 0 to 1. */
  readonly shares: readonly { readonly credentials: string; readonly ratio: number }[];
  /** What this replica watches. */
  readonly repositories: number;
  readonly tags: number;
  /** Tags whose state waits to be written. */
  readonly unwrittenTags: number;
};
