// What is watched of one instance.

import type { Repository } from '../model/target.ts';
import type { WatchedInstance } from '../polling/instance.ts';
import type { YieldEvery } from '../util/yield-every.ts';
import { RepositoryIds, RepositoryIndex, type WantedRepository } from './listed.ts';
import { isListed, type WatchedRepository } from './watched-repository.ts';

export class InstanceTargets {
  readonly instance: WatchedInstance;
  /** What lookups and discovery have found; kept over reloads. */
  readonly known = new RepositoryIds();
  readonly repositories = new Set<WatchedRepository>();
  readonly #index = new RepositoryIndex<WatchedRepository>();
  /** Whether what discovery finds is new: not while its first pass finds what was there before the process started. */
  findsNew: boolean;

  constructor(instance: WatchedInstance, findsNew: boolean) {
    this.instance = instance;
    this.findsNew = findsNew;
  }

  find(repository: Repository): WatchedRepository | undefined {
    return this.#index.find(repository);
  }

  findById(id: string): WatchedRepository | undefined {
    return this.#index.findById(id);
  }

  /** Another one than `watched` that is, or would be, this repository. */
  findOther(watched: WatchedRepository, repository: Repository): WatchedRepository | undefined {
    this.#index.remove(watched.repository, watched);
    const other = this.#index.find(repository);
    this.#index.add(watched.repository, watched);
    return other;
  }

  /** The watched repository that each wanted one goes on as, or a new one; in the order of the wanted ones. */
  async match(
    wanted: readonly WantedRepository[],
    breath: YieldEvery,
  ): Promise<Map<WatchedRepository, WantedRepository>> {
    const pairs = new Map<WatchedRepository, WantedRepository>();
    await breath.each(wanted, (each) => {
      const found = this.find(each.repository);
      const goesOn = found !== undefined && !pairs.has(found) && !contradicts(found.repository, each.repository);
      pairs.set(goesOn ? found : this.create(each.repository, 0), each);
    });
    return pairs;
  }

  /** Watches a repository that has no tags yet. */
  create(repository: Repository, order: number): WatchedRepository {
    const watched: WatchedRepository = {
      instance: this.instance,
      repository,
      knownId: repository.id,
      order,
      hasListedId: false,
      polls: new Map(),
      lookup: undefined,
      doubts: 0,
      doubtedAtMs: Number.NEGATIVE_INFINITY,
    };
    this.add(watched);
    return watched;
  }

  add(watched: WatchedRepository): void {
    this.repositories.add(watched);
    this.#index.add(watched.repository, watched);
  }

  delete(watched: WatchedRepository): void {
    this.repositories.delete(watched);
    this.#index.remove(watched.repository, watched);
  }

  /** A repository that is watched only because of tags that were found goes with the last of them. */
  closeIfEmpty(watched: WatchedRepository): void {
    if (watched.polls.size > 0 || isListed(watched)) return;
    this.delete(watched);
    this.known.forget(watched.repository);
  }

  /** A repository is to be found under what is now known of it, from the moment when `relabel` returns. Resolves as that does. */
  reindex(watched: WatchedRepository, relabel: () => Promise<void>): Promise<void> {
    this.#index.remove(watched.repository, watched);
    const relabelled = relabel();
    this.#index.add(watched.repository, watched);
    return relabelled;
  }
}

/** Whether what is known of the tags of `watched` is of another repository than this one: it was made anew. */
export function isMadeAnew({ knownId }: WatchedRepository, { id }: Repository): boolean {
  return id !== '' && knownId !== '' && id !== knownId;
}

/** Same names, but another id: a different repository. */
export function contradicts(one: Repository, other: Repository): boolean {
  return one.id !== '' && other.id !== '' && one.id !== other.id;
}

/** Whether two descriptions say the same, what is wanted of the repository included. */
export function isSameRepository(one: Repository, other: Repository): boolean {
  const keys = ['id', 'namespace', 'name', 'domain', 'vulnerabilities'] as const;
  return keys.every((key) => one[key] === other[key]);
}
