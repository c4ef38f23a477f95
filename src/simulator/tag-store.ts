// The tags of a repository as they are now: pushes add and move them, deletions remove them.
import { Image, type ImageSettings, type Origin, type Rules } from './image.ts';

export type RegistryTag = {
  readonly tag: string;
  readonly scanService: string;
  /** What holds for all its images. */
  readonly settings: ImageSettings;
  /** Whether the scenario writes its course: then pushes at random leave it alone. */
  readonly isScripted: boolean;
  /** When its deletion begins, in milliseconds since the simulator started: `Infinity` for never. */
  readonly deletingFromMs: number;
  /** When it was pushed first, in milliseconds since the simulator started. */
  readonly createdMs: number;
  readonly image: Image;
  /** The images that it had before, the last one first. */
  readonly former: readonly Image[];
};

/** What a tag begins with. */
export type TagStart = Pick<RegistryTag, 'scanService' | 'settings' | 'isScripted' | 'deletingFromMs'>;

/** A push to a tag. */
export type Push = {
  readonly tag: string;
  readonly atMs: number;
  /** Which push to this tag it is; together with the tag's name, its randomness follows from it. */
  readonly which: readonly (string | number)[];
  /** What the scenario says of the tag, if it is new. */
  readonly start?: TagStart | undefined;
  /** What is said of this image alone. */
  readonly settings?: ImageSettings | undefined;
};

const MOST_FORMER_IMAGES = 10;
const NONE: readonly Image[] = [];
const PLAIN_TAG: TagStart = {
  scanService: 'ACR_SCAN_SERVICE',
  settings: {},
  isScripted: false,
  deletingFromMs: Number.POSITIVE_INFINITY,
};

export class TagStore {
  readonly #rules: Rules;
  readonly #identity: readonly string[];
  readonly #tags = new Map<string, RegistryTag>();
  #newestFirst: readonly RegistryTag[] | undefined;

  /** @param identity the ids of the instance and the repository */
  constructor(rules: Rules, identity: readonly string[]) {
    this.#rules = rules;
    this.#identity = identity;
  }

  get all(): ReadonlyMap<string, RegistryTag> {
    return this.#tags;
  }

  /** As ListRepoTag shows them: the last push first; of pushes at the same time in the order of their names. */
  get newestFirst(): readonly RegistryTag[] {
    this.#newestFirst ??= [...this.#tags.values()].sort(
      (a, b) => b.image.pushedMs - a.image.pushedMs || (a.tag < b.tag ? -1 : 1),
    );
    return this.#newestFirst;
  }

  /** Adds a tag that is older than the simulator, or than the repository: `startMs` is when the course of its scans begins. */
  addOld(tag: string, start: TagStart, pushedMs: number, startMs: number): void {
    const origin = { identity: [...this.#identity, tag], pushedMs, scannedFromMs: startMs, isNew: false };
    const image = new Image(this.#rules, start.settings, origin);
    this.#set({ ...start, tag, createdMs: pushedMs, image, former: NONE });
  }

  /**
   * A tag that is there moves to a new image, whose scan begins; one that is not there is new. Pushing the digest that a tag has
   * changes nothing but the time of its last push.
   */
  push({ tag, atMs, which, start = PLAIN_TAG, settings = {} }: Push): RegistryTag {
    const before = this.#tags.get(tag);
    if (before && settings.digest !== undefined && before.image.hasDigest(settings.digest)) {
      before.image.pushedMs = atMs;
      return this.#set(before);
    }
    const { image, former } = before ?? {};
    const { digest, ...lasting } = (before ?? start).settings;
    const origin: Origin = {
      identity: [...this.#identity, tag, ...which],
      pushedMs: atMs,
      scannedFromMs: atMs,
      isNew: true,
    };
    const merged = { ...lasting, ...(before ? {} : { digest }), ...settings };
    return this.#set({
      ...(before ?? { ...start, tag, createdMs: atMs }),
      image: new Image(this.#rules, merged, origin),
      former: image && former ? [image, ...former].slice(0, MOST_FORMER_IMAGES) : NONE,
    });
  }

  delete(tag: string): void {
    this.#newestFirst = undefined;
    this.#tags.delete(tag);
  }

  #set(tag: RegistryTag): RegistryTag {
    this.#newestFirst = undefined;
    this.#tags.set(tag.tag, tag);
    return tag;
  }
}
