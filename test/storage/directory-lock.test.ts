import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { DirectoryLock } from '../../src/storage/directory-lock.ts';
import { StorageInUseError } from '../../src/storage/storage.ts';
import { type Clock, systemClock } from '../../src/util/clock.ts';
import { ManualClock, settle } from '../helpers/manual-clock.ts';
import { type Line, temporaryDirectory } from '../helpers/storing.ts';

const never = new AbortController().signal;

function createLock(
  directory: string,
  {
    pid = process.pid,
    clock = new ManualClock(Date.now()) as Clock,
    host = 'here',
    signal = never,
    log = (_line: Line) => {},
  } = {},
) {
  const info = (message: string, fields: object = {}) => log({ ...fields, message });
  const logger = { debug: info, info, warn: info, error: info };
  return new DirectoryLock(directory, { pid, clock, logger, host, signal });
}

/** A process that does nothing. */
async function start(t: ExecutionContext): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error('not started');
  return Object.assign(child, { pid });
}

/** Lets a manual clock run until a promise is settled, however long the file system takes. */
async function untilSettled<Value>(clock: ManualClock, promise: Promise<Value>): Promise<Value> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  settled.catch(() => {});
  while (!isSettled) await clock.advance(100);
  return settled;
}

test('a second living process is told which one uses the directory', async (t) => {
  const directory = temporaryDirectory(t);
  const other = await start(t);
  await createLock(directory, { pid: other.pid }).hold();
  const error = await t.throwsAsync(createLock(directory).hold(), { instanceOf: StorageInUseError });
  t.is(
    error?.message,
    `${join(directory, 'lock')}: process ${other.pid} on here uses this directory: stop it, or choose another --storage.path`,
  );
});

test('a lock that kill -9 left is taken at once', async (t) => {
  const directory = temporaryDirectory(t);
  const other = await start(t);
  await createLock(directory, { pid: other.pid }).hold();
  other.kill('SIGKILL');
  await once(other, 'exit');
  await createLock(directory).hold();
  t.is(JSON.parse(readFileSync(join(directory, 'lock'), 'utf8')).pid, process.pid);
});

test('a lock whose pid another process has by now is taken at once', async (t) => {
  const directory = temporaryDirectory(t);
  const other = await start(t);
  await createLock(directory, { pid: other.pid }).hold();
  const path = join(directory, 'lock');
  const held = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...held, started: held.started.replace(/\d+$/, '1') }));
  await createLock(directory).hold();
  t.is(JSON.parse(readFileSync(path, 'utf8')).pid, process.pid);
});

test('a process that ended and that its parent did not wait for has no lock', async (t) => {
  const directory = temporaryDirectory(t);
  // The shell becomes a program that never waits for its child, and only then the child ends: with its input.
  const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 1000 3<&-'], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
  t.teardown(() => parent.kill('SIGKILL'));
  const [, output, , input] = parent.stdio;
  if (!output || !input || !('end' in input)) throw new Error('not started');
  const pid = Number(await once(output, 'data'));
  while (readFileSync(`/proc/${parent.pid}/comm`, 'utf8') !== 'sleep\n') await settle();
  input.end();
  while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await settle();
  await createLock(directory, { pid }).hold();
  await t.notThrowsAsync(createLock(directory).hold());
});

test('a lock of another host that nothing renews is taken after 15 s, and one line at the start of the wait says why', async (t) => {
  const directory = temporaryDirectory(t);
  await createLock(directory, { host: 'there' }).hold();
  const clock = new ManualClock(Date.now());
  const lines: Line[] = [];
  let taken: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve) => {
    const log = (line: Line) => {
      lines.push(line);
      resolve();
    };
    taken = createLock(directory, { clock, log }).hold();
  });
  await untilSettled(clock, taken);
  t.true(clock.monotonic() >= 14_000);
  t.deepEqual(lines, [
    {
      message: 'waiting to see whether a process on another host still uses the storage',
      lock: join(directory, 'lock'),
      pid: process.pid,
      host: 'there',
      seconds: 15,
    },
  ]);
  t.is(JSON.parse(readFileSync(join(directory, 'lock'), 'utf8')).host, 'here');
});

test('a lock that another host gave back is not waited for', async (t) => {
  const directory = temporaryDirectory(t);
  const theirs = createLock(directory, { host: 'there' });
  await theirs.hold();
  await theirs.release();
  const clock = new ManualClock(Date.now());
  const lines: Line[] = [];
  await createLock(directory, { clock, log: (line) => void lines.push(line) }).hold();
  t.is(clock.monotonic(), 0);
  t.deepEqual(lines, []);
});

