import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { ManualClock } from '../helpers/manual-clock.ts';
import { loadFrom, openStorage, saveTo, temporaryDirectory } from '../helpers/storing.ts';

const OLD = [{ tag: 'old' }];
const NEW = [{ tag: 'v1', status: 'complete' }, ['v2', 7, { text: 'line\nbreak, ü and 漢字' }], { tag: '' }];
const present = (directory: string) => join(directory, 'state.ndjson.gz');
const previous = (directory: string) => join(directory, 'state.previous.ndjson.gz');
const warnings = (lines: readonly { message: string }[]) =>
  lines.filter(({ message }) => message === 'state file not used');
const badFiles = (directory: string) => readdirSync(directory).filter((name) => name.startsWith('state.bad-'));

test('what is saved comes back after a start, in its order', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, OLD, NEW);
  const { records, savedMs, lines } = await loadFrom(directory);
  t.deepEqual(records, NEW);
  t.is(savedMs, Date.UTC(2026, 0, 1));
  t.deepEqual(lines, [{ message: 'state loaded', file: present(directory), saved: '2026-01-01T00:00:00.000Z' }]);
});

test('whatever the records are, they come back', async (t) => {
  const directory = temporaryDirectory(t);
  const { storage } = openStorage(directory);
  await storage.load();
  const record = fc.oneof(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), fc.array(fc.jsonValue()));
  await fc.assert(
    fc.asyncProperty(fc.array(record), async (records) => {
      await storage.save(records);
      const { records: found } = await storage.load();
      t.deepEqual([...found], JSON.parse(JSON.stringify(records)));
      t.deepEqual([...found], JSON.parse(JSON.stringify(records)), 'the second reading');
    }),
    { numRuns: 100 },
  );
  await storage.close();
});

test('a first start finds nothing, makes the directory for its user alone, and says nothing', async (t) => {
  const directory = join(temporaryDirectory(t), 'made', 'here');
  const { storage, lines } = openStorage(directory);
  t.deepEqual(await storage.load(), { records: [], savedMs: undefined });
  await storage.save(NEW);
  t.deepEqual(lines, []);
  t.is(statSync(directory).mode & 0o777, 0o700);
  for (const name of readdirSync(directory)) t.is(statSync(join(directory, name)).mode & 0o777, 0o600, name);
  await storage.close();
  t.deepEqual(readdirSync(directory), ['state.ndjson.gz']);
});

test('the file is gzip of lines of JSON with a header and a trailer', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, NEW);
  const [header = '', ...lines] = gunzipSync(readFileSync(present(directory)))
    .toString()
    .trimEnd()
    .split('\n');
  t.deepEqual(JSON.parse(header), {
    format: 'acr-scan-exporter state',
    version: 1,
    exporter: '1.2.3',
    saved: '2026-01-01T00:00:00.000Z',
  });
  const trailer = JSON.parse(lines.pop() ?? '');
  t.deepEqual(
    lines.map((line) => JSON.parse(line)),
    NEW,
  );
  const checksum = spawnSync('sh', ['-c', `gzip -dc '${present(directory)}' | head -n -1 | sha256sum`], {
    encoding: 'utf8',
  });
  t.deepEqual(trailer, { records: NEW.length, sha256: checksum.stdout.split(' ')[0] });
});

test('a file that is cut off at any byte is not believed: the previous one is used', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, OLD, NEW);
  const whole = readFileSync(present(directory));
  for (let length = 0; length < whole.length; length += 1) {
    writeFileSync(present(directory), whole.subarray(0, length));
    const { records, lines } = await loadFrom(directory);
    t.deepEqual(records, OLD, `${length} bytes`);
    t.is(warnings(lines).length, 1, `${length} bytes`);
    t.false(existsSync(present(directory)));
  }
  t.is(badFiles(directory).length, 1, 'the clock of this test stands still');
});

test('with any byte of the file flipped the whole snapshot comes back or the previous one', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, OLD, NEW);
  const whole = readFileSync(present(directory));
  let unharmed = 0;
  for (let index = 0; index < whole.length; index += 1) {
    for (const bits of [1 << (index & 7), 0xff]) {
      const flipped = Buffer.from(whole);
      flipped.writeUInt8(flipped.readUInt8(index) ^ bits, index);
      writeFileSync(present(directory), flipped);
      const { records, lines } = await loadFrom(directory);
      const isWhole = warnings(lines).length === 0;
      if (isWhole) unharmed += 1;
      t.deepEqual(records, isWhole ? NEW : OLD, `byte ${index}`);
    }
  }
  // The time, two flags and the system in the header of gzip mean nothing here.
  t.true(unharmed <= 2 * 7, `${unharmed}`);
});

