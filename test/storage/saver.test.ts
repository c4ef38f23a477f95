import test from 'ava';
import { Saver, type SnapshotSource } from '../../src/storage/saver.ts';
import { ManualClock, settle } from '../helpers/manual-clock.ts';

/** A saver with a storage whose saves end when the test says so. */
function setUp() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const saves: { readonly records: readonly object[]; end: (error?: Error) => void }[] = [];
  const state = { version: 1, taken: 0 };
  const source: SnapshotSource = {
    changed: () => state.version !== state.taken,
    records: () => {
      state.taken = state.version;
      return [{ version: state.version }];
    },
  };
  const log = (message: string, { error }: { error?: unknown } = {}) =>
    void lines.push(error === undefined ? message : `${message}: ${error}`);
  const storage = {
    save: (records: Iterable<object>) =>
      new Promise<void>((resolve, reject) => {
        saves.push({ records: [...records], end: (error) => (error ? reject(error) : resolve()) });
      }),
  };
  const saver = new Saver({
    storage,
    source,
    intervalMs: 30_000,
    clock,
    logger: { debug: log, info: log, warn: log, error: log },
  });
  const stopping = new AbortController();
  const change = () => {
    state.version += 1;
  };
  const end = async (error?: Error) => {
    saves.at(-1)?.end(error);
    await settle();
  };
  return { clock, lines, saves, saver, stopping, change, end, running: saver.run(stopping.signal) };
}

test('saves an interval after the start, and then at every interval in which something changed', async (t) => {
  const { clock, saves, saver, change, end } = setUp();
  await clock.advance(29_999);
  t.is(saves.length, 0);
  t.deepEqual(saver.status, { successful: undefined, savedMs: undefined, durationSeconds: undefined });
  await clock.advance(1);
  await end();
  await clock.advance(90_000);
  t.is(saves.length, 1, 'nothing changed');
  change();
  await clock.advance(30_000);
  await end();
  t.deepEqual(
    saves.map(({ records }) => records),
    [[{ version: 1 }], [{ version: 2 }]],
  );
  t.deepEqual(saver.status, { successful: true, savedMs: Date.UTC(2026, 0, 1, 0, 2, 30), durationSeconds: 0 });
});

test('saves never overlap, and what changes during a save is in the next one', async (t) => {
  const { clock, saves, saver, change, end } = setUp();
  await clock.advance(30_000);
  change();
  await clock.advance(50_000);
  t.is(saves.length, 1);
  await end();
  t.deepEqual(saver.status.durationSeconds, 50);
  t.is(saves.length, 2, 'the next save is overdue');
});

test('saves once more when it stops, if something changed', async (t) => {
  const { clock, saves, stopping, change, end, running } = setUp();
  await clock.advance(30_000);
  await end();
  change();
  stopping.abort();
  await settle();
  t.deepEqual(
    saves.map(({ records }) => records),
    [[{ version: 1 }], [{ version: 2 }]],
  );
  await end();
  await running;
});

test('stops without a save when nothing changed', async (t) => {
  const { clock, saves, stopping, end, running } = setUp();
  await clock.advance(30_000);
  await end();
  stopping.abort();
  await running;
  t.is(saves.length, 1);
});

test('a stop during a save waits for it, and saves what changed meanwhile', async (t) => {
  const { clock, saves, stopping, change, end, running } = setUp();
  await clock.advance(30_000);
  stopping.abort();
  change();
  await settle();
  t.is(saves.length, 1);
  await end();
  t.is(saves.length, 2);
  await end();
  await running;
});

test('a save that fails is repeated though nothing changes, and said once', async (t) => {
  const { clock, lines, saves, saver, end } = setUp();
  for (let time = 0; time < 3; time += 1) {
    await clock.advance(30_000);
    await end(new Error('ENOSPC: no space left on device'));
  }
  t.is(saves.length, 3);
  t.deepEqual(lines, ['state not saved: ENOSPC: no space left on device']);
  t.deepEqual(saver.status, { successful: false, savedMs: undefined, durationSeconds: 0 });
  await clock.advance(30_000);
  await end();
  t.true(saver.status.successful);
  t.deepEqual(lines.slice(1), ['state saved again']);
});

test('a stop whose save fails ends', async (t) => {
  const { stopping, lines, end, running } = setUp();
  stopping.abort();
  await settle();
  await end(new Error('EROFS'));
  await running;
  t.deepEqual(lines, ['state not saved: EROFS']);
});

test('a save that hangs is shown as failed after a minute', async (t) => {
  const { clock, saver, change, end } = setUp();
  await clock.advance(30_000);
  await end();
  change();
  await clock.advance(30_000);
  await clock.advance(59_000);
  t.true(saver.status.successful);
  await clock.advance(1_000);
  t.like(saver.status, { successful: false, savedMs: Date.UTC(2026, 0, 1, 0, 0, 30) });
});
