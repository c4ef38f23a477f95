// What a replica writes for the others: every change of a tag, and what was restored only once it changes again.
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { SharedState } from '../../src/app/shared-state.ts';
import { momentOf } from '../../src/model/moment.ts';
import type { FoundRepository } from '../../src/model/target.ts';
import type { RepositoryChanges } from '../../src/storage/redis-records.ts';
import { createScriptedPipeline, EVERYTHING, entry } from '../helpers/scripted-pipeline.ts';

const API = { namespace: 'shop', name: 'api', id: 'crr-api' };
const WEB = entry({ namespace: 'shop', name: 'web', id: 'crr-web' }, 'v1');

const COMPLETE = { type: 'answered', status: 'complete', scanService: '' } as const;

/** A pipeline whose changes are written to Redis that refuses them, or takes note of them. */
async function setUp() {
  const watching = createScriptedPipeline();
  const written: string[] = [];
  /** How many tags each exchange had. */
  const sizes: number[] = [];
  const redis: {
    error?: Error | undefined;
    delay?: Promise<never> | undefined;
    owned: readonly string[];
    last: Map<string, string>;
    mayWrite: boolean;
  } = {
    mayWrite: true,
    owned: ['api', 'web'],
    last: new Map(),
  };
  const sharedState = new SharedState({
    watchList: () => watching.watchList,
    records: {
      async write(changes) {
        await redis.delay;
        if (redis.error !== undefined) throw redis.error;
        const lines = changes.flatMap(linesOf);
        sizes.push(lines.length);
        written.push(...lines);
        for (const [key = '', state = ''] of lines.map((line) => line.split(' '))) redis.last.set(key, state);
      },
    },
    owns: (_instanceId, { name }) => redis.owned.includes(name),
    ownsKey: (_instanceId, key) => redis.owned.some((name) => key === `shop/${name}`),
    keyOf: (_instanceId, { namespace, name }: FoundRepository) => `${namespace}/${name}`,
    mayWrite: () => redis.mayWrite,
    clock: watching.clock,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  Object.assign(watching.hooks, {
    tagAdded: sharedState.tagAdded.bind(sharedState),
    tagChanged: sharedState.tagChanged.bind(sharedState),
    tagRemoved: sharedState.tagRemoved.bind(sharedState),
  });
  await watching.watch(entry(API, 'v1', 'v2'), WEB);
  const tag = (repository: string, name: string) => {
    const found = [...watching.store.tags()].find(
      ({ target }) => target.repository.name === repository && target.tag === name,
    );
    if (found === undefined) throw new Error(`expected the tag ${repository}:${name}`);
    return found;
  };
  const answer = (repository: string, name: string) =>
    watching.store.apply(tag(repository, name), COMPLETE, momentOf(watching.clock));
  /** What is written now, and how much waits after it. */
  const flush = async () => {
    await sharedState.flush();
    return { written: written.splice(0).sort(), waits: sharedState.unwrittenTags };
  };
  return { ...watching, sharedState, redis, sizes, tag, answer, flush };
}

function linesOf({ key, tags, removed }: RepositoryChanges): readonly string[] {
  const changed = [...tags].map(([name, record]) => `${key}:${name} ${'status' in record ? record.status : ''}`);
  return [...changed, ...removed.map((name) => `${key}:${name} removed`)];
}

test('a tag is written when it is added and when it changes', async (t) => {
  const { answer, flush } = await setUp();
  t.deepEqual((await flush()).written, ['shop/api:v1 unknown', 'shop/api:v2 unknown', 'shop/web:v1 unknown']);
  answer('api', 'v2');
  t.deepEqual(await flush(), { written: ['shop/api:v2 complete'], waits: 0 });
});

test('a tag that is restored is not written again, and one that is answered meanwhile is', async (t) => {
  const { store, tag, answer, flush, sharedState } = await setUp();
  const restored = tag('api', 'v1');
  store.restore(restored, { ...restored.state, status: 'failed' });
  answer('web', 'v1');
  t.is(sharedState.unwrittenTags, 2);
  t.deepEqual(await flush(), { written: ['shop/api:v2 unknown', 'shop/web:v1 complete'], waits: 0 });
  answer('api', 'v1');
  t.deepEqual(await flush(), { written: ['shop/api:v1 complete'], waits: 0 });
});

test('nothing is written while tags are taken over: what is added is not restored yet', async (t) => {
  const { store, tag, flush, sharedState } = await setUp();
  const goOn = sharedState.hold();
  const flushed = flush();
  await setImmediate();
  const [one, two] = [tag('api', 'v1'), tag('api', 'v2')];
  for (const each of [one, two]) store.restore(each, { ...each.state, status: 'failed' });
  goOn();
  t.deepEqual((await flushed).written, ['shop/web:v1 unknown']);
});

test('nothing is written once another replica may have taken over, also after a wait', async (t) => {
  const { flush, redis, sharedState } = await setUp();
  const goOn = sharedState.hold();
  const flushed = flush();
  await setImmediate();
  redis.mayWrite = false;
  goOn();
  t.deepEqual(await flushed, { written: [], waits: 3 });
});

test('what Redis refuses is written later, as it is then', async (t) => {
  const { answer, flush, redis } = await setUp();
  redis.error = new Error('OOM');
  t.deepEqual(await flush(), { written: [], waits: 3 });
  answer('api', 'v1');
  redis.error = undefined;
  t.deepEqual((await flush()).written, ['shop/api:v1 complete', 'shop/api:v2 unknown', 'shop/web:v1 unknown']);
});

test('a flush waits for a write that is under way, and says whether what it is meant for is written', async (t) => {
  const { answer, flush, redis, sharedState } = await setUp();
  await flush();
  let fail = () => {};
  redis.delay = new Promise((_resolve, reject) => {
    fail = () => reject(new Error('away'));
  });
  answer('api', 'v1');
  const first = flush();
  await setImmediate();
  t.is(sharedState.unwrittenTags, 0);
  const [ofApi, ofWeb] = ['api', 'web'].map((name) => sharedState.flush((_instanceId, key) => key === `shop/${name}`));
  redis.error = new Error('away');
  redis.delay = undefined;
  fail();
  await first;
  t.deepEqual(await Promise.all([ofApi, ofWeb]), [false, true]);
});

test('a tag that is not listed any more, but discovered, is written as such', async (t) => {
  const { watch, discover, flush } = await setUp();
  await discover(EVERYTHING);
  await flush();
  await watch(entry(API, 'v1'), WEB);
  t.deepEqual((await flush()).written, ['shop/api:v2 unknown']);
});

test('a tag that is not watched any more is removed, unless another replica watches it now', async (t) => {
  const { watch, flush, redis } = await setUp();
  await flush();
  redis.owned = ['api'];
  await watch(entry(API, 'v1'));
  t.deepEqual(await flush(), { written: ['shop/api:v2 removed'], waits: 0 });
});

test('what could not be written before another replica took over is not written after it', async (t) => {
  const { answer, flush, redis, watch } = await setUp();
  await flush();
  redis.error = new Error('away');
  answer('api', 'v1');
  await watch(entry(API, 'v1'), WEB);
  t.deepEqual(await flush(), { written: [], waits: 2 });
  redis.owned = ['web'];
  redis.error = undefined;
  t.deepEqual(await flush(), { written: [], waits: 0 });
});

test('a repository with very many tags is written in parts, and what comes after it is written too', async (t) => {
  const { watch, flush, sizes, redis } = await setUp();
  await flush();
  sizes.splice(0);
  const names = Array.from({ length: 4_500 }, (_, n) => `t${n}`);
  await watch(entry(API, ...names), entry({ namespace: 'shop', name: 'web', id: 'crr-web' }, 'v2'));
  t.is((await flush()).waits, 0);
  t.deepEqual(sizes, [2_000, 2_000, 504], 'with three tags that are watched no more');
  t.deepEqual(
    names.filter((name) => redis.last.get(`shop/api:${name}`) !== 'unknown'),
    [],
  );
  t.is(redis.last.get('shop/web:v2'), 'unknown');
});

test('a write that fails late does not undo a later one', async (t) => {
  const { answer, flush, redis, watch } = await setUp();
  await flush();
  const api = (...tags: string[]) => watch(entry(API, ...tags), WEB);
  let fail = () => {};
  redis.delay = new Promise((_resolve, reject) => {
    fail = () => reject(new Error('away'));
  });
  await api('v1');
  const first = flush();
  await setImmediate();
  await api('v1', 'v2');
  answer('api', 'v2');
  const second = flush();
  await setImmediate();
  redis.delay = undefined;
  fail();
  await Promise.all([first, second]);
  t.deepEqual((await flush()).waits, 0);
  t.deepEqual(redis.last.get('shop/api:v2'), 'complete');
});

test('after a loss everything is written again, and nothing of a replica whose tags others have taken over', async (t) => {
  const { sharedState, answer, flush } = await setUp();
  await flush();
  sharedState.writeAgain();
  t.is((await flush()).written.length, 3);
  answer('api', 'v1');
  sharedState.dropAll();
  t.deepEqual(await flush(), { written: [], waits: 0 });
});
