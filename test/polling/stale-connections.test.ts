// A request that was lost with a connection that the peer had closed: sent once more on a fresh one, whatever it asked.
import test from 'ava';
import { createScriptedPipeline, EVERYTHING, entry, type Pending } from '../helpers/scripted-pipeline.ts';

const API = { namespace: 'shop', name: 'api', id: 'crr-1' };

type Pipeline = ReturnType<typeof createScriptedPipeline>;

/** How each kind of request comes to be made, and is answered. */
const REQUESTS: readonly (readonly [string, (pipeline: Pipeline) => Promise<void>, (pending: Pending) => void])[] = [
  ['GetRepoTagScanStatus', ({ watch }) => watch(entry(API, 'v1')), ({ answer }) => answer.status('COMPLETE')],
  [
    'GetRepoTagScanSummary',
    ({ watch }) => watch({ ...entry(API, 'v1'), vulnerabilities: true }),
    ({ answer }) => answer.summary(1, 2, 3, 4),
  ],
  ['GetRepoTag', ({ watch }) => watch(entry(API, 'v1')), ({ answer }) => answer.tag()],
  [
    'GetRepository',
    ({ watch }) => watch(entry({ namespace: 'shop', name: 'api' }, 'v1')),
    ({ answer }) => answer.repository('crr-1', 'shop', 'api'),
  ],
  [
    'ListRepository',
    async ({ watch, discover }) => {
      await watch();
      await discover(EVERYTHING);
    },
    ({ answer }) => answer.repositories([]),
  ],
];

/** Answers what is asked before a request of this kind. */
async function leadTo(action: string, { clock, pending, next }: Pipeline): Promise<void> {
  await clock.advance(0);
  if (pending[0]?.action === action || !action.startsWith('GetRepoTag')) return;
  if (action === 'GetRepoTag') next().answer.error('SCAN_TASK_NOT_EXIST', 'answered');
  else next().answer.status('COMPLETE');
  await clock.advance(0);
}

for (const [action, begin, answer] of REQUESTS) {
  test(`a lost ${action} is sent again at once on a fresh connection, and is not a failure`, async (t) => {
    const pipeline = createScriptedPipeline();
    const stop = new AbortController();
    t.teardown(() => stop.abort());
    await begin(pipeline);
    void pipeline.scheduler.run(stop.signal);
    await leadTo(action, pipeline);
    const first = pipeline.next();
    t.deepEqual([first.action, first.isFresh], [action, false]);
    first.answer.stale();
    await pipeline.clock.advance(0);
    const second = pipeline.next();
    t.deepEqual(second.request, first.request);
    t.deepEqual([second.action, second.isFresh], [action, true]);
    answer(second);
    await pipeline.clock.advance(0);
    t.deepEqual(pipeline.failures, []);
    t.deepEqual(pipeline.internalErrors, []);
    t.deepEqual(
      [...pipeline.store.tags()].map(({ state }) => state.lastError),
      pipeline.store.size === 0 ? [] : [undefined],
    );
  });

  test(`a ${action} that is lost twice in a row fails, and the next one may be lost once again`, async (t) => {
    const pipeline = createScriptedPipeline();
    const stop = new AbortController();
    t.teardown(() => stop.abort());
    await begin(pipeline);
    void pipeline.scheduler.run(stop.signal);
    for (const isLast of [false, true]) {
      await leadTo(action, pipeline);
      for (const isFresh of [false, true]) {
        await pipeline.clock.advance(0);
        const { answer, ...lost } = pipeline.next();
        t.deepEqual([lost.action, lost.isFresh], [action, isFresh]);
        answer.stale();
      }
      await pipeline.clock.advance(0);
      const lost = pipeline.failures.filter((failure) => failure.endsWith(' ConnectionReset'));
      t.deepEqual(lost, Array(isLast ? 2 : 1).fill(`${action} ConnectionReset`));
      await pipeline.clock.advance(action === 'GetRepoTagScanSummary' ? 60_000 : 10_000);
    }
    t.deepEqual(pipeline.internalErrors, []);
  });
}

test('a lost request is not sent again for a tag that was removed meanwhile', async (t) => {
  const pipeline = createScriptedPipeline();
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  await pipeline.watch(entry(API, 'v1'));
  void pipeline.scheduler.run(stop.signal);
  await pipeline.clock.advance(0);
  const lost = pipeline.next();
  await pipeline.watch();
  lost.answer.stale();
  await pipeline.clock.advance(600_000);
  t.is(pipeline.pending.length, 0);
  t.deepEqual(pipeline.internalErrors, []);
});
