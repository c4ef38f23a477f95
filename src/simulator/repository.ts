// A repository, whose tags change over time: a look at the tags first makes all changes that are due.

import type { Image, ImageSettings } from './image.ts';
import type { ChangeSource } from './scheduled-changes.ts';
import type { RegistryTag, TagStore } from './tag-store.ts';
import type { Course } from './timeline.ts';

export type RepositoryNames = {
  readonly instanceId: string;
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  /** Its RepoStatus. */
  readonly status: string;
};

/** Receives what changes the scans of a repository's tags. */
export interface RepositoryObserver {
  /** A tag was pushed; `isSame` says that it has the image that it had already. */
  pushed(repository: SimulatedRepository, tag: RegistryTag, atMs: number, isSame: boolean): void;
  /** The scan of a tag takes another course from now on; `before` is the status until now. */
  courseChanged(repository: SimulatedRepository, tag: RegistryTag, atMs: number, before: string): void;
}

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
  #observer: RepositoryObserver | undefined;

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

  /** Sets the course of the scan of a tag, which begins now. */
  setCourse(tag: RegistryTag, course: Course, elapsedMs: number): void {
    this.#change(tag, elapsedMs, () => tag.image.setCourse(course, elapsedMs));
  }

  /** Starts a scan of an image of a tag now, which may be a former one. */
  startScan(tag: RegistryTag, image: Image, elapsedMs: number): void {
    this.#change(tag, elapsedMs, () => image.startScan(elapsedMs));
  }

  /** Reports all changes to `observer` from now on. */
  observe(observer: RepositoryObserver): void {
    this.#observer = observer;
    this.#store.onPush = (tag, atMs, isSame) => observer.pushed(this, tag, atMs, isSame);
  }

  /** When a push or a deletion is due next; `Infinity` when none follows. */
  get nextChangeMs(): number {
    return this.#next()?.nextMs ?? Number.POSITIVE_INFINITY;
  }

  deleteTag(tag: string, elapsedMs: number): void {
    this.#storeAt(elapsedMs).delete(tag);
  }

  #change(tag: RegistryTag, elapsedMs: number, change: () => void): void {
    const { image } = tag;
    const before = { status: image.scanAt(elapsedMs).status, courses: image.courses };
    change();
    if (image.courses !== before.courses) this.#observer?.courseChanged(this, tag, elapsedMs, before.status);
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
