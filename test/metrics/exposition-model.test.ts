import { gunzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { Exposition } from '../../src/metrics/exposition.ts';
import { StateStore, type WatchedTag } from '../../src/state/store.ts';
import type { TagEvent } from '../../src/state/tag-state.ts';
import type { Repository } from '../../src/watch/target.ts';
import { parsePage } from '../helpers/exposition.ts';
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
const event: fc.Arbitrary<TagEvent> = fc.oneof(
  fc.record({
    type: fc.constant('summary' as const),
    vulnerabilities: fc.record({ high: number, medium: number, low: number, unknown: number }),
  }),
  fc.record({
    type: fc.constant('answered' as const),
    status: fc.constantFrom('scanning' as const, 'retrying' as const, 'complete' as const, 'failed' as const),
    scanService,
  }),
  fc.record({ type: fc.constant('unknown-status' as const), error, scanService }),
  fc.record({ type: fc.constant('failed' as const), error }),
);
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), repository: repositoryNumber, name, at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('add many' as const), repository: repositoryNumber, at }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('apply' as const), pick, event, at }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('retarget' as const), pick, repository: repositoryNumber }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove many' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('scrape' as const), gzip: fc.boolean(), done: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('per tag' as const),
      perTag: fc.constantFrom('full' as const, 'problems' as const, 'none' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hold' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** Two of them have the same labels as another at different times: what a lookup does to a repository. */
const REPOSITORIES: readonly Repository[] = [
  { instanceId: 'cri-1', namespace: '', name: 'crr-1', id: 'crr-1', domain: 'r.example.com', vulnerabilities: true },
  {
    instanceId: 'cri-1',
    namespace: 'shop',
    name: 'a"p\\i',
    id: 'crr-1',
    domain: 'r.example.com',
    vulnerabilities: true,
  },
  { instanceId: 'cri-2', namespace: 'shop', name: 'web', id: '', domain: '', vulnerabilities: false },
  {
    instanceId: 'cri-2',
    namespace: 'sh\nop',
    name: 'worker',
    id: 'crr-3',
    domain: 'x.example.com',
    vulnerabilities: true,
  },
  { instanceId: 'cri-3', namespace: 'team', name: 'service', id: 'crr-4', domain: '', vulnerabilities: true },
];

/** Does commands to a store and keeps the lines that a scrape has to show, written from scratch. */
class Run {
  readonly exposition = new Exposition({ render: async () => '' });
  readonly store = new StateStore(this.exposition);
  #serial = 0;
  #held: string[] | undefined;
  #perTag: 'full' | 'problems' | 'none' = 'full';
  readonly #kept: { chunks: readonly Buffer[]; bytes: Buffer }[] = [];

  async do(step: Command): Promise<void> {
    switch (step.do) {
      case 'add':
        return this.#add(step.repository, step.name, step.at);
      case 'add many':
        for (let index = 0; index < 150; index++) this.#add(step.repository, 'many', step.at);
        return;
      case 'apply':
        return this.#with(step.pick, (tag) => {
          this.store.apply(tag, step.event, { nowMs: step.at, monotonicMs: step.at });
        });
      case 'retarget':
        return this.#with(step.pick, (tag) => {
          const repository = REPOSITORIES[step.repository] ?? tag.target.repository;
          this.store.retarget(tag, { ...tag.target, repository });
        });
      case 'remove':
        return this.#with(step.pick, (tag) => this.store.remove(tag));
      case 'remove many':
        return [...this.store.tags()]
          .filter((_, index) => (index + step.pick) % 7 !== 0)
          .forEach((tag) => {
            this.store.remove(tag);
          });
      case 'scrape':
        return this.check(step.gzip, step.done);
      case 'hold':
        await this.exposition.hold();
        this.#held ??= naiveLines(this.store, this.#perTag);
        return;
      case 'per tag':
        this.#perTag = step.perTag;
        this.exposition.perTag = step.perTag;
        return;
      case 'release':
        await this.exposition.release();
        this.#held = undefined;
    }
  }

  async check(gzip: boolean, isDone = true): Promise<void> {
    const { chunks, length, done } = await this.exposition.scrape({ format: 'text', gzip });
    const bytes = Buffer.concat(chunks);
    if (isDone) done();
    else this.#kept.push({ chunks, bytes });
    if (bytes.length !== length) throw new Error('the length is wrong');
    const page = (gzip ? gunzipSync(bytes) : bytes).toString();
    parsePage(page);
    const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const expected = this.#held ?? naiveLines(this.store, this.#perTag);
    if (JSON.stringify(lines.sort()) !== JSON.stringify(expected)) {
      throw new Error(`expected\n${expected.join('\n')}\nfound\n${lines.join('\n')}`);
    }
  }

  /** Pages that somebody still reads are as they were when they were made. */
  checkKept(): void {
    for (const { chunks, bytes } of this.#kept) {
      if (!bytes.equals(Buffer.concat(chunks))) throw new Error('a page changed after it was made');
    }
  }

  #add(repository: number, text: string, nowMs: number): void {
    const known = REPOSITORIES[repository];
    // The serial number keeps labels apart, which is the configuration's duty.
    const tag = `${text}-${this.#serial++}`;
    if (known) this.store.add({ repository: known, tag, digest: '', scanTaskId: '' }, nowMs);
  }

  #with(pick: number, use: (tag: WatchedTag) => void): void {
    const tags = [...this.store.tags()];
    const tag = tags[pick % Math.max(1, tags.length)];
    if (tag) use(tag);
  }
}

test('after any sequence of changes a scrape gives the page that is written from scratch, plain and compressed', async (t) => {
  await t.notThrowsAsync(async () =>
    fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const run = new Run();
        for (const step of commands) await run.do(step);
        await run.check(false);
        await run.check(true);
        await run.do({ do: 'release' });
        await run.check(true);
        run.checkKept();
      }),
      { numRuns: 150 },
    ),
  );
});
