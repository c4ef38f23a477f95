// A repository, whose tags change over time: a look at the tags first makes all changes that are due.

import type { ImageSettings } from './image.ts';
import type { ChangeSource } from './scheduled-changes.ts';
import type { RegistryTag, TagStore } from './tag-store.ts';

export type RepositoryNames = {
  readonly instanceId: string;
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  /** Its RepoStatus. */
  readonly status: string;
};

/** Times are in milliseconds since the simulator started. They must not go back from call to call. */
export class SimulatedRepository implements RepositoryNames {
  readonly instanceId: string;
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly status: string;
  readonly #store: TagStore;
  readonly #sources: readonly ChangeSource[];
  #pushesByHand = 0;

  constructor(
    { instanceId, id, namespace, name, status }: RepositoryNames,
    store: TagStore,
    sources: readonly ChangeSource[],
  ) {
    this.instanceId = instanceId;
    this.id = id;
    this.namespace = namespace;
    this.name = name;
    this.status = status;
    this.#store = store;
    this.#sources = sources;
  }

  /** The existing tags by name. */
  tagsAt(elapsedMs: number): ReadonlyMap<string, RegistryTag> {
    return this.#storeAt(elapsedMs).all;
  }

  /** The existing tags in the order of ListRepoTag. */
  newestFirstAt(elapsedMs: number): readonly RegistryTag[] {
    return this.#storeAt(elapsedMs).newestFirst;
  }

  /** Pushes a new tag, or a new image to an existing one. */
  push(tag: string, settings: ImageSettings, elapsedMs: number): RegistryTag {
    const store = this.#storeAt(elapsedMs);
    this.#pushesByHand++;
    return store.push({ tag, atMs: elapsedMs, which: ['push by hand', this.#pushesByHand], settings });
  }

  deleteTag(tag: string, elapsedMs: number): void {
    this.#storeAt(elapsedMs).delete(tag);
  }

  #storeAt(elapsedMs: number): TagStore {
    for (let next = this.#next(); next && next.nextMs <= elapsedMs; next = this.#next()) next.applyTo(this.#store);
    return this.#store;
  }

  /** The source of the next change; of several at the same time, the first source. */
  #next(): ChangeSource | undefined {
    return this.#sources.reduce<ChangeSource | undefined>(
      (first, source) => (first && first.nextMs <= source.nextMs ? first : source),
      undefined,
    );
  }
}
