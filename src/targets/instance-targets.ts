// The targets of one instance.

import type { FoundRepository, Repository } from '../model/target.ts';
import type { WatchedInstance } from '../polling/watched-instance.ts';
import { RepositoryIds, RepositoryIndex } from './repository-ids.ts';
import { isListed, type WatchedRepository } from './watched-repository.ts';

export class InstanceTargets {
  readonly instance: WatchedInstance;
  /** From lookups and discovery; kept over reloads, so that nothing is looked up twice. */
  readonly repositoryIds = new RepositoryIds();
  readonly repositories = new Set<WatchedRepository>();
  readonly #index = new RepositoryIndex<WatchedRepository>();
  /** Whether discovered tags are new. False during the first run, whose tags existed before the process started. */
  findsNew: boolean;

  constructor(instance: WatchedInstance, findsNew: boolean) {
    this.instance = instance;
    this.findsNew = findsNew;
  }

  find(repository: FoundRepository): WatchedRepository | undefined {
    return this.#index.find(repository);
  }

  findById(id: string): WatchedRepository | undefined {
    return this.#index.findById(id);
  }

  /** Another watched repository with the id or the names of `repository`. */
  findOther(watched: WatchedRepository, repository: Repository): WatchedRepository | undefined {
    this.#index.remove(watched.repository, watched);
    const other = this.#index.find(repository);
    this.#index.add(watched.repository, watched);
    return other;
  }

  /** Adds a repository without tags. */
  create(repository: Repository, order: number): WatchedRepository {
    const watched: WatchedRepository = {
      instance: this.instance,
      repository,
      knownId: repository.id,
      order,
      hasListedId: false,
      polls: new Map(),
      lookup: undefined,
      idChecks: 0,
      idCheckedAtMs: Number.NEGATIVE_INFINITY,
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

  /** Deletes a discovered repository that has no tags left. */
  deleteIfEmpty(watched: WatchedRepository): void {
    if (watched.polls.size > 0 || isListed(watched)) return;
    this.delete(watched);
    this.repositoryIds.delete(watched.repository);
  }

  /** Calls `relabel`, and indexes the repository by its new id and names when it returns. Resolves when the promise of `relabel` does. */
  reindex(watched: WatchedRepository, relabel: () => Promise<void>): Promise<void> {
    this.#index.remove(watched.repository, watched);
    const relabelled = relabel();
    this.#index.add(watched.repository, watched);
    return relabelled;
  }
}

/** Whether the repository of `watched` was deleted and created again: what is known of its tags belongs to another id. */
export function isRecreated({ knownId }: WatchedRepository, { id }: Repository): boolean {
  return id !== '' && knownId !== '' && id !== knownId;
}

/** Whether both ids are known and different. */
export function hasOtherId(one: Pick<Repository, 'id'>, other: Pick<Repository, 'id'>): boolean {
  return one.id !== '' && other.id !== '' && one.id !== other.id;
}

/** Whether two descriptions of a repository are equal in every field. */
export function isSameRepository(one: Repository, other: Repository): boolean {
  const keys = ['id', 'namespace', 'name', 'domain', 'vulnerabilities'] as const;
  return keys.every((key) => one[key] === other[key]);
}