test('with both files torn nothing is known, and the start goes on', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, OLD, NEW);
  for (const path of [present(directory), previous(directory)]) writeFileSync(path, readFileSync(path).subarray(0, -1));
  const { records, savedMs, lines } = await loadFrom(directory);
  t.deepEqual(records, []);
  t.is(savedMs, undefined);
  t.is(warnings(lines).length, 2);
  t.is(badFiles(directory).length, 2);
  await saveTo(directory, NEW);
  t.deepEqual((await loadFrom(directory)).records, NEW);
});

const text = (...lines: readonly object[]) => gzipSync(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
const HEADER = { format: 'acr-scan-exporter state', version: 1, exporter: '9.9.9', saved: '2026-01-01T00:00:00Z' };

for (const [what, content, expected, found] of [
  ['empty', Buffer.alloc(0), 'a snapshot', 'an empty file'],
  ['not compressed', Buffer.from('{"tags":[]}'), 'a whole gzip file', 'incorrect header check'],
  ['of another program', text({ name: 'x' }), 'a first line with "format":"acr-scan-exporter state"', 'another text'],
  [
    'of another program, and huge when decompressed',
    gzipSync(Buffer.alloc(2 ** 26)),
    'a first line with "format":"acr-scan-exporter state"',
    'another text',
  ],
  [
    'of a later version',
    text({ ...HEADER, version: 2 }),
    'version 1 of the format',
    'version 2 of acr-scan-exporter 9.9.9',
  ],
  ['without a time', text({ ...HEADER, saved: 'now' }), 'a first line with the time of the save', 'none'],
  ['only a header', text(HEADER), 'a last line with number and checksum of the records', 'none'],
  ['without its trailer', text(HEADER, { tag: 'v1' }), 'a last line with number and checksum of the records', 'none'],
] as const) {
  test(`a file that is ${what} is moved aside with one line that says so, and the previous one is used`, async (t) => {
    const directory = temporaryDirectory(t);
    await saveTo(directory, OLD, NEW);
    writeFileSync(present(directory), content);
    const { records, lines } = await loadFrom(directory);
    t.deepEqual(records, OLD);
    const [aside = ''] = badFiles(directory);
    t.deepEqual(lines, [
      { message: 'state file not used', file: present(directory), expected, found, moved_to: join(directory, aside) },
      { message: 'state loaded', file: previous(directory), saved: '2026-01-01T00:00:00.000Z' },
    ]);
    t.deepEqual(readFileSync(join(directory, aside)), content);
  });
}

test('a checksum that fits other records is not believed', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, OLD, NEW);
  const whole = gunzipSync(readFileSync(present(directory))).toString();
  writeFileSync(present(directory), gzipSync(whole.replace('complete', 'failed')));
  const { records, lines } = await loadFrom(directory);
  t.deepEqual(records, OLD);
  t.regex(String(warnings(lines).map((line) => JSON.stringify(line))), /the checksum [0-9a-f]{64}/);
});

test('another number of records than the trailer says is not believed', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, OLD, NEW);
  const whole = gunzipSync(readFileSync(present(directory))).toString();
  writeFileSync(present(directory), gzipSync(whole.replace('"records":3', '"records":4')));
  const { records, lines } = await loadFrom(directory);
  t.deepEqual(records, OLD);
  t.like(lines[0], { expected: '4 records', found: '3' });
});

for (const [what, put] of [
  ['a directory', (path: string) => mkdirSync(join(path, 'x'), { recursive: true })],
  ['a pipe', (path: string) => void spawnSync('mkfifo', [path])],
  ['a device', (path: string) => symlinkSync('/dev/zero', path)],
] as const) {
  test(`${what} in place of the file does not hold up the start`, async (t) => {
    const directory = temporaryDirectory(t);
    await saveTo(directory, OLD, NEW);
    rmSync(present(directory));
    put(present(directory));
    const { records, lines } = await loadFrom(directory);
    t.deepEqual(records, OLD);
    t.like(lines[0], { expected: 'a regular file', found: 'a file of another kind' });
    await saveTo(directory, NEW);
    t.deepEqual((await loadFrom(directory)).records, NEW);
  });
}

