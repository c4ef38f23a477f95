// What was true of every tag, and when: put together from many looks at the simulator's state.

/** What `/_sim/state` says of a tag, as far as it is read here. */
export type TagState = {
  readonly instanceId: string;
  readonly repoId: string;
  readonly repoNamespace: string;
  readonly repoName: string;
  readonly tag: string;
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
  /** By the names of a repository. */
  readonly #ids = new Map<string, Set<string>>();
  /** By instance and id of a repository. */
  readonly #names = new Map<string, string>();
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
    for (const [key, phases] of this.#phases) {
      const last = phases.at(-1);
      if (last !== undefined && !seen.has(key)) last.to = Math.min(last.to, elapsedMs);
    }
  }

  /** Takes what is true of one tag, as the answer to a push says it. */
  see({ instanceId, repoId, repoNamespace, repoName, tag, digest, status, sinceMs, untilMs }: TagState): void {
    const names = `${instanceId} ${repoNamespace} ${repoName}`;
    this.#ids.set(names, (this.#ids.get(names) ?? new Set()).add(repoId));
    this.#names.set(`${instanceId} ${repoId}`, names);
    const key = tagKey(instanceId, repoId, tag);
    const phases = this.#phases.get(key) ?? [];
    this.#phases.set(key, phases);
    const last = phases.at(-1);
    if (last?.digest === digest && last.status === status && last.from === sinceMs) return;
    if (last !== undefined && last.to < sinceMs) phases.push({ digest: ANY, status: ANY, from: last.to, to: sinceMs });
    else if (last !== undefined) last.to = sinceMs;
    phases.push({ digest, status, from: sinceMs, to: untilMs ?? Number.POSITIVE_INFINITY });
  }

  /** The names of a repository, after those of its instance; undefined where none with this id is known. */
  namesOf(instanceId: string, repoId: string): string | undefined {
    return this.#names.get(`${instanceId} ${repoId}`);
  }

  /** The ids of all repositories with these names that are known: one may have been made anew. */
  idsOf(instanceId: string, namespace: string, name: string): readonly string[] {
    return [...(this.#ids.get(`${instanceId} ${namespace} ${name}`) ?? [])];
  }

  /** What was true of a tag at any instant between two times since the epoch. */
  between(key: string, from: number, to: number): Phase[] {
    const [earliest, latest] = [from - this.#startedTo, to - this.#startedFrom];
    return (this.#phases.get(key) ?? []).filter((phase) => phase.from <= latest && phase.to >= earliest);
  }

  /**
   * Drops what ended before a time since the epoch.
   *
   * @param earlier where more is kept of a tag: by its key, from when on
   */
  forget(before: number, earlier: ReadonlyMap<string, number>): void {
    for (const [key, phases] of this.#phases) {
      const from = Math.min(before, earlier.get(key) ?? before) - this.#startedTo;
      const kept = phases.filter(({ to }) => to >= from);
      if (kept.length > 0) this.#phases.set(key, kept);
      else this.#phases.delete(key);
    }
    const known = new Set([...this.#phases.keys()].map((key) => key.split(' ').slice(0, 2).join(' ')));
    for (const [repository, names] of this.#names) {
      if (known.has(repository)) continue;
      this.#names.delete(repository);
      this.#ids.get(names)?.delete(repository.split(' ')[1] ?? '');
    }
  }
}

export function tagKey(instanceId: string, repoId: string, tag: string): string {
  return `${instanceId} ${repoId} ${tag}`;
}
