import { execFileSync } from 'node:child_process';
import test from 'ava';
import { oldGenerationLimit } from '../../src/util/heap-limit.ts';

const MEBIBYTE = 2 ** 20;

test('the young generation, which is larger since V8 13, is not counted', (t) => {
  const mebibytes = (limit: number, v8Version: string, nodeOptions = '') =>
    oldGenerationLimit({ v8Version, nodeOptions, heapLimitBytes: limit * MEBIBYTE }) / MEBIBYTE;
  t.is(mebibytes(128, '11.3.244.8-node.33'), 80);
  t.is(mebibytes(272, '13.6.233.17-node.37'), 80);
  t.is(mebibytes(128, '13.6.233.17-node.37', '--max-semi-space-size=16 --max-old-space-size=80'), 80);
});

test('the limit is the one that Node.js was given', (t) => {
  const module = new URL('../../src/util/heap-limit.ts', import.meta.url).href;
  const code = `
    import { oldGenerationLimit } from ${JSON.stringify(module)};
    const limit = oldGenerationLimit({ v8Version: process.versions.v8, nodeOptions: process.execArgv.join(' ') });
    process.stdout.write(String(limit / ${MEBIBYTE}));`;
  for (const options of [[], ['--max-semi-space-size=8']]) {
    const args = ['--max-old-space-size=80', ...options, '--import=tsx', '--input-type=module', `--eval=${code}`];
    t.is(execFileSync(process.execPath, args, { encoding: 'utf8' }), '80');
  }
});
