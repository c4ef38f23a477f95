// A configuration is refused before it takes more heap than there is.
import test from 'ava';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { checkHeapLimit } from '../../src/config/memory-check.ts';
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
