// A watched repository with the polls of its tags.
import type { Repository } from '../model/target.ts';
import type { RepositoryLookup } from '../polling/repository-lookup.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { WatchedInstance } from '../polling/watched-instance.ts';

/** The same object while the repository is watched. */
export type WatchedRepository = {
  readonly instance: WatchedInstance;
  repository: Repository;
  /** The id that the state of its tags belongs to; empty until an id is known. It stays while the id is looked up again. */
  knownId: string;
  /** Its place in the configuration; Infinity when it is not listed there. Of two that are the same repository, the lower one stays. */
  order: number;
  /** Whether the configuration gives its id. Such an id never changes. */
  hasListedId: boolean;
  /** By tag, in the order of the configuration; discovered tags come last. */
  readonly polls: Map<string, TagPoll>;
  /** Set while the id or the names are missing, or the id is checked. */
  lookup: RepositoryLookup | undefined;
  /** How often in a row the id was checked and found unchanged. */
  idChecks: number;
  /** When the id was last checked, by the monotonic clock; minus infinity if never. */
  idCheckedAtMs: number;
};

/** Whether the configuration lists a repository. Else discovery found it. */
export function isListed({ order }: WatchedRepository): boolean {
  return Number.isFinite(order);
}
