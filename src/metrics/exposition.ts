// The page at /metrics: the text of all watched tags, kept as blocks and written again only where something changed, and after it
// the exporter's own numbers, written for every scrape.
import type { ExpositionFormat, MetricsPage } from '../model/metrics-page.ts';
import type { PerTag } from '../model/settings.ts';
import type { RepositoryTally, StoreObserver, WatchedTag } from '../state/store.ts';
import { type Block, deflate } from './block.ts';
import {
  hasSeries,
  TAG_FAMILIES,
  TALLY_FAMILIES,
  type TagFacts,
  type TallyFacts,
  tagLabels,
  tallyLabels,
} from './families.ts';
import { gzipMember } from './gzip.ts';
import { SeriesCache } from './series-cache.ts';
import { Slices } from './slices.ts';
import { CONTENT_TYPES } from './text.ts';

/** So many groups more than twice a whole page are rendered for one scrape at most; they take some milliseconds. */
const EXTRA_GROUPS = 500;

/** Renders families that are not of watched tags: metadata and lines, without the end mark of OpenMetrics. */
export interface SelfFamilies {
  render(format: ExpositionFormat): Promise<string>;
}

export type ScrapeRequest = { readonly format: ExpositionFormat; readonly gzip: boolean };

/** What is scraped. Observes the store; a change only takes note of the tag, and the next scrape renders what was noted. */
export class Exposition implements StoreObserver {
  readonly #own: SelfFamilies;
  readonly #slices: Slices;
  readonly #tallies = new SeriesCache<RepositoryTally, TallyFacts>({
    families: TALLY_FAMILIES,
    facts: (tally) => ({ ...tally, counts: { ...tally.counts }, vulnerabilities: { ...tally.vulnerabilities } }),
    labels: tallyLabels,
    labelSource: ({ repository }) => repository,
  });
  readonly #tags = new SeriesCache<WatchedTag, TagFacts>({
    families: TAG_FAMILIES,
    facts: (tag) => (hasSeries(tag, this.#perTag) ? { target: tag.target, state: tag.state } : undefined),
    labels: tagLabels,
    labelSource: ({ target }) => target,
  });
  #perTag: PerTag = 'full';
  /** How many groups the catching up that is under way has rendered since somebody last asked for it. */
  #rendered = 0;
  #catchingUp: Promise<readonly Block[]> | undefined;
  /** How many will read what the catching up that is under way is going to collect, and how many read what was collected before. */
  #waiting = 0;
  #readers = 0;
  #held: readonly Block[] | undefined;
  /** How many changes that are to be seen whole are under way, and the last step towards holding the page for them or letting go. */
  #wholeChanges = 0;
  #lastStep: Promise<void> = Promise.resolve();

  constructor(own: SelfFamilies, slices = new Slices()) {
    this.#own = own;
    this.#slices = slices;
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

  tallyAdded(tally: RepositoryTally): void {
    this.#tallies.add(tally);
  }

  tallyChanged(tally: RepositoryTally): void {
    this.#tallies.change(tally);
  }

  tallyRemoved(tally: RepositoryTally): void {
    this.#tallies.remove(tally);
  }

  /** The page as of now, or as of {@link hold} while that is in force. Scrapes at the same time share the work. */
  async scrape({ format, gzip }: ScrapeRequest): Promise<MetricsPage> {
    const blocks = await this.#catchUp();
    const done = once(() => this.#readers--);
    try {
      const own = Buffer.from((await this.#own.render(format)) + (format === 'openmetrics' ? '# EOF\n' : ''));
      const chunks = gzip ? await this.#compress(blocks, own) : [...blocks.map(({ bytes }) => bytes), own];
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      // The compressed form of a block is never overwritten.
      if (gzip) done();
      return { chunks, length, contentType: CONTENT_TYPES[format], done };
    } catch (error) {
      done();
      throw error;
    }
  }

  /**
   * Makes a change of many tags that takes several turns of the event loop: scrapes see the page as it was before until it is made. Changes
   * at the same time, or one in the course of another, are seen when all are made.
   */
  async whole<Result>(change: () => Promise<Result>): Promise<Result> {
    this.#wholeChanges++;
    try {
      await this.#step(() => this.hold());
      return await change();
    } finally {
      this.#wholeChanges--;
      await this.#step(async () => {
        if (this.#wholeChanges === 0) await this.release();
      });
    }
  }

  #step(step: () => Promise<void>): Promise<void> {
    const taken = this.#lastStep.then(step);
    this.#lastStep = taken.catch(() => {});
    return taken;
  }

  /**
   * From when this resolves until {@link release}, scrapes see the tags as they are now: for a change of many tags that takes
   * several turns of the event loop and is to be seen whole or not at all.
   */
  async hold(): Promise<void> {
    const blocks = await this.#catchUp();
    if (this.#held) this.#readers--;
    else this.#held = blocks;
  }

  /**
   * Ends {@link hold}: the next scrape sees what has changed meanwhile. What that is is rendered before, and compressed if the page
   * was, so that after a change of many tags the next scrape is not the one to wait. If that fails, the hold ends all the same.
   */
  async release(): Promise<void> {
    if (!this.#held) return;
    try {
      this.#rendered = 0;
      await this.#slices.run(() => this.#renderNext());
      if (this.#held?.some(({ deflated }) => deflated)) await this.#deflateAll(this.#collect());
    } finally {
      if (this.#held) this.#readers--;
      this.#held = undefined;
    }
  }

  /**
   * Renders what waits and returns the blocks of that moment. Everything that changed before the call is in them. What changes
   * during it is as well, unless changes keep coming as fast as they are rendered: then it ends after some more than twice a whole
   * page, and is not of one moment. The caller is from then on one of the readers.
   */
  #catchUp(): Promise<readonly Block[]> {
    this.#waiting++;
    this.#rendered = 0;
    this.#catchingUp ??= this.#renderWaiting();
    return this.#catchingUp;
  }

  async #renderWaiting(): Promise<readonly Block[]> {
    let blocks: readonly Block[] = [];
    try {
      await this.#slices.run(() => {
        if (!this.#held && this.#renderNext()) return true;
        blocks = this.#held ?? this.#collect();
        this.#readers += this.#waiting;
        // From here on a change is not in these blocks: who comes now starts anew.
        this.#startAnew();
        return false;
      });
    } catch (error) {
      this.#startAnew();
      throw error;
    }
    return blocks;
  }

  #startAnew(): void {
    this.#waiting = 0;
    this.#catchingUp = undefined;
  }

  /** Renders one group and returns whether there was one to render, and no more than may be rendered at a time. */
  #renderNext(): boolean {
    // The caches take turns, so this is enough for each to render all that waits now, which is first in line.
    if (this.#rendered >= 2 * (this.#tallies.groups + this.#tags.groups) + EXTRA_GROUPS) return false;
    const [first, second] = this.#rendered % 2 === 0 ? [this.#tallies, this.#tags] : [this.#tags, this.#tallies];
    const unread = this.#readers === 0;
    this.#rendered++;
    return first.renderNext(unread) || second.renderNext(unread);
  }

  #collect(): Block[] {
    const blocks: Block[] = [];
    this.#tallies.collect(blocks);
    this.#tags.collect(blocks);
    return blocks;
  }

  async #compress(blocks: readonly Block[], own: Buffer): Promise<Buffer[]> {
    await this.#deflateAll(blocks);
    return gzipMember([...blocks.map((block) => block.deflate()), deflate(own)]);
  }

  async #deflateAll(blocks: readonly Block[]): Promise<void> {
    const waiting = blocks.filter(({ deflated }) => deflated === undefined);
    await this.#slices.each(waiting, (block) => block.deflate());
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
