// Whatever happens in whatever order: afterwards every instance that is configured is listed, and every tag is polled.
import test from 'ava';
import fc from 'fast-check';
import type { WatchedInstance } from '../../src/polling/watched-instance.ts';
import type { Scheduler } from '../../src/scheduler/scheduler.ts';
import { settle } from '../helpers/manual-clock.ts';
import {
  createScheduler,
  createScriptedPipeline,
  EVERYTHING,
  entry,
  type Pending,
} from '../helpers/scripted-pipeline.ts';

const IDS = ['cri-1', 'cri-2'] as const;
const INTERVAL_MS = 300_000;

/** What each instance has. The first is so large that changes of it let the event loop turn. */
const REGISTRY = [
  { id: 'crr-a', name: 'a', tags: Array.from({ length: 600 }, (_, index) => ({ tag: `v${index}` })) },
  { id: 'crr-b', name: 'b', tags: [{ tag: 'v0' }, { tag: 'v1' }] },
];

const LISTED = [entry({ namespace: 'shop', name: 'a' }, 'v0', 'v1'), entry({ id: 'crr-b' }, 'v1')];

/** How an instance stands in the configuration. */
type Part = 'absent' | 'listed' | 'discovered' | 'both';
type How = 'good' | 'throttled' | 'denied' | 'refused' | 'transport' | 'gone' | 'throws';
type Step =
  | { readonly type: 'reload'; readonly parts: readonly [Part, Part] }
  | { readonly type: 'answer'; readonly index: number; readonly how: How }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'turn' }
  | { readonly type: 'move' }
  | { readonly type: 'credentials'; readonly state: 'fine' | 'unavailable' | 'broken' };

const part = fc.constantFrom<Part>('absent', 'listed', 'discovered', 'both');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('reload' as const), parts: fc.tuple(part, part) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('answer' as const),
      index: fc.nat(1_000),
      how: fc.constantFrom<How>(
        'good',
        'good',
        'good',
        'throttled',
        'denied',
        'refused',
        'transport',
        'gone',
        'throws',
      ),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('advance' as const), ms: fc.nat(400_000) }) },
  { weight: 4, arbitrary: fc.constant({ type: 'turn' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'move' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('credentials' as const),
      state: fc.constantFrom('fine' as const, 'unavailable' as const, 'broken' as const),
    }),
  },
);

function answerWell({ action, request, answer }: Pending): void {
  const found = REGISTRY.find(({ id, name }) => id === request.repoId || name === request.repoName);
  const from = (Number(request.pageNo ?? 1) - 1) * 100;
  if (action === 'ListRepository') answer.repositories(REGISTRY);
  else if (found === undefined) answer.error('REPO_NOT_EXIST', 'answered');
  else if (action === 'GetRepository') answer.repository(found.id, 'shop', found.name);
  else if (action === 'ListRepoTag') answer.tags(found.tags.slice(from, from + 100), found.tags.length);
  else answer.status('COMPLETE');
}

function answerAs(how: How, pending: Pending): void {
  const { answer } = pending;
  if (how === 'good') answerWell(pending);
  else if (how === 'throttled') answer.error('Throttling.User', 'throttled', 2_000);
  else if (how === 'denied') answer.error('NoPrivilege', 'denied');
  else if (how === 'refused') answer.error('InvalidAccessKeyId.NotFound', 'refused');
  else if (how === 'transport') answer.error('SystemError', 'transport');
  else if (how === 'gone') answer.error('REPO_NOT_EXIST', 'answered');
  else answer.throws(new RangeError('Maximum call stack size exceeded'));
}

