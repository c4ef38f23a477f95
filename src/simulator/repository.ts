// A repository, whose tags change over time: as of a moment, everything that was to happen until then has happened.
import type { ChangeSource } from './changes.ts';
import type { ImageSettings } from './image.ts';
import type { RegistryTag, TagStore } from './tag-store.ts';

export type RepositoryNames = {
  readonly instanceId: string;
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  /** Its RepoStatus. */
  readonly status: string;
};

/** Times are in milliseconds since the simulator started, and must not go back from call to call. */
export class Repository implements RepositoryNames {
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

  /** The tags that exist, by their names. */
  tagsAt(elapsedMs: number): ReadonlyMap<string, RegistryTag> {
    return this.#storeAt(elapsedMs).all;
  }

  /** The same in the order of ListRepoTag. */
  newestFirstAt(elapsedMs: number): readonly RegistryTag[] {
    return this.#storeAt(elapsedMs).newestFirst;
  }

  /** Pushes to a tag, new or not. */
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

  /** The source of what happens next; of what happens at the same time, the first. */
  #next(): ChangeSource | undefined {
    return this.#sources.reduce<ChangeSource | undefined>(
      (first, source) => (first && first.nextMs <= source.nextMs ? first : source),
      undefined,
    );
  }
}
