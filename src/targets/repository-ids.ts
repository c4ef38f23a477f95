// Which id belongs to which names of a repository.

import type { FoundRepository, Repository } from '../model/target.ts';

/** Which id belongs to which names, as far as it is known. */
export class RepositoryIds {
  readonly #namesById = new Map<string, { readonly namespace: string; readonly name: string }>();
  readonly #idByNames = new Map<string, string>();

  add({ id, namespace, name }: FoundRepository): void {
    this.#namesById.set(id, { namespace, name });
    this.#idByNames.set(namesKey(namespace, name), id);
  }

  /** The id of these names; undefined when it is not known. */
  idOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string | undefined {
    return this.#idByNames.get(namesKey(namespace, name));
  }

  /** Removes a repository, so that it is looked up again. */
  delete({ id, namespace, name }: FoundRepository): void {
    this.#namesById.delete(id);
    this.#idByNames.delete(namesKey(namespace, name));
  }

  /** The repository with its missing id or names, if they are known. */
  complete({ id, namespace, name }: FoundRepository): FoundRepository {
    if (name === '') return { id, namespace, name, ...this.#namesById.get(id) };
    return { id: id || (this.idOf({ namespace, name }) ?? ''), namespace, name };
  }
}

/** Finds repositories by id and by names. Two repositories that share either are the same. */
export class RepositoryIndex<Item> {
  readonly #byId = new Map<string, Item>();
  readonly #byNames = new Map<string, Item>();

  find({ id, namespace, name }: FoundRepository): Item | undefined {
    return (id === '' ? undefined : this.#byId.get(id)) ?? this.#byNames.get(namesKey(namespace, name));
  }

  findById(id: string): Item | undefined {
    return this.#byId.get(id);
  }

  add({ id, namespace, name }: Repository, item: Item): void {
    if (id !== '') this.#byId.set(id, item);
    this.#byNames.set(namesKey(namespace, name), item);
  }

  remove({ id, namespace, name }: Repository, item: Item): void {
    if (this.#byId.get(id) === item) this.#byId.delete(id);
    if (this.#byNames.get(namesKey(namespace, name)) === item) this.#byNames.delete(namesKey(namespace, name));
  }
}

/** Joins two descriptions of the same repository. Where both have a value, the first counts. */
export function mergeDescriptions(first: Repository, second: Repository): Repository {
  const names = first.namespace === '' ? second : first;
  return { ...first, id: first.id || second.id, namespace: names.namespace, name: names.name };
}

/** A key for the pair of names. JSON keeps `a/b` + `c` apart from `a` + `b/c`. */
export function namesKey(namespace: string, name: string): string {
  return JSON.stringify([namespace, name]);
}