/** Runs the steps, then lets everything go well for an hour under a last configuration. */
async function play(steps: readonly Step[], last: readonly [Part, Part]) {
  const pipeline = createScriptedPipeline({ ids: IDS });
  const { clock, pending, watchList, discoveryManager, credentials, errors, instance: template } = pipeline;
  const { api } = template;
  const end = new AbortController();
  void pipeline.scheduler.run(end.signal);
  let own: { readonly scheduler: Scheduler; readonly end: AbortController } = { scheduler: pipeline.scheduler, end };
  let instances = new Map<string, WatchedInstance>();
  let changing: Promise<unknown> = Promise.resolve();

  const reload = (parts: readonly [Part, Part]) => {
    changing = changing.then(async () => {
      const list = IDS.map((id, index) => ({ id, domain: '', part: parts[index] ?? 'absent' }))
        .filter((each) => each.part !== 'absent')
        .map(({ id, domain, part }) => {
          const discover = part === 'listed' ? [] : [EVERYTHING];
          return { id, domain, discover, repositories: part === 'discovered' ? [] : LISTED };
        });
      instances = new Map(
        list.map(({ id }) => {
          const scheduler = id === 'cri-1' ? pipeline.scheduler : own.scheduler;
          return [
            id,
            instances.get(id) ?? { id, api, scheduler, tasks: new Set(), completeMs: undefined, discoveredTags: 0 },
          ];
        }),
      );
      await watchList.apply(list, instances);
      await discoveryManager.configure(list, INTERVAL_MS, instances);
    });
  };
  const move = () => {
    changing = changing.then(async () => {
      const before = own;
      own = { scheduler: createScheduler('cri-2', { clock, credentials, errors }), end: new AbortController() };
      void own.scheduler.run(own.end.signal);
      const instance = instances.get('cri-2');
      if (instance !== undefined) await watchList.moveToScheduler(instance, own.scheduler);
      if (before.scheduler !== pipeline.scheduler && before.scheduler.size === 0) before.end.abort();
    });
  };

  for (const each of steps) {
    if (each.type === 'reload') reload(each.parts);
    else if (each.type === 'move') move();
    else if (each.type === 'advance') await clock.advance(each.ms);
    else if (each.type === 'turn') await settle();
    else if (each.type === 'credentials') {
      credentials.unavailable = each.state === 'unavailable';
      credentials.broken = each.state === 'broken';
    } else {
      const [chosen] = pending.splice(each.index % Math.max(1, pending.length), 1);
      if (chosen !== undefined) answerAs(each.how, chosen);
    }
  }
  credentials.unavailable = false;
  credentials.broken = false;
  reload(last);
  const listedMs = new Map<string, number>();
  for (let seconds = 0; seconds < 5_000; seconds += 20) {
    // What is asked at once is answered at once, and so on.
    for (let round = 0; round < 4; round++) {
      for (const each of pending.splice(0)) {
        if (each.action === 'ListRepository') listedMs.set(String(each.request.instanceId), clock.now());
        answerWell(each);
      }
      await settle();
    }
    await clock.advance(20_000);
  }
  await changing;
  end.abort();
  own.end.abort();
  return { ...pipeline, listedMs };
}

test('after any order of reloads, turns, answers and errors everything that is configured is listed and polled', async (t) => {
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }),
    fc.tuple(part, part),
    async (steps, last) => {
      const { store, clock, events, listedMs } = await play(steps, last);
      const expected = IDS.flatMap((id, index) => {
        const finds = last[index] === 'discovered' || last[index] === 'both';
        if (finds) return REGISTRY.flatMap(({ name, tags }) => tags.map(({ tag }) => `${id} ${name}:${tag}`));
        return last[index] === 'listed' ? ['a:v0', 'a:v1', 'b:v1'].map((each) => `${id} ${each}`) : [];
      });
      const watched = [...store.tags()].map(({ target: { repository, tag } }) => {
        return `${repository.instanceId} ${repository.name}:${tag}`;
      });
      if (watched.sort().join() !== expected.sort().join()) {
        throw new Error(`expected ${expected.length} tags, found ${watched.length}: ${watched.slice(0, 9)}`);
      }
      for (const { target, state } of store.tags()) {
        const agoMs = clock.now() - (state.lastSuccessMs ?? Number.NEGATIVE_INFINITY);
        if (agoMs > 700_000) throw new Error(`${JSON.stringify(target)} was last polled ${agoMs} ms ago`);
      }
      for (const [index, id] of IDS.entries()) {
        const finds = last[index] === 'discovered' || last[index] === 'both';
        const agoMs = clock.now() - (listedMs.get(id) ?? Number.NEGATIVE_INFINITY);
        if (finds && agoMs > 2 * INTERVAL_MS) throw new Error(`${id} was last listed ${agoMs} ms ago`);
      }
      const lost = events.filter((event) => event.includes('neither put back nor ended'));
      if (lost.length > 0) throw new Error(lost.join('\n'));
    },
  );
  await t.notThrowsAsync(fc.assert(property, { numRuns: 12 }));
});
