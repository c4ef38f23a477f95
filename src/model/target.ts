// What is watched: an image tag of a repository. Identity only; the state of its scan is in `state`.

/** A repository of an instance. Replaced by a new value when a lookup finds what was missing. */
export type Repository = {
  readonly instanceId: string;
  /** Empty while unknown: a repository given by id alone, before its lookup. */
  readonly namespace: string;
  /** The repository's id while the name is unknown. */
  readonly name: string;
  /** `crr-…`; empty while unknown: a repository given by name, before its lookup. */
  readonly id: string;
  /** The instance's registry domain, which makes the `image` label; empty when not configured. */
  readonly domain: string;
  /** Whether to ask for the vulnerabilities of its tags. */
  readonly vulnerabilities: boolean;
};

/** A repository as a lookup or discovery finds it. */
export type FoundRepository = { readonly id: string; readonly namespace: string; readonly name: string };

/** A tag to poll. Immutable; a relabelled or changed target is a new one. */
export type Target = {
  readonly repository: Repository;
  readonly tag: string;
  /** As configured; empty when not. */
  readonly digest: string;
  /** As configured; empty when not. */
  readonly scanTaskId: string;
};

/** A tag as discovery finds it. */
export type FoundTag = {
  readonly tag: string;
  /** Empty when the API does not say. */
  readonly digest: string;
  /** When it was last pushed, in milliseconds since the epoch; minus infinity when the API does not say. */
  readonly updatedMs: number;
};