test('of a file that is not a snapshot only the start is read, however large it is', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, OLD, NEW);
  // More than a buffer can hold, and no room on the disk.
  truncateSync(present(directory), 0);
  truncateSync(present(directory), 2 ** 32);
  const { records, lines } = await loadFrom(directory);
  t.deepEqual(records, OLD);
  t.like(lines[0], { expected: 'a whole gzip file', found: 'incorrect header check' });
});

test('a file that the user may not read is moved aside', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, OLD, NEW);
  chmodSync(present(directory), 0);
  const { records, lines } = await loadFrom(directory);
  // Root reads it.
  const mayRead = process.getuid?.() === 0;
  t.deepEqual(records, mayRead ? NEW : OLD);
  t.is(warnings(lines).length, mayRead ? 0 : 1);
});

test('of the files that were not good three are kept', async (t) => {
  const directory = temporaryDirectory(t);
  const clock = new ManualClock();
  for (let start = 0; start < 5; start += 1) {
    writeFileSync(present(directory), `${start}`);
    await loadFrom(directory, { clock });
    await clock.advance(1_000);
  }
  t.deepEqual(
    badFiles(directory).map((name) => readFileSync(join(directory, name), 'utf8')),
    ['2', '3', '4'],
  );
});

test('a process that ends between the two renames of a save loses one save', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, OLD, NEW);
  rmSync(present(directory));
  writeFileSync(join(directory, 'state.tmp'), 'a part');
  const { records, lines } = await loadFrom(directory);
  t.deepEqual(records, OLD);
  t.deepEqual(warnings(lines), []);
  await saveTo(directory, NEW);
  t.deepEqual((await loadFrom(directory)).records, NEW);
  t.false(existsSync(join(directory, 'state.tmp')));
});

/** A file on a disk that is full after so many writes. */
async function full(path: string, writes: number): Promise<FileHandle> {
  const handle = await open(path, 'wx');
  const write = handle.writeFile.bind(handle);
  let left = writes;
  handle.writeFile = async (data) => {
    left -= 1;
    if (left < 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    await write(data);
  };
  return handle;
}

for (const writes of [0, 1, 2]) {
  test(`a disk that is full after ${writes} writes leaves the last snapshot, and no part of a file`, async (t) => {
    const directory = temporaryDirectory(t);
    await saveTo(directory, OLD);
    let isFull = true;
    const create = (path: string) => (isFull ? full(path, writes) : open(path, 'wx'));
    const { storage } = openStorage(directory, { create });
    await storage.load();
    const many = Array.from({ length: 20_000 }, (_, index) => ({ index, text: `${Math.sin(index)}` }));
    await t.throwsAsync(storage.save(many), { message: /ENOSPC/ });
    t.deepEqual(readdirSync(directory), ['lock', 'state.ndjson.gz']);
    t.deepEqual([...(await storage.load()).records], OLD);
    isFull = false;
    await storage.save(many);
    t.deepEqual([...(await storage.load()).records], many);
    await storage.close();
  });
}

test('a record that cannot be serialised fails the save and leaves the last snapshot', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, OLD);
  const { storage } = openStorage(directory);
  await storage.load();
  await t.throwsAsync(storage.save([{ id: 1n }]), { message: /BigInt/ });
  t.deepEqual([...(await storage.load()).records], OLD);
  await storage.close();
});

for (const [what, make] of [
  ['a file', (path: string) => writeFileSync(path, '')],
  ['below a file', (path: string) => writeFileSync(join(path, '..'), '')],
  ['where nothing can be made', () => undefined],
] as const) {
  test(`a path that is ${what} does not prevent the start: one line says so, and saves fail`, async (t) => {
    const base = temporaryDirectory(t);
    const directory =
      what === 'where nothing can be made' ? '/sys/acr' : join(base, what === 'below a file' ? 'x/y' : 'x');
    make(directory);
    const { storage, lines } = openStorage(directory);
    t.deepEqual(await storage.load(), { records: [], savedMs: undefined });
    t.deepEqual(
      lines.map(({ message }) => message),
      ['storage not writable'],
    );
    await t.throwsAsync(storage.save(NEW));
    await storage.close();
  });
}

test('after the clock was set back, the time of the save is still that of the clock then: what had to wait is told by it', async (t) => {
  const directory = temporaryDirectory(t);
  await saveTo(directory, NEW);
  const { records, savedMs } = await loadFrom(directory, { clock: new ManualClock(Date.UTC(2025, 0, 1)) });
  t.deepEqual(records, NEW);
  t.is(savedMs, Date.UTC(2026, 0, 1));
});
