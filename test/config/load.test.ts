// Loading files of every kind and size, in this thread and in a worker.
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { loadConfig } from '../../src/config/load.ts';
import { loadConfigInWorker } from '../../src/config/load-in-worker.ts';
import { ConfigError, formatProblems } from '../../src/util/yaml/problems.ts';

const fixtures = fileURLToPath(new URL('../fixtures/config/', import.meta.url));

test('a directory, a missing file and a path through a file are problems', (t) => {
  t.deepEqual(problemsOf(fixtures), [`${fixtures}:1:1: file: expected a file, found a directory`]);
  const missing = join(fixtures, 'missing.yml');
  t.deepEqual(problemsOf(missing), [`${missing}:1:1: file: expected a file that can be read, found none`]);
  const through = join(fixtures, 'minimal.good.yml', 'x.yml');
  t.deepEqual(problemsOf(through), [
    `${through}:1:1: file: expected a file that can be read, found a path through something that is not a directory`,
  ]);
});

test('bytes that are not UTF-8 are a problem at their place', (t) => {
  const latin1 = write(t, Buffer.from('# é is fine in UTF-8\ninstances: [ caf\xe9 ]\n', 'latin1'));
  t.deepEqual(problemsOf(latin1), [`${latin1}:1:3: file: expected text in UTF-8, found bytes that are not`]);
  const second = write(t, Buffer.concat([Buffer.from('# é\na: '), Buffer.from([0xff])]));
  t.deepEqual(problemsOf(second), [`${second}:2:4: file: expected text in UTF-8, found bytes that are not`]);
  const utf16 = write(t, Buffer.from('instances: []\n', 'utf16le'));
  t.deepEqual(problemsOf(utf16), [`${utf16}:1:2: file: expected text, found a control character`]);
});

test('a file without an end is a problem', (t) => {
  t.deepEqual(problemsOf('/dev/zero'), ['/dev/zero:1:1: file: expected at most 32 MiB, found more']);
});

test('ten thousand open brackets of any kind are a problem and not a crash', (t) => {
  for (const opening of ['[', '{', '- ', '? ', 'a: ', '[{', '{a: [']) {
    const file = write(t, opening.repeat(10_000));
    const [first] = problemsOf(file);
    t.regex(first ?? '', /:1:\d+: YAML: expected at most 32 levels of nesting, found more$/, opening);
  }
});

test('an anchor bomb is one problem', (t) => {
  const levels = Array.from({ length: 20 }, (_, level) =>
    level === 0
      ? 'a0: &a0 [x, x]'
      : `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
  );
  const file = write(t, `${levels.join('\n')}\n`);
  const problems = problemsOf(file);
  t.is(problems.length, 1);
  t.regex(problems[0] ?? '', /: YAML: expected aliases that stand for at most 100000 values, found more$/);
});

test('aliases that nest too deep are a problem', (t) => {
  const nested = (inner: string) => `${'['.repeat(20)}${inner}${']'.repeat(20)}`;
  const file = write(t, `a: &a ${nested('x')}\nb: &b ${nested('*a')}\nc: &c ${nested('*b')}\nd: ${nested('*c')}\n`);
  t.deepEqual(problemsOf(file).length, 1);
  t.regex(problemsOf(file)[0] ?? '', /: YAML: expected at most 64 levels of nesting, found more$/);
});

test('more mistakes than the validator can hold are a problem', (t) => {
  const file = write(t, `instances:\n  - repositories:\n    - tags:\n${'      - ""\n'.repeat(150_000)}`);
  t.true(problemsOf(file).some((line) => line.includes('document: expected fewer mistakes')));
});

test('a hundred problems are shown, and the others are counted', (t) => {
  const file = write(
    t,
    Array.from({ length: 130 }, (_, index) => `key_${'abcdefghij'[index % 10]}${'x'.repeat(index / 10)}: 1\n`).join(''),
  );
  const error = t.throws(() => loadConfig(file), { instanceOf: ConfigError });
  const lines = formatProblems(error?.problems ?? []);
  t.is(lines.length, 101);
  t.is(lines[100], '… and 31 more');
});

test('control characters in a file name or a value do not reach the terminal', (t) => {
  const lines = problemsOf('/nowhere/\u001b[31m.yml');
  t.true(lines[0]?.startsWith('/nowhere/\\u001b[31m.yml:1:1: '));
  const file = write(t, 'request_timeout: "\\e[31m\\u202e"\ninstances: []\n');
  t.true(problemsOf(file)[0]?.endsWith('found "\\u001b[31m\\u202e"'));
});

for (const name of ['everything.good.yml', 'text-as-written.good.yml', 'many-mistakes.bad.yml', 'tabs.bad.yml']) {
  test(`a worker gives what this thread gives for ${name}`, async (t) => {
    const file = join(fixtures, name);
    t.deepEqual(await outcome(() => loadConfigInWorker(file)), await outcome(async () => loadConfig(file)));
  });
}

test('a worker gives the problem of a missing file', async (t) => {
  const error = await t.throwsAsync(loadConfigInWorker('/nowhere.yml'), { instanceOf: ConfigError });
  t.is(error?.message, '/nowhere.yml:1:1: file: expected a file that can be read, found none');
});

test('a pipe without a writer is a problem after a limited time', async (t) => {
  const error = await t.throwsAsync(loadConfigInWorker(pipe(t)), { instanceOf: ConfigError });
  t.regex(error?.message ?? '', /:1:1: file: expected a file that can be read, found a pipe or a terminal from which/);
});

test('a pipe is read to its end, also if its content comes late and in parts', async (t) => {
  const path = pipe(t);
  const loading = loadConfigInWorker(path);
  const text = manyTags(20_000);
  const writer = createWriteStream(path);
  writer.write(text.slice(0, 1_000));
  setTimeout(() => writer.end(text.slice(1_000)), 100);
  const [instance] = (await loading).instances;
  t.is(instance?.repositories[0]?.tags.length, 20_000);
});

test('a worker that runs out of memory is a problem, and the process continues', async (t) => {
  const file = write(t, manyTags(200_000));
  const error = await t.throwsAsync(loadConfigInWorker(file, 96 * 2 ** 20), { instanceOf: ConfigError });
  const expected = 'a file that can be read with the 32 MiB of memory that are left for it';
  t.is(error?.message, `${file}:1:1: file: expected ${expected}, found one that needs more`);
});

function manyTags(count: number): string {
  const tags = Array.from({ length: count }, (_, index) => `          - v${index}\n`).join('');
  return `instances:\n  - id: cri-1\n    region: cn-hangzhou\n    repositories:\n      - id: crr-1\n        tags:\n${tags}`;
}

async function outcome(load: () => Promise<unknown>): Promise<unknown> {
  try {
    return await load();
  } catch (error) {
    return error instanceof ConfigError ? error.problems : error;
  }
}

function problemsOf(file: string): string[] {
  try {
    loadConfig(file);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return formatProblems(error.problems);
    throw error;
  }
}

function pipe(t: ExecutionContext): string {
  const path = join(dirname(write(t, '')), 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
}

function write(t: ExecutionContext, content: string | Buffer): string {
  const directory = mkdtempSync(join(tmpdir(), 'config-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'config.yml');
  writeFileSync(file, content);
  return file;
}
