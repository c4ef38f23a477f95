// A configuration is refused before it takes more heap than there is.
import { execFileSync } from 'node:child_process';
import test from 'ava';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { checkHeapLimit, oldGenerationLimit } from '../../src/config/memory-check.ts';
import { ConfigError } from '../../src/util/yaml/problems.ts';

const HEAP = 100 * 2 ** 20;

function listing(repositories: number, tags: number, prefix = 'v'): Config {
  const names = Array.from({ length: tags }, (_, index) => `${prefix}${index}`);
  const listed = Array.from({ length: repositories }, (_, index) => ({ id: `crr-${prefix}${index}`, tags: names }));
  const instances = [{ id: 'cri-1', region: 'cn-hangzhou', repositories: listed }];
  return parseConfig(JSON.stringify({ instances }), 'config.yml');
}

test('a configuration that fits into the heap is accepted, at the start and in a reload', (t) => {
  t.notThrows(() => checkHeapLimit('config.yml', undefined, listing(1, 40_000), HEAP));
  t.notThrows(() => checkHeapLimit('config.yml', listing(1, 20_000), listing(1, 20_000, 'w'), HEAP));
});

test('tags in the present and the next configuration count once', (t) => {
  const same = listing(1, 50_000);
  t.notThrows(() => checkHeapLimit('config.yml', same, same, HEAP));
});

test('the problem of too many tags or repositories names their number and the memory', (t) => {
  const start = t.throws(() => checkHeapLimit('config.yml', undefined, listing(1, 80_000), HEAP), {
    instanceOf: ConfigError,
  });
  t.is(
    start?.message,
    'config.yml:1:1: instances: expected tags and repositories that fit into 90 MiB of heap (give the process more memory), ' +
      'found 80000 tags in 1 repositories, which need some 107 MiB',
  );
  const reload = t.throws(() => checkHeapLimit('config.yml', listing(20_000, 1), listing(20_000, 1, 'w'), HEAP), {
    instanceOf: ConfigError,
  });
  t.regex(
    reload?.message ?? '',
    /found 20000 more tags in 20000 repositories, which need some 1\d\d MiB together with what is watched now$/,
  );
});

test('the young generation, which is larger since V8 13, is not counted as memory for tags', (t) => {
  const mebibytes = (limit: number, v8: string, options = '') =>
    oldGenerationLimit(limit * 2 ** 20, v8, options) / 2 ** 20;
  t.is(mebibytes(128, '11.3.244.8-node.33'), 80);
  t.is(mebibytes(272, '13.6.233.17-node.37'), 80);
  t.is(mebibytes(128, '13.6.233.17-node.37', '--max-semi-space-size=16 --max-old-space-size=80'), 80);
});

test('the limit of the old generation is the one that Node.js was given', (t) => {
  const code = `
    import { oldGenerationLimit } from ${JSON.stringify(new URL('../../src/config/memory-check.ts', import.meta.url).href)};
    process.stdout.write(String(oldGenerationLimit() / 2 ** 20));`;
  for (const options of [[], ['--max-semi-space-size=8']]) {
    const args = ['--max-old-space-size=80', ...options, '--import=tsx', '--input-type=module', `--eval=${code}`];
    t.is(execFileSync(process.execPath, args, { encoding: 'utf8' }), '80');
  }
});
