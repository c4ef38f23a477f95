// The cached page against a plain model: a page that is written from scratch, line by line, from the tags of that moment.
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { Exposition, type ScrapeRequest } from '../../src/metrics/exposition.ts';
import type { MetricsPage } from '../../src/model/metrics-page.ts';
import type { Repository } from '../../src/model/target.ts';
import { StateStore, type WatchedTag } from '../../src/state/store.ts';
import type { TagEvent } from '../../src/state/tag-state.ts';
import { YieldEvery } from '../../src/util/yield-every.ts';
import { parsePage } from '../helpers/exposition.ts';
import { gunzipMember } from '../helpers/gunzip-member.ts';
import { naiveLines } from '../helpers/naive-page.ts';

const name = fc.oneof(
  fc.constantFrom('v1', 'a"b', 'c\\d', 'e\nf', '🚀', 'x'.repeat(255)),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
);
const repositoryNumber = fc.nat(4);
const at = fc.nat(2 ** 40);
const pick = fc.nat();
const scanService = fc.constantFrom('', 'ACR_SCAN_SERVICE', 'SAS_SCAN_SERVICE');
const error = fc.record({
  code: fc.constantFrom('NoPrivilege', 'Throttling.User', 'HttpStatus_502'),
  message: fc.constant('message'),
  requestId: fc.constant(''),
  timeMs: at,
});
const number = fc.nat(3);
const perTag = fc.constantFrom('problems' as const, 'full' as const, 'none' as const);
const event: fc.Arbitrary<TagEvent> = fc.oneof(
  fc.record({
    type: fc.constant('summary' as const),
    vulnerabilities: fc.record({ high: number, medium: number, low: number, unknown: number }),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('answered' as const),
      status: fc.constantFrom(...(['complete', 'scanning', 'retrying', 'failed', 'not_scanned'] as const)),
      scanService,
    }),
  },
  fc.record({ type: fc.constant('unknown-status' as const), error, scanService }),
  fc.record({ type: fc.constant('failed' as const), error }),
);

/** Several blocks of tags, and more repositories than fit into one block. */
const MANY_TAGS = 150;
const MANY_REPOSITORIES = 70;
/** Enough for holes and splices, and few enough to write from scratch after every step. */
const MAX_TAGS = 400;

const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), repository: repositoryNumber, name, at }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add many' as const), repository: repositoryNumber, at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('add repositories' as const), at }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('apply' as const), pick, event, at }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('apply to all but one' as const), pick, event, at }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('retarget' as const), pick, repository: repositoryNumber }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('remove many' as const), pick, every: fc.constantFrom(7, 1000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('per tag' as const),
      perTag,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('scrape' as const),
      format: fc.constantFrom('text' as const, 'openmetrics' as const),
      gzip: fc.boolean(),
      readsOn: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end reading' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('break own families' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hold' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 12 }) }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** What there is before the first scrape: often whole blocks of tags that have no series, or none in some families. */
const beginning: fc.Arbitrary<readonly Command[]> = fc.oneof(
  fc.constant([]),
  fc
    .record({ repository: repositoryNumber, event, pick, at, perTag })
    .map(({ repository, event, pick, at, perTag }): readonly Command[] => [
      { do: 'per tag', perTag },
      { do: 'add many', repository, at },
      { do: 'apply to all but one', pick, event, at },
    ]),
);

/** Random commands seldom move a tag to another instance, and then remove it. */
const TO_ANOTHER_INSTANCE: Command[] = [
  { do: 'add many', repository: 2, at: 0 },
  { do: 'add', repository: 0, name: 'v1', at: 0 },
  { do: 'retarget', pick: 0, repository: 0 },
  { do: 'remove', pick: 0 },
  { do: 'remove', pick: 149 },
];

/** Two of them have the same labels as another at different times: what a lookup does to a repository. */
const REPOSITORIES: readonly Repository[] = [
  repository({ instanceId: 'cri-1', namespace: '', name: 'crr-1', id: 'crr-1', domain: 'r.example.com' }),
  repository({ instanceId: 'cri-1', namespace: 'shop', name: 'a"p\\i', id: 'crr-1', domain: 'r.example.com' }),
  repository({ instanceId: 'cri-2', name: 'web', vulnerabilities: false }),
  repository({ instanceId: 'cri-2', namespace: 'sh\nop', name: 'worker', id: 'crr-3', domain: 'x.example.com' }),
  repository({ instanceId: 'cri-3', namespace: 'team', name: 'service', id: 'crr-4' }),
];