test('a lock of another host that is renewed is not taken', async (t) => {
  const directory = temporaryDirectory(t);
  const clock = new ManualClock(Date.now());
  const theirs = createLock(directory, { host: 'there', clock });
  await theirs.hold();
  let isRenewed = true;
  const renewing = (async () => {
    while (isRenewed) await theirs.hold();
  })();
  await t.throwsAsync(untilSettled(clock, createLock(directory, { clock }).hold()), {
    instanceOf: StorageInUseError,
    message: /process \d+ on there uses/,
  });
  isRenewed = false;
  await renewing;
});

test('a lock of another host with a time long ago is taken at once', async (t) => {
  const directory = temporaryDirectory(t);
  await createLock(directory, { host: 'there' }).hold();
  utimesSync(join(directory, 'lock'), 0, 0);
  const clock = new ManualClock(Date.now());
  await createLock(directory, { clock }).hold();
  t.is(clock.monotonic(), 0);
});

test('a lock that was not written to its end is taken', async (t) => {
  const directory = temporaryDirectory(t);
  const clock = new ManualClock(Date.now());
  for (const text of ['', '{"pid":', 'null', '[]', '{"pid":"1"}']) {
    writeFileSync(join(directory, 'lock'), text);
    const lock = createLock(directory, { clock });
    await untilSettled(clock, lock.hold());
    await lock.release();
    t.false(existsSync(join(directory, 'lock')), text);
  }
});

for (const [what, put] of [
  ['a directory', (path: string) => mkdirSync(path)],
  ['a pipe', (path: string) => void spawnSync('mkfifo', [path])],
  ['a device', (path: string) => symlinkSync('/dev/zero', path)],
] as const) {
  test(`${what} in place of the lock is refused at once`, async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'lock');
    put(path);
    const message = `${path}: expected a regular file, found a file of another kind`;
    await t.throwsAsync(createLock(directory).hold(), { message });
  });
}

test('a process that no longer wants the lock does not wait for another host', async (t) => {
  const directory = temporaryDirectory(t);
  await createLock(directory, { host: 'there' }).hold();
  const stopping = new AbortController();
  const attempt = createLock(directory, { signal: stopping.signal }).hold();
  stopping.abort();
  await t.throwsAsync(attempt, { instanceOf: StorageInUseError });
});

test('a lock that was taken away is not renewed, and not removed at the end', async (t) => {
  const directory = temporaryDirectory(t);
  const mine = createLock(directory);
  await mine.hold();
  const other = await start(t);
  const path = join(directory, 'lock');
  await mine.release();
  await createLock(directory, { pid: other.pid }).hold();
  await t.throwsAsync(mine.hold(), { instanceOf: StorageInUseError });
  await mine.release();
  t.is(JSON.parse(readFileSync(path, 'utf8')).pid, other.pid);
});

test('a lock that a user removed is made again', async (t) => {
  const directory = temporaryDirectory(t);
  const mine = createLock(directory);
  await mine.hold();
  await mine.release();
  await Promise.all([mine.hold(), mine.hold()]);
  t.true(existsSync(join(directory, 'lock')));
});

const LEFT_BEHIND = JSON.stringify({ token: 'x', pid: 1, started: 'before', host: 'here' });

test('of many that take a lock that was left behind one gets it', async (t) => {
  const directory = temporaryDirectory(t);
  for (let round = 0; round < 60; round += 1) {
    writeFileSync(join(directory, 'lock'), LEFT_BEHIND);
    const locks = Array.from({ length: 6 }, () => createLock(directory, { clock: systemClock }));
    // Some find it when others have replaced it.
    const attempts = locks.map((lock, index) => systemClock.sleep((index * round) % 7).then(() => lock.hold()));
    const outcomes = await Promise.allSettled(attempts);
    t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1, `round ${round}`);
    await Promise.all(locks.map((lock) => lock.release()));
    t.deepEqual(readdirSync(directory), []);
  }
});

test('a process that ended while it removed a lock keeps nobody from it', async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'lock'), LEFT_BEHIND);
  const removal = `lock.${createHash('sha256').update(`lock ${LEFT_BEHIND}`).digest('hex').slice(0, 16)}`;
  writeFileSync(join(directory, removal), LEFT_BEHIND.replace('x', 'y'));
  const lock = createLock(directory);
  await lock.hold();
  t.deepEqual(readdirSync(directory), ['lock']);
});
