// What was true of every tag, and when: put together from many looks at the simulator's state.

/** What `/_sim/state` says of a tag, as far as it is read here. */
export type TagState = ImageState & {
  readonly instanceId: string;
  readonly repoId: string;
  readonly repoNamespace: string;
  readonly repoName: string;
  readonly tag: string;
  /** The images that it had before. */
  readonly former: readonly ImageState[];
};

export type ImageState = {
  readonly digest: string;
  readonly status: string;
  readonly sinceMs: number;
  readonly untilMs: number | null;
};

export type State = { readonly elapsedMs: number; readonly tags: readonly TagState[] };

/** A status of an image; times in milliseconds since the simulator started. */
export type Phase = { readonly digest: string; readonly status: string; readonly from: number; to: number };

/** A status that was missed between two looks: it may have been any. */
export const ANY = 'any';

export class Truth {
  /** By instance, id of the repository, tag. */
  readonly #phases = new Map<string, Phase[]>();
  /** Of images that a tag has no more: by instance, id of the repository, tag and digest. */
  readonly #former = new Map<string, Phase[]>();
  /** When tags whose phases were dropped were last there, on the simulator's clock. */
  readonly #lastThere = new Map<string, number>();
  /** By instance and id of a repository. */
  readonly #names = new Map<string, string>();
  /** When the last look was taken, on the simulator's clock. */
  #lookedMs = 0;
  #startedFrom = Number.NEGATIVE_INFINITY;
  #startedTo = Number.POSITIVE_INFINITY;

  /** Takes a look that was asked for and answered at these times since the epoch: each look narrows down when the simulator started. */
  look({ elapsedMs, tags }: State, sentAt: number, answeredAt: number): void {
    this.#startedFrom = Math.max(this.#startedFrom, sentAt - elapsedMs);
    this.#startedTo = Math.min(this.#startedTo, answeredAt + 1 - elapsedMs);
    const seen = new Set<string>();
    for (const tag of tags) {
      seen.add(tagKey(tag.instanceId, tag.repoId, tag.tag));
      this.see(tag);
    }
    for (const [key, phases] of [...this.#phases, ...this.#former]) {
      const last = phases.at(-1);
      if (last === undefined || seen.has(tagOf(key)) || last.to <= this.#lookedMs) continue;
      // It was deleted since the last look, and may have had any status until then.
      last.to = Math.max(last.from, this.#lookedMs);
      phases.push({ digest: ANY, status: ANY, from: last.to, to: elapsedMs });
    }
    this.#lookedMs = elapsedMs;
  }

  /** Takes what is true of one tag, as the answer to a push says it. */
  see({ instanceId, repoId, repoNamespace, repoName, tag, former, ...image }: TagState): void {
    this.#names.set(`${instanceId} ${repoId}`, `${instanceId} ${repoNamespace} ${repoName}`);
    const key = tagKey(instanceId, repoId, tag);
    addPhase(this.#phases, key, image);
    for (const each of former) addPhase(this.#former, imageKey(key, each.digest), each);
  }

  /** The names of a repository, after those of its instance; undefined where none with this id is known. */
  namesOf(instanceId: string, repoId: string): string | undefined {
    return this.#names.get(`${instanceId} ${repoId}`);
  }

  /** What was true of a tag at any instant between two times since the epoch. */
  between(key: string, from: number, to: number): Phase[] {
    return this.#between(this.#phases.get(key) ?? [], from, to);
  }

  /** Whether a tag was there at any instant between two times since the epoch, also if what was true of it then was dropped. */
  wasThere(key: string, from: number, to: number): boolean {
    return this.between(key, from, to).length > 0 || (this.#lastThere.get(key) ?? -1) >= from - this.#startedTo;
  }

  /** The tags of a repository that are known, and the keys of each. */
  tagsOf(instanceId: string, repoId: string): { readonly tag: string; readonly key: string }[] {
    const prefix = tagKey(instanceId, repoId, '');
    return [...this.#phases.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => ({ tag: key.slice(prefix.length), key }));
  }

  /** Whether a tag is known to have existed at every instant between two times since the epoch. */
  lasted(key: string, from: number, to: number): boolean {
    const phases = this.between(key, from, to);
    const [first, last] = [phases[0], phases.at(-1)];
    if (first === undefined || last === undefined) return false;
    const isWhole = phases.every(
      ({ status, from: begin }, index) => status !== ANY && (index === 0 || phases[index - 1]?.to === begin),
    );
    return isWhole && first.from <= from - this.#startedTo && last.to >= to - this.#startedFrom;
  }

  /** What was true of an image that a tag has or had, at any instant between two times since the epoch. */
  ofImage(key: string, digest: string, from: number, to: number): Phase[] {
    const ofTag = (this.#phases.get(key) ?? []).filter((phase) => phase.digest === ANY || isSame(phase.digest, digest));
    return this.#between([...ofTag, ...(this.#former.get(imageKey(key, digest)) ?? [])], from, to);
  }

  #between(phases: readonly Phase[], from: number, to: number): Phase[] {
    const [earliest, latest] = [from - this.#startedTo, to - this.#startedFrom];
    return phases.filter((phase) => phase.from <= latest && phase.to >= earliest);
  }

  /**
   * Drops what ended before a time since the epoch.
   *
   * @param earlier where more is kept of a tag: by its key, from when on
   */
  forget(before: number, earlier: ReadonlyMap<string, number>): void {
    for (const all of [this.#phases, this.#former]) {
      for (const [key, phases] of all) {
        const from = Math.min(before, earlier.get(tagOf(key)) ?? before) - this.#startedTo;
        const kept = phases.filter(({ to }) => to >= from);
        const dropped = phases.findLast(({ to }) => to < from);
        if (all === this.#phases && dropped !== undefined) this.#lastThere.set(key, dropped.to);
        if (kept.length > 0) all.set(key, kept);
        else all.delete(key);
      }
    }
    const known = new Set([...this.#phases.keys()].map((key) => key.split(' ').slice(0, 2).join(' ')));
    for (const repository of this.#names.keys()) if (!known.has(repository)) this.#names.delete(repository);
  }
}

/** Adds a phase to those of a tag or an image, unless it is the last of them. */
function addPhase(all: Map<string, Phase[]>, key: string, { digest, status, sinceMs, untilMs }: ImageState): void {
  const phases = all.get(key) ?? [];
  all.set(key, phases);
  const last = phases.at(-1);
  if (last?.digest === digest && last.status === status && last.from === sinceMs) return;
  if (last !== undefined && last.to < sinceMs) phases.push({ digest: ANY, status: ANY, from: last.to, to: sinceMs });
  else if (last !== undefined) last.to = sinceMs;
  phases.push({ digest, status, from: sinceMs, to: untilMs ?? Number.POSITIVE_INFINITY });
}

/** The key of an image of a tag. */
function imageKey(key: string, digest: string): string {
  return `${key} ${bare(digest)}`;
}

/** The key of the tag of an image, or of a tag. */
function tagOf(key: string): string {
  return key.split(' ').slice(0, 3).join(' ');
}

function isSame(digest: string, other: string): boolean {
  return bare(digest) === bare(other);
}

/** A digest without `sha256:`. */
export function bare(digest: string): string {
  return digest.replace(/^sha256:/, '');
}

export function tagKey(instanceId: string, repoId: string, tag: string): string {
  return `${instanceId} ${repoId} ${tag}`;
}
