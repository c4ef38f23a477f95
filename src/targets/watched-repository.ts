// A repository that is watched, with the polls of its tags.
import type { Repository } from '../model/target.ts';
import type { WatchedInstance } from '../polling/instance.ts';
import type { RepositoryLookup } from '../polling/repository-lookup.ts';
import type { TagPoll } from '../polling/tag-poll.ts';

/** One object for as long as the repository is watched. */
export type WatchedRepository = {
  readonly instance: WatchedInstance;
  repository: Repository;
  /** The id that what is known of its tags belongs to; empty before the first is known. It stays while the id is looked up again. */
  knownId: string;
  /** Its place in the configuration: of two that turn out to be the same, the lower one stays. Infinity when it is not listed there. */
  order: number;
  /** Whether the configuration gives its id: then that id stays, whatever becomes of the names. */
  hasListedId: boolean;
  /** By tag, in the order of the configuration; what discovery found comes after. */
  readonly polls: Map<string, TagPoll>;
  /** Set while the id or the names are missing, or while the id is checked against the names again. */
  lookup: RepositoryLookup | undefined;
  /** How often in a row the id was checked again and found the same, and when it was last checked; minus infinity when it never was. */
  doubts: number;
  doubtedAtMs: number;
};

/** Whether the configuration lists a repository; else it is watched only because discovery found it. */
export function isListed({ order }: WatchedRepository): boolean {
  return Number.isFinite(order);
}