function repository(parts: Partial<Repository>): Repository {
  const usual = { instanceId: 'cri-1', namespace: 'shop', name: 'api', id: '', domain: '', vulnerabilities: true };
  return { ...usual, ...parts };
}

/** A scrape that is under way, with every page that the model has had since it began. */
type RunningScrape = { readonly allowed: Set<string>; mayFail: boolean };

/** Runs commands on a store and its exposition, with a turn of the event loop after every step, and checks every scrape. */
class Run {
  readonly exposition = new Exposition({ render: (format) => this.#renderOwn(format) }, new YieldEvery(undefined, 1));
  readonly store = new StateStore(this.exposition);
  #serial = 0;
  #perTag: 'full' | 'problems' | 'none' = 'full';
  #isOwnBroken = false;
  #phase: 'free' | 'holding' | 'held' | 'releasing' = 'free';
  /** What scrapes may show while a hold is in force: any page that there was between the call and its end. */
  #heldPages = new Set<string>();
  readonly #running = new Set<RunningScrape>();
  readonly #read: { page: MetricsPage; bytes: Buffer }[] = [];
  readonly #failures: unknown[] = [];
  #works = 1;
  #written: string | undefined;

  async do(step: Command): Promise<void> {
    if (step.do === 'turns') {
      for (let count = 0; count < step.count; count++) await turn();
    } else {
      this.#written = undefined;
      this.#doNow(step);
      this.#see();
    }
    this.#throwFailure();
  }

  /** Waits for what is under way; throws when that takes more turns than there is work. */
  async settle(): Promise<void> {
    const groups = 2 + this.#serial / 64;
    const most = this.#works * (20 * groups + 200);
    for (let turns = 0; this.#running.size > 0 || this.#phase === 'holding' || this.#phase === 'releasing'; turns++) {
      if (turns > most) throw new Error(`${this.#running.size} scrapes have not ended after ${turns} turns`);
      await turn();
    }
    this.#throwFailure();
  }

  /** Ends what is under way, then scrapes in every way, and looks at the pages that were never said to be read. */
  async end(): Promise<void> {
    await this.settle();
    this.#isOwnBroken = false;
    for (const release of [false, true]) {
      if (release) this.#release();
      await this.settle();
      for (const format of ['text', 'openmetrics'] as const) {
        for (const gzip of [false, true]) this.#scrape({ format, gzip }, false);
      }
      await this.settle();
    }
    while (this.#read.length > 0) this.#endReading();
  }

  #doNow(step: Exclude<Command, { do: 'turns' }>): void {
    switch (step.do) {
      case 'add':
        this.#add(REPOSITORIES[step.repository], step.name, step.at);
        break;
      case 'add many':
        for (let index = 0; index < MANY_TAGS; index++) this.#add(REPOSITORIES[step.repository], 'many', step.at);
        break;
      case 'add repositories':
        for (let index = 0; index < MANY_REPOSITORIES; index++) {
          this.#add(repository({ name: `repository-${this.#serial}` }), 'only', step.at);
        }
        break;
      case 'apply':
        this.#with(step.pick, (tag) => this.#apply(tag, step));
        break;
      case 'apply to all but one':
        this.#with(step.pick, (one) => {
          for (const tag of this.store.tags()) if (tag !== one) this.#apply(tag, step);
        });
        break;
      case 'retarget':
        this.#with(step.pick, (tag) => {
          const { [step.repository]: other = tag.target.repository } = REPOSITORIES;
          this.store.retarget(tag, { ...tag.target, repository: other });
        });
        break;
      case 'remove':
        this.#with(step.pick, (tag) => this.store.remove(tag));
        break;
      case 'remove many':
        for (const [index, tag] of [...this.store.tags()].entries()) {
          if ((index + step.pick) % step.every !== 0) this.store.remove(tag);
        }
        break;
      case 'per tag':
        this.#perTag = step.perTag;
        this.exposition.perTag = step.perTag;
        break;
      case 'scrape':
        this.#scrape(step, step.readsOn);
        break;
      case 'end reading':
        this.#endReading();
        break;
      case 'break own families':
        this.#isOwnBroken = !this.#isOwnBroken;
        break;
      case 'hold':
        this.#hold();
        break;
      case 'release':
        this.#release();
    }
  }

  #hold(): void {
    if (this.#phase !== 'free') return;
    this.#phase = 'holding';
    this.#works++;
    this.#heldPages = new Set();
    this.#note(
      this.exposition.hold().then(() => {
        this.#phase = 'held';
      }),
    );
  }

  #release(): void {
    if (this.#phase !== 'held') return;
    this.#phase = 'releasing';
    this.#works++;
    this.#note(
      this.exposition.release().then(() => {
        this.#see();
        this.#phase = 'free';
      }),
    );
  }

  #scrape(request: ScrapeRequest, readsOn: boolean): void {
    const scrape: RunningScrape = { allowed: new Set(), mayFail: false };
    this.#running.add(scrape);
    this.#works++;
    this.#see();
    const checked = this.exposition.scrape(request).then(
      (page) => {
        this.#see();
        const bytes = checkPage(page, request, scrape.allowed);
        if (readsOn) this.#read.push({ page, bytes });
        else page.done();
      },
      (error) => {
        if (!scrape.mayFail) throw error;
      },
    );
    this.#note(checked.finally(() => this.#running.delete(scrape)));
  }

  /** Ends the reading of a page, after a check that it did not change since it was made. */
  #endReading(): void {
    const read = this.#read.shift();
    if (!read) return;
    if (!read.bytes.equals(Buffer.concat(read.page.chunks))) throw new Error('a page changed after it was made');
    read.page.done();
  }

  /** Allows the scrapes under way what may be shown now. */
  #see(): void {
    this.#written ??= naiveLines(this.store, this.#perTag).join('\n');
    if (this.#phase === 'holding') this.#heldPages.add(this.#written);
    const isShown = this.#phase !== 'held';
    const isHeldShown = this.#phase === 'held' || this.#phase === 'releasing';
    for (const scrape of this.#running) {
      if (isShown) scrape.allowed.add(this.#written);
      if (isHeldShown) for (const page of this.#heldPages) scrape.allowed.add(page);
      scrape.mayFail ||= this.#isOwnBroken;
    }
  }

  #note(work: Promise<unknown>): void {
    work.catch((error) => this.#failures.push(error));
  }

  #throwFailure(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #renderOwn(format: string): Promise<string> {
    await turn();
    if (this.#isOwnBroken) throw new Error('the own families are broken');
    return ownFamilies(format);
  }

  #apply(tag: WatchedTag, { event, at }: { event: TagEvent; at: number }): void {
    this.store.apply(tag, event, { nowMs: at, monotonicMs: at });
  }

  #add(known: Repository | undefined, text: string, nowMs: number): void {
    if (known === undefined || this.store.size >= MAX_TAGS) return;
    // The serial number keeps labels apart, which is the configuration's duty.
    this.store.add({ repository: known, tag: `${text}-${this.#serial++}`, digest: '', scanTaskId: '' }, nowMs);
  }

  #with(pick: number, use: (tag: WatchedTag) => void): void {
    const tags = [...this.store.tags()];
    const tag = tags[pick % Math.max(1, tags.length)];
    if (tag) use(tag);
  }
}

