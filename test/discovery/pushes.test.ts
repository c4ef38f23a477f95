// An event that an image was pushed: its repository is listed at once, without waiting for the next run.
import test, { type ExecutionContext } from 'ava';
import type { DiscoverRule } from '../../src/model/settings.ts';
import { discovering, INTERVAL_MS, listings, many, type Registry, tags } from '../helpers/discovering.ts';
import { pushCompleted } from '../helpers/event-registry.ts';
import { EVERYTHING, entry, type Pending } from '../helpers/scripted-pipeline.ts';

/** An instance whose first run has ended, a minute ago, and the events that it gets. */
async function discovered(
  t: ExecutionContext,
  registry: Registry,
  { rule = EVERYTHING, ...options }: { rule?: DiscoverRule } & Parameters<typeof discovering>[1] = {},
) {
  const pipeline = discovering(t, options);
  const { watch, discover, settle, clock, eventManager } = pipeline;
  await watch();
  await discover(rule);
  await settle(registry);
  await clock.advance(60_000);
  await settle(registry);
  let events = 0;
  const { pending, answerFrom } = pipeline;
  return {
    ...pipeline,
    /** Lets the next run list the repositories. Gives its requests for their tags, which wait. */
    async listRepositories(): Promise<Pending[]> {
      await clock.advance(INTERVAL_MS);
      const [list] = pending.splice(0).filter(({ action }) => action === 'ListRepository');
      if (list !== undefined) answerFrom(registry, list);
      await clock.advance(0);
      return pending.splice(0);
    },
    push(name: string, tag: string) {
      events += 1;
      return eventManager.intake.receive(pushCompleted(`e${events}`, name, tag, clock.now()), 'webhook');
    },
  };
}

const asked = (requests: readonly Pending[]) =>
  requests.map(({ action, request }) => `${action} ${request.repoId ?? request.repoName ?? ''}`);

test('a new tag of a known repository is watched at once, with one listing', async (t) => {
  const { push, settle, shown } = await discovered(t, { api: tags('v1'), web: tags('v1') });
  t.is(push('api', 'v2'), 'taken');
  const requests = await settle({ api: tags('v1', 'v2'), web: tags('v1') });
  t.deepEqual(asked(requests), ['ListRepoTag crr-api', 'GetRepoTagScanStatus crr-api']);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete', 'shop/web:v1 complete']);
});

test('a repository that discovery does not know yet is looked up by its names, and the event is not believed', async (t) => {
  const { push, settle, shown } = await discovered(t, { api: tags('v1') });
  t.is(push('new', 'v1'), 'taken');
  const requests = await settle({ api: tags('v1'), new: tags('v1') });
  t.deepEqual(asked(requests), ['ListRepository new', 'ListRepoTag crr-new', 'GetRepoTagScanStatus crr-new']);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/new:v1 complete']);
  t.is(push('invented', 'v1'), 'taken');
  t.deepEqual(asked(await settle({ api: tags('v1'), new: tags('v1') })), ['ListRepository invented']);
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/new:v1 complete']);
});

test('many pushes to a repository during its listing cause one more listing', async (t) => {
  const { push, settle } = await discovered(t, { api: tags('v1') });
  for (let i = 0; i < 50; i += 1) push('api', `w${i}`);
  const requests = listings(await settle({ api: tags('v1') }));
  t.is(requests.length, 2);
});

test('a tag that no rule takes is not listed, and one that is watched all the same is polled', async (t) => {
  const { push, settle, watch, clock } = await discovered(
    t,
    { api: tags('v1') },
    { rule: { ...EVERYTHING, tags: ['v*'] } },
  );
  t.is(push('api', 'nightly'), 'unwatched');
  t.deepEqual(await settle({ api: tags('v1') }), []);
  await watch(entry({ namespace: 'shop', name: 'api', id: 'crr-api' }, 'nightly'));
  await settle({ api: tags('v1') });
  await clock.advance(60_000);
  await settle({ api: tags('v1') });
  t.is(push('api', 'nightly'), 'taken');
  t.deepEqual(asked(await settle({ api: tags('v1') })), ['GetRepoTagScanStatus crr-api']);
});

test('a repository that is made and pushed during a run stays', async (t) => {
  const { push, settle, shown, answerFrom, listRepositories } = await discovered(t, { api: tags('v1') });
  const held = await listRepositories();
  t.deepEqual(asked(held.filter(({ action }) => action === 'ListRepoTag')), ['ListRepoTag crr-api']);
  push('new', 'v1');
  const after = { api: tags('v1'), new: tags('v1') };
  await settle(after);
  t.true(shown().includes('shop/new:v1 complete'));
  for (const each of held) answerFrom(after, each);
  await settle(after);
  t.true(shown().includes('shop/new:v1 complete'), 'the lists of the run are older');
});

test('a tag that is pushed while the run lists its repository stays', async (t) => {
  const { push, settle, clock, shown, answerFrom, listRepositories } = await discovered(t, { api: tags('v1') });
  const held = await listRepositories();
  await clock.advance(1_000);
  push('api', 'v2');
  await settle({ api: tags('v1', 'v2') });
  t.true(shown().includes('shop/api:v2 complete'));
  // The run gets the list that was made before the push.
  for (const each of held) answerFrom({ api: tags('v1') }, each);
  await settle({ api: tags('v1', 'v2') });
  t.true(shown().includes('shop/api:v2 complete'));
});

test('with max_tags reached, the tag that was pushed replaces the oldest', async (t) => {
  const at = (tag: string, updatedMs: number) => ({ tag, updatedMs });
  const registry = { api: [at('v1', 1), at('v2', 2)] };
  const { push, settle, shown } = await discovered(t, registry, { maxTags: 2 });
  push('api', 'v3');
  await settle({ api: [at('v1', 1), at('v2', 2), at('v3', 3)] });
  t.deepEqual(shown(), ['shop/api:v2 complete', 'shop/api:v3 complete']);
});

test('more repositories than can wait are left to the next run', async (t) => {
  const { push, outcomes } = await discovered(t, { api: many(0, 3) });
  for (let i = 0; i < 1_100; i += 1) push(`r${i}`, 'v1');
  t.is(outcomes.filter((outcome) => outcome === 'dropped').length, 99);
});

test('a listing that fails changes nothing, and ends with the discovery', async (t) => {
  const { push, settle, shown, discover, pending, clock, instance } = await discovered(t, { api: tags('v1') });
  push('api', 'v2');
  await settle({ api: tags('v1') }, ({ action, answer }) => {
    if (action === 'ListRepoTag') answer.error('NoPrivilege', 'denied');
    return action === 'ListRepoTag';
  });
  t.deepEqual(shown(), ['shop/api:v1 complete']);
  push('api', 'v2');
  await clock.advance(0);
  await discover();
  for (const { answer } of pending.splice(0)) answer.tags([{ tag: 'v2' }]);
  await clock.advance(0);
  t.is(instance.tasks.size, 0);
  t.deepEqual(shown(), []);
});

test('a push to a repository that is owned by its id is taken by the replica that watches it', async (t) => {
  const owned = (_instanceId: string, { id }: { readonly id: string }) => id === 'crr-api';
  const { push, settle, shown } = await discovered(t, { api: tags('v1'), web: tags('v1') }, { owns: owned });
  t.is(push('api', 'v2'), 'taken');
  t.is(push('web', 'v2'), 'unwatched');
  await settle({ api: tags('v1', 'v2'), web: tags('v1', 'v2') });
  t.deepEqual(shown(), ['shop/api:v1 complete', 'shop/api:v2 complete']);
});
