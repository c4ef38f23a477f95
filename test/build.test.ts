// What `npm ci` says where npm installs no packages for the build.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

test('a build without TypeScript says in one line what is missing and what to run, and keeps the previous build', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'acr-build-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'dist'));
  cpSync(fileURLToPath(new URL('../scripts/build.mjs', import.meta.url)), join(root, 'scripts/build.mjs'));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/build.mjs'], {
    cwd: root,
    encoding: 'utf8',
  });
  t.is(status, 1);
  t.is(stdout, '');
  t.is(stderr.split('\n').length, 2, stderr);
  t.regex(stderr, /TypeScript.*NODE_ENV=production.*npm ci --include=dev/);
  t.notThrows(() => rmSync(join(root, 'dist'), { recursive: true }));
});
