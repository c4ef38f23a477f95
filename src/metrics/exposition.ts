// The page at /metrics: the cached text of all watched tags, rendered again only where something changed, and after it the metrics of
// the exporter itself, rendered for every scrape.
import { type ExpositionFormat, type MetricsPage, type PageSelection, WHOLE_PAGE } from '../model/metrics-page.ts';
import type { PerTag } from '../model/settings.ts';
import type { RepositoryTotals, StoreObserver, WatchedTag } from '../state/store.ts';
import { YieldEvery } from '../util/yield-every.ts';
import { CONTENT_TYPES } from './exposition-format.ts';
import { deflate, gzipMember } from './gzip.ts';
import type { Block } from './series-block.ts';
import { type CollectedFamilyBlocks, SeriesCache, selectBlocks } from './series-cache.ts';
import {
  hasSeries,
  REPOSITORY_FAMILIES,
  type RepositorySnapshot,
  repositoryLabels,
  TAG_FAMILIES,
  type TagSnapshot,
  tagLabels,
} from './tag-families.ts';

/** So many groups of new tags take some 10 ms to render; then the event loop gets a turn. A block takes less to compress. */
const STEPS_PER_TURN = 16;

/** A scrape renders at most twice the whole page and so many groups of rows more, which takes some milliseconds. */
const MAX_EXTRA_GROUPS = 500;

/** Renders the selected families of the exporter itself: metadata and lines, without the end mark of OpenMetrics. */
export interface SelfFamilies {
  render(format: ExpositionFormat, selection: PageSelection): Promise<string>;
}

export type ScrapeRequest = {
  readonly format: ExpositionFormat;
  readonly gzip: boolean;
  /** The part of the page; the whole page by default. */
  readonly selection?: PageSelection;
};

const TAG_NAMES = TAG_FAMILIES.map(({ name }) => name);

