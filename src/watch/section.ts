// What is watched of one instance.
import type { Repository } from './target.ts';
import { isListed, type WatchedInstance, type WatchedRepository } from './task.ts';
import { KnownRepositories, RepositoryIndex, type WantedRepository } from './watch-list.ts';

export class Section {
  readonly instance: WatchedInstance;
  /** What lookups and discovery have found; kept over reloads. */
  readonly known = new KnownRepositories();
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

  /** Each wanted repository with the watched one that it goes on as, or with a new one. */
  match(wanted: readonly WantedRepository[]) {
    const taken = new Set<WatchedRepository>();
    return wanted.map((each) => {
      const found = this.find(each.repository);
      const goesOn = found !== undefined && !taken.has(found) && !contradicts(found.repository, each.repository);
      const watched = goesOn ? found : this.create(each.repository, 0);
      taken.add(watched);
      return { wanted: each, watched };
    });
  }

  /** Watches a repository that has no tags yet. */
  create(repository: Repository, order: number): WatchedRepository {
    const watched: WatchedRepository = {
      instance: this.instance,
      repository,
      order,
      polls: new Map(),
      lookup: undefined,
      doubts: 0,
      doubtableFromMs: Number.NEGATIVE_INFINITY,
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

  /** A repository is to be found under what is now known of it; `relabel` makes that so. */
  reindex(watched: WatchedRepository, relabel: () => void): void {
    this.#index.remove(watched.repository, watched);
    relabel();
    this.#index.add(watched.repository, watched);
  }
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