function ownFamilies(format: string): string {
  return `# HELP own o\n# TYPE own gauge\nown{format="${format}"} 1\n`;
}

/** Throws unless a page is one of those allowed; gives its bytes as they were sent. */
function checkPage(
  { chunks, length }: MetricsPage,
  { format, gzip }: ScrapeRequest,
  allowed: ReadonlySet<string>,
): Buffer {
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== length) throw new Error(`expected ${length} bytes, found ${bytes.length}`);
  const page = (gzip ? gunzipMember(bytes) : bytes).toString();
  parsePage(page, format);
  const end = ownFamilies(format) + (format === 'openmetrics' ? '# EOF\n' : '');
  if (!page.endsWith(end)) throw new Error(`expected the page to end with ${end}`);
  const samples = page.slice(0, -end.length).split('\n');
  const found = samples.filter((line) => line !== '' && !line.startsWith('#')).sort();
  if (allowed.has(found.join('\n'))) return bytes;
  throw new Error(`found\n${found.join('\n')}\n\nexpected one of\n${[...allowed].join('\n\nor\n')}`);
}

test('whatever happens while it is made, a scrape shows the tags of one moment between its start and its end', async (t) => {
  await t.notThrowsAsync(async () =>
    fc.assert(
      fc.asyncProperty(beginning, fc.array(command, { maxLength: 50 }), async (first, then) => {
        const run = new Run();
        for (const step of [...first, ...then]) await run.do(step);
        await run.end();
      }),
      { numRuns: 300, examples: [[[], TO_ANOTHER_INSTANCE]] },
    ),
  );
});
