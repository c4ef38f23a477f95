// What replicas must keep to together, whatever happens to one of them or to Redis: they show each tag once, none is missing for long, and no tag
// loses what is known of it.

/** Milliseconds. So long after an event, tags may be missing. */
const MISSING_FOR_MS = 20_000;
/** Milliseconds. A tag that a replica shows in two looks, with no more between them, was there all the time. */
const SAME_MS = 1_000;

/** What one replica showed. All times are monotonic, in milliseconds. */
export type Look = {
  readonly replica: string;
  /** The page was made at some moment from here… */
  readonly fromMs: number;
  /** … to here. */
  readonly toMs: number;
  /** By tag: since when it has its status, in seconds since 1970; undefined while its status is not known. The statuses of these tags never change. */
  readonly tags: ReadonlyMap<string, number | undefined>;
};

export type Violation = {
  readonly law: 'shown once' | 'not missing' | 'known for good';
  readonly atMs: number;
  /** How many tags, and one of them. */
  readonly tags: number;
  readonly example: string;
  readonly detail: string;
};

export class ReplicaLaws {
  readonly violations: Violation[] = [];
  readonly #expected: readonly string[];
  /** The last looks at each replica, the newest first. */
  readonly #recent = new Map<string, readonly Look[]>();
  readonly #since = new Map<string, number>();
  #lastEventMs = Number.NEGATIVE_INFINITY;

  /** @param expected all tags that the replicas watch together */
  constructor(expected: readonly string[]) {
    this.#expected = expected;
  }

  /** Something happens to a replica or to Redis: until 20 s later, tags may be missing. */
  event(atMs: number): void {
    this.#lastEventMs = Math.max(this.#lastEventMs, atMs);
  }

  /** How many tags have a known status. */
  get known(): number {
    return this.#since.size;
  }

  /**
   * Takes the looks at all replicas at about the same time; one that does not answer has none.
   *
   * @param atMs when the first of them began
   * @returns whether a tag seems to be shown twice. Two more looks at once tell a tag that moved between two looks from one that was shown twice.
   */
  see(atMs: number, looks: readonly Look[]): boolean {
    for (const look of looks) this.#checkOnce(look);
    for (const look of looks) this.#checkKnown(look);
    this.#checkMissing(atMs, looks);
    const shown = looks.reduce((sum, { tags }) => sum + tags.size, 0);
    return shown > new Set(looks.flatMap(({ tags }) => [...tags.keys()])).size;
  }

  #checkOnce(look: Look): void {
    const own = [look, ...(this.#recent.get(look.replica) ?? [])].slice(0, 3);
    this.#recent.set(look.replica, own);
    const twice = new Map<string, string>();
    for (const [replica, others] of this.#recent) {
      if (replica === look.replica) continue;
      for (const other of others) for (const tag of shownDuring(own, other)) twice.set(tag, replica);
    }
    this.#report('shown once', look.fromMs, [...twice.keys()], `by ${look.replica} and ${[...twice.values()][0]}`);
  }

  #checkKnown({ replica, toMs, tags }: Look): void {
    const changed: string[] = [];
    let detail = '';
    for (const [tag, since] of tags) {
      const former = this.#since.get(tag);
      if (since !== undefined) this.#since.set(tag, since);
      if (former === undefined || former === since) continue;
      changed.push(tag);
      detail = `by ${replica} since ${since ?? 'an unknown time'}, formerly since ${former}`;
    }
    this.#report('known for good', toMs, changed, detail);
  }

  #checkMissing(atMs: number, looks: readonly Look[]): void {
    if (atMs - this.#lastEventMs <= MISSING_FOR_MS) return;
    const missing = this.#expected.filter((tag) => !looks.some(({ tags }) => tags.has(tag)));
    this.#report('not missing', atMs, missing, `shown by none of ${looks.map(({ replica }) => replica).join(', ')}`);
  }

  #report(law: Violation['law'], atMs: number, tags: readonly string[], detail: string): void {
    const [example] = tags;
    if (example !== undefined) this.violations.push({ law, atMs, tags: tags.length, example, detail });
  }
}

/** The tags of another replica's look that this one showed all the time: in a look before that one, in one after it, and in those between. */
function shownDuring(own: readonly Look[], other: Look): readonly string[] {
  const after = own[0];
  const atBefore = own.findIndex(({ toMs }) => toMs <= other.fromMs);
  const before = own[atBefore];
  if (after === undefined || before === undefined) return [];
  if (after.fromMs < other.toMs || after.fromMs - before.toMs > SAME_MS) return [];
  return [...other.tags.keys()].filter((tag) => own.slice(0, atBefore + 1).every(({ tags }) => tags.has(tag)));
}
