// The present tags of a repository: pushes add them and move them to new images, deletions remove them.
import { Image, type ImageRules, type ImageSettings, type Origin } from './image.ts';

export type RegistryTag = {
  readonly tag: string;
  readonly scanService: string;
  /** The settings of all its images. */
  readonly settings: ImageSettings;
  /** Whether the scenario has settings for its course. Random pushes do not touch such a tag. */
  readonly isScripted: boolean;
  /** When its deletion begins, in milliseconds since the simulator started; `Infinity` for never. */
  readonly deletingFromMs: number;
  /** The time of its first push, in milliseconds since the simulator started. */
  readonly createdMs: number;
  readonly image: Image;
  /** Its former images, the last one first. */
  readonly former: readonly Image[];
};

/** The settings of a tag at its first push. */
export type TagStart = Pick<RegistryTag, 'scanService' | 'settings' | 'isScripted' | 'deletingFromMs'>;

/** Is called after each push, with the tag as it is then. `isSame` says that the push brought the image that the tag had already. */
export type OnPush = (tag: RegistryTag, atMs: number, isSame: boolean) => void;

/** A push to a tag. */
export type Push = {
  readonly tag: string;
  readonly atMs: number;
  /** The number of the push. Together with the name of the tag it decides everything random. */
  readonly which: readonly (string | number)[];
  /** The settings of the tag, if it is new. */
  readonly start?: TagStart | undefined;
  /** The settings of this image alone. */
  readonly settings?: ImageSettings | undefined;
};

const MAX_FORMER_IMAGES = 10;
const NONE: readonly Image[] = [];
const PLAIN_TAG: TagStart = {
  scanService: 'ACR_SCAN_SERVICE',
  settings: {},
  isScripted: false,
  deletingFromMs: Number.POSITIVE_INFINITY,
};

export class TagStore {
  readonly #rules: ImageRules;
  readonly #identity: readonly string[];
  readonly #tags = new Map<string, RegistryTag>();
  #newestFirst: readonly RegistryTag[] | undefined;
  onPush: OnPush = () => {};

  /** @param identity the ids of the instance and the repository */
  constructor(rules: ImageRules, identity: readonly string[]) {
    this.#rules = rules;
    this.#identity = identity;
  }

  get all(): ReadonlyMap<string, RegistryTag> {
    return this.#tags;
  }

  /** In the order of ListRepoTag: the last push first, and by name where pushes have the same time. */
  get newestFirst(): readonly RegistryTag[] {
    this.#newestFirst ??= [...this.#tags.values()].sort(
      (a, b) => b.image.pushedMs - a.image.pushedMs || (a.tag < b.tag ? -1 : 1),
    );
    return this.#newestFirst;
  }

  /** Adds a tag that was pushed before the start of the simulator or the repository. The course of its scans begins at `startMs`. */
  addOld(tag: string, start: TagStart, pushedMs: number, startMs: number): void {
    const origin = { identity: [...this.#identity, tag], pushedMs, scannedFromMs: startMs, isNew: false };
    const image = new Image(this.#rules, start.settings, origin);
    this.#set({ ...start, tag, createdMs: pushedMs, image, former: NONE });
  }

  /**
   * Adds a tag, or moves an existing one to a new image; the scan of the image begins. A push of the digest that the tag already has changes
   * only the time of its last push.
   */
  push(push: Push): RegistryTag {
    const before = this.#tags.get(push.tag)?.image;
    const tag = this.#push(push);
    this.onPush(tag, push.atMs, tag.image === before);
    return tag;
  }

  #push({ tag, atMs, which, start = PLAIN_TAG, settings = {} }: Push): RegistryTag {
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
      former: image && former ? [image, ...former].slice(0, MAX_FORMER_IMAGES) : NONE,
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
