// What concerns all tags of a large repository lets the event loop turn on its way, and is seen whole where names change.
import test, { type ExecutionContext } from 'ava';
import { createScheduler, createScriptedPipeline, entry, ScriptedCredentials } from '../helpers/scripted-pipeline.ts';

const BY_NAME = { namespace: 'shop', name: 'api' };
const BY_ID = { id: 'crr-api' };
const API = { ...BY_NAME, ...BY_ID };
const MANY = Array.from({ length: 3_000 }, (_, index) => `v${index}`);

/** Watches many tags, and tells the most that changed between two turns of the event loop. */
async function watchMany(t: ExecutionContext, names: Parameters<typeof entry>[0]) {
  const pipeline = createScriptedPipeline();
  const { hooks, clock, scheduler } = pipeline;
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const turn = hooks.turn;
  const seen = { turns: 0, atOnce: 0, mostAtOnce: 0, whole: 0 };
  hooks.turn = () => {
    seen.turns += 1;
    seen.atOnce = 0;
    return turn();
  };
  hooks.tagChanged = () => {
    seen.atOnce += 1;
    seen.mostAtOnce = Math.max(seen.mostAtOnce, seen.atOnce);
  };
  hooks.whole = async (change) => {
    seen.whole += 1;
    await change();
    seen.whole -= 1;
  };
  await pipeline.watch(entry(names, ...MANY));
  void scheduler.run(stop.signal);
  const settle = async () => {
    for (let round = 0; round < 60; round++) await clock.advance(0);
  };
  const restart = () => Object.assign(seen, { turns: 0, atOnce: 0, mostAtOnce: 0 });
  await clock.advance(0);
  return { ...pipeline, seen, settle, restart };
}

function letsTheLoopTurn(t: ExecutionContext, { turns, mostAtOnce }: { turns: number; mostAtOnce: number }): void {
  t.true(turns >= 8, `${turns} turns`);
  t.true(mostAtOnce <= 500, `${mostAtOnce} tags changed at once`);
}

test('a lookup that finds the id of a large repository', async (t) => {
  const { next, seen, settle, restart, pending, store } = await watchMany(t, BY_NAME);
  const lookup = next();
  restart();
  lookup.answer.repository('crr-api', 'shop', 'api');
  await settle();
  letsTheLoopTurn(t, seen);
  t.is(pending.length, MANY.length);
  t.true([...store.tags()].every(({ target: { repository } }) => repository.id === 'crr-api'));
});

test('a lookup that finds the names of a large repository is seen whole', async (t) => {
  const { pending, seen, settle, restart, hooks, store } = await watchMany(t, BY_ID);
  const lookup = pending.splice(0).find(({ action }) => action === 'GetRepository');
  restart();
  const shownAs = () => new Set([...store.tags()].map(({ target: { repository } }) => repository.name)).size;
  const turn = hooks.turn;
  hooks.turn = () => {
    if (shownAs() > 1) t.true(seen.whole > 0, 'under two names at once only while the page is held');
    return turn();
  };
  lookup?.answer.repository('crr-api', 'shop', 'api');
  await settle();
  letsTheLoopTurn(t, seen);
  t.is(seen.whole, 0);
  t.is(shownAs(), 1);
});

test('two entries that turn out to be the same large repository become one without a tag that is lost or doubled', async (t) => {
  const { watch, pending, seen, settle, restart, shown } = await watchMany(t, API);
  const others = Array.from({ length: 2_000 }, (_, index) => `w${index}`);
  await watch(entry(BY_ID, ...MANY), entry(BY_NAME, ...others));
  await settle();
  const lookups = pending.splice(0).filter(({ action }) => action === 'GetRepository');
  restart();
  for (const { answer } of lookups) answer.repository('crr-api', 'shop', 'api');
  await settle();
  letsTheLoopTurn(t, seen);
  t.is(shown().length, MANY.length + others.length);
  t.true(shown().every((line) => line.startsWith('shop/api:')));
});

test('a lookup that fails for a large repository', async (t) => {
  const { next, seen, settle, restart, store } = await watchMany(t, BY_NAME);
  const lookup = next();
  restart();
  lookup.answer.error('NoPrivilege', 'denied');
  await settle();
  letsTheLoopTurn(t, seen);
  t.true([...store.tags()].every(({ state }) => state.lastError?.code === 'NoPrivilege'));
});

test('an instance that moves to credentials of its own: no task is left behind, and none is sent by the others meanwhile', async (t) => {
  const { seen, restart, pending, watchList, instance, scheduler, clock, errors, hooks } = await watchMany(t, API);
  pending.splice(0);
  await clock.advance(0);
  const tasks = [...watchList.polls()];
  const sentBy: string[] = [];
  const own = createScheduler('cri-1', {
    clock,
    errors,
    credentials: new ScriptedCredentials(),
  });
  for (const task of tasks) scheduler.schedule(task, 'settled', clock.monotonic() + 1_000);
  restart();
  const turn = hooks.turn;
  hooks.turn = async () => {
    // What is due in the middle of the move is due for the other scheduler.
    if (seen.turns === 2) await clock.advance(1_000);
    sentBy.push(...pending.splice(0).map(({ action }) => action));
    return turn();
  };
  await watchList.moveToScheduler(instance, own);
  t.true(seen.turns >= 8, `${seen.turns} turns`);
  t.deepEqual(sentBy, []);
  t.is(scheduler.size, 0);
  t.is(own.size, MANY.length);
});