/** Observes the store: a change only marks the row of the tag, and the next scrape renders the marked rows. */
export class Exposition implements StoreObserver {
  readonly #selfFamilies: SelfFamilies;
  readonly #yieldEvery: YieldEvery;
  readonly #repositories = new SeriesCache<RepositoryTotals, RepositorySnapshot>({
    families: REPOSITORY_FAMILIES,
    snapshot: (totals) => ({ ...totals, counts: { ...totals.counts }, vulnerabilities: { ...totals.vulnerabilities } }),
    labels: repositoryLabels,
    labelSource: ({ repository }) => repository,
    instanceId: ({ repository }) => repository.instanceId,
  });
  readonly #tags = new SeriesCache<WatchedTag, TagSnapshot>({
    families: TAG_FAMILIES,
    snapshot: (tag) => (hasSeries(tag, this.#perTag) ? { target: tag.target, state: tag.state } : undefined),
    labels: tagLabels,
    labelSource: ({ target }) => target,
    instanceId: ({ target }) => target.repository.instanceId,
  });
  #perTag: PerTag = 'full';
  /** The rendering under way, which all scrapes that wait for it share. */
  #rendering: Promise<readonly CollectedFamilyBlocks[]> | undefined;
  /** Whether a scrape that waits for it wants families of tags. */
  #wantsTags = false;
  /** Groups rendered since the last scrape asked for a rendering. */
  #renderedGroups = 0;
  /** Scrapes that wait for the rendering under way, and scrapes that read blocks of earlier ones. */
  #waiting = 0;
  #readers = 0;
  /** The blocks that scrapes get while the page is held. */
  #held: readonly CollectedFamilyBlocks[] | undefined;
  /** Changes under way that hold the page, and the last of their calls of {@link hold} and {@link release}. */
  #holders = 0;
  #lastStep: Promise<void> = Promise.resolve();

  constructor(selfFamilies: SelfFamilies, yieldEvery = new YieldEvery(undefined, STEPS_PER_TURN)) {
    this.#selfFamilies = selfFamilies;
    this.#yieldEvery = yieldEvery;
  }

  /** Which tags have series of their own. */
  set perTag(perTag: PerTag) {
    if (perTag === this.#perTag) return;
    this.#perTag = perTag;
    this.#tags.changeAll();
  }

  tagAdded(tag: WatchedTag): void {
    this.#tags.add(tag);
  }

  tagChanged(tag: WatchedTag): void {
    this.#tags.change(tag);
  }

  tagRemoved(tag: WatchedTag): void {
    this.#tags.remove(tag);
  }

  repositoryAdded(totals: RepositoryTotals): void {
    this.#repositories.add(totals);
  }

  repositoryChanged(totals: RepositoryTotals): void {
    this.#repositories.change(totals);
  }

  repositoryRemoved(totals: RepositoryTotals): void {
    this.#repositories.remove(totals);
  }

  /**
   * The page, or a part of it, as of now or, while it is held, as of {@link hold}. Scrapes at the same time share the work. A part without
   * families of tags renders no tag.
   */
  async scrape({ format, gzip, selection = WHOLE_PAGE }: ScrapeRequest): Promise<MetricsPage> {
    const { names } = selection;
    const families = await this.#upToDate(names === undefined || TAG_NAMES.some((name) => names.has(name)));
    const blocks = selectBlocks(families, selection);
    const done = once(() => this.#readers--);
    try {
      const end = format === 'openmetrics' ? '# EOF\n' : '';
      const rest = Buffer.from((await this.#selfFamilies.render(format, selection)) + end);
      const chunks = gzip ? await this.#compress(blocks, rest) : [...blocks.map(({ bytes }) => bytes), rest];
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      // The compressed form of a block is never overwritten.
      if (gzip) done();
      return { chunks, length, contentType: CONTENT_TYPES[format], done };
    } catch (error) {
      done();
      throw error;
    }
  }

  /** Renders and compresses what is known, so that the first scrape need not wait for that. */
  async prepare(): Promise<void> {
    const families = await this.#upToDate(true);
    this.#readers--;
    await this.#deflateAll(selectBlocks(families, WHOLE_PAGE));
  }

  /**
   * Holds the page during a change of many tags that takes several turns of the event loop, so that no scrape sees half of it. Several
   * changes at the same time are shown when all have ended.
   */
  async holdDuring<Result>(change: () => Promise<Result>): Promise<Result> {
    this.#holders++;
    try {
      await this.#step(() => this.hold());
      return await change();
    } finally {
      this.#holders--;
      await this.#step(async () => {
        if (this.#holders === 0) await this.release();
      });
    }
  }

  #step(step: () => Promise<void>): Promise<void> {
    const taken = this.#lastStep.then(step);
    this.#lastStep = taken.catch(() => {});
    return taken;
  }

  /** From when this resolves until {@link release}, scrapes see the tags as they are now. */
  async hold(): Promise<void> {
    const families = await this.#upToDate(true);
    if (this.#held) this.#readers--;
    else this.#held = families;
  }

  /**
   * Ends {@link hold}: the next scrape sees the changes since then. They are rendered first, and compressed if the held page was, so that
   * the next scrape need not wait for that. The hold ends even if that fails.
   */
  async release(): Promise<void> {
    if (!this.#held) return;
    try {
      this.#renderedGroups = 0;
      while (this.#renderNext(true)) await this.#yieldEvery.next();
      if (selectBlocks(this.#held, WHOLE_PAGE).some(({ isDeflated }) => isDeflated))
        await this.#deflateAll(selectBlocks(this.#collect(true), WHOLE_PAGE));
    } finally {
      if (this.#held) this.#readers--;
      this.#held = undefined;
    }
  }

  /**
   * Renders what is stale and returns all blocks at that moment, with every change before the call. Changes during it are included too, but
   * if they come as fast as they are rendered, it ends after about twice the whole page, and the blocks are not of one moment. The caller
   * becomes one of the readers.
   *
   * @param wantsTags whether the caller needs the families of tags: else they may be missing
   */
  #upToDate(wantsTags: boolean): Promise<readonly CollectedFamilyBlocks[]> {
    this.#waiting++;
    this.#wantsTags ||= wantsTags;
    this.#renderedGroups = 0;
    this.#rendering ??= this.#renderStale();
    return this.#rendering;
  }

  async #renderStale(): Promise<readonly CollectedFamilyBlocks[]> {
    try {
      // Awaits before the first group, so that `#rendering` is set before it ends.
      do await this.#yieldEvery.next();
      while (this.#held === undefined && this.#renderNext(this.#wantsTags));
      this.#readers += this.#waiting;
      return this.#held ?? this.#collect(this.#wantsTags);
    } finally {
      // A later change is not in these blocks: the next scrape starts another rendering.
      this.#waiting = 0;
      this.#wantsTags = false;
      this.#rendering = undefined;
    }
  }

  /** Renders one group. False when none is stale, or when the limit is reached. */
  #renderNext(wantsTags: boolean): boolean {
    // The caches alternate, so within the limit each renders all groups that are stale now: those come first.
    const limit = 2 * (this.#repositories.groups + this.#tags.groups) + MAX_EXTRA_GROUPS;
    if (this.#renderedGroups >= limit) return false;
    const [first, second] =
      this.#renderedGroups % 2 === 0 ? [this.#repositories, this.#tags] : [this.#tags, this.#repositories];
    const unread = this.#readers === 0;
    this.#renderedGroups++;
    if (!wantsTags) return this.#repositories.renderNext(unread);
    return first.renderNext(unread) || second.renderNext(unread);
  }

  #collect(wantsTags: boolean): CollectedFamilyBlocks[] {
    return [...this.#repositories.collect(), ...(wantsTags ? this.#tags.collect() : [])];
  }

  async #compress(blocks: readonly Block[], rest: Buffer): Promise<Buffer[]> {
    await this.#deflateAll(blocks);
    return gzipMember([...blocks.map((block) => block.deflate()), deflate(rest)]);
  }

  async #deflateAll(blocks: readonly Block[]): Promise<void> {
    const plain = blocks.filter(({ isDeflated }) => !isDeflated);
    await this.#yieldEvery.each(plain, (block) => block.deflate());
  }
}

/** Calls `action` at the first call only. */
function once(action: () => void): () => void {
  let called = false;
  return () => {
    if (!called) action();
    called = true;
  };
}
