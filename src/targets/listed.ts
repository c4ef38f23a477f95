// What is to be watched, as the configuration lists it, and what it amounts to once entries for the same repository are one.

import type { ConfiguredRepository, ListedTag } from '../model/settings.ts';
import type { FoundRepository, Repository } from '../model/target.ts';
import type { MaybeYield } from '../util/yield-every.ts';

export type ListedInstance = {
  readonly id: string;
  readonly domain: string;
  /** What is to be found of it beside what is listed. */
  readonly discover: readonly unknown[];
  readonly repositories: readonly ConfiguredRepository[];
};

/** A repository with all tags that the entries for it list, in their order. */
export type WantedRepository = {
  repository: Repository;
  /** Whether one of the entries gives its id, so that it was not looked up. */
  hasListedId: boolean;
  readonly tags: Map<string, ListedTag>;
};

/** Which id goes with which names, as far as known; what lookups have found is kept over reloads, so that nothing is looked up twice. */
export class RepositoryIds {
  readonly #namesById = new Map<string, { readonly namespace: string; readonly name: string }>();
  readonly #idByNames = new Map<string, string>();

  learn({ id, namespace, name }: FoundRepository): void {
    this.#namesById.set(id, { namespace, name });
    this.#idByNames.set(namesKey(namespace, name), id);
  }

  /** The id of these names, if it was learnt. */
  idOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string | undefined {
    return this.#idByNames.get(namesKey(namespace, name));
  }

  /** The repository is another one by now: it is to be looked up anew. */
  forget({ id, namespace, name }: FoundRepository): void {
    this.#namesById.delete(id);
    this.#idByNames.delete(namesKey(namespace, name));
  }

  /** Fills in what is known of what is missing. */
  fill({ id, namespace, name }: FoundRepository): FoundRepository {
    if (name === '') return { id, namespace, name, ...this.#namesById.get(id) };
    return { id: id || (this.idOf({ namespace, name }) ?? ''), namespace, name };
  }
}

/** Finds repositories by id and by names: two that share either are the same. */
export class RepositoryIndex<Item> {
  readonly #byId = new Map<string, Item>();
  readonly #byNames = new Map<string, Item>();

  find({ id, namespace, name }: Repository): Item | undefined {
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

/** Told when two entries list one tag of what turned out to be one repository; the first entry's stays. */
export type OnDuplicate = (repository: Repository, tag: string) => void;

/** An instance's repositories, each once. `breathe` is called for every entry and every tag. */
export async function wantedRepositories(
  { id: instanceId, domain, repositories }: ListedInstance,
  known: RepositoryIds,
  onDuplicate: OnDuplicate,
  breathe: MaybeYield,
): Promise<WantedRepository[]> {
  const given = new RepositoryIds();
  for (const entry of repositories) if (entry.id !== '' && entry.name !== '') given.learn(entry);
  const index = new RepositoryIndex<WantedRepository>();
  const wanted = new Set<WantedRepository>();
  for (const entry of repositories) {
    const listed = given.fill(entry);
    const { id, namespace, name } = known.fill(listed);
    const { vulnerabilities } = entry;
    const repository = { instanceId, domain, id, namespace, name: name || id, vulnerabilities };
    const same = index.find(repository);
    const target = same ?? { repository, hasListedId: false, tags: new Map<string, ListedTag>() };
    wanted.add(target);
    target.hasListedId ||= listed.id !== '';
    target.repository = unite(target.repository, repository);
    index.add(target.repository, target);
    await breathe();
    for (const tag of entry.tags) {
      if (target.tags.has(tag.tag)) onDuplicate(target.repository, tag.tag);
      else target.tags.set(tag.tag, tag);
      await breathe();
    }
  }
  return [...wanted];
}

/** What two descriptions of the same repository say together; the first has the word where both speak. */
export function unite(first: Repository, second: Repository): Repository {
  const names = first.namespace === '' ? second : first;
  return { ...first, id: first.id || second.id, namespace: names.namespace, name: names.name };
}

/** Repositories are told apart by their names as a pair; JSON keeps `a/b` + `c` apart from `a` + `b/c`. */
export function namesKey(namespace: string, name: string): string {
  return JSON.stringify([namespace, name]);
}
