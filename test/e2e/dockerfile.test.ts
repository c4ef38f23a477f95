// The Dockerfile before it is built; what it makes is in image.test.ts.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryDirectory } from './helpers/exporter.ts';
import { run } from './helpers/program.ts';

type Findings = { readonly totalIssues: number };

test('dockerfilelint has no findings', (t) => {
  const { stdout } = run('node_modules/.bin/dockerfilelint', ['--output', 'json', 'Dockerfile']);
  t.is((JSON.parse(stdout) as Findings).totalIssues, 0, stdout);
});

test('with Node.js come the records and the licences of the packages that it is linked with, and what tells Debian', (t) => {
  const directory = temporaryDirectory(t);
  const { status, stderr } = run(process.execPath, ['deploy/container/collect-node.mjs', directory]);
  t.is(status, 0, stderr);
  t.true(existsSync(join(directory, 'usr/local/bin/node')));
  if (!existsSync('/etc/debian_version')) return;
  const packages = readdirSync(join(directory, 'var/lib/dpkg/status.d'));
  t.true(packages.includes('libc6') && packages.includes('libstdc++6'), packages.join());
  for (const name of packages) t.true(existsSync(join(directory, 'usr/share/doc', name, 'copyright')), name);
  // libc6's own.
  t.true(existsSync(join(directory, 'usr/share/common-licenses/LGPL-2.1')));
  t.true(existsSync(join(directory, 'etc/debian_version')));
});

test('beside another program than the exporter, the health check says so in one line', (t) => {
  // Here the first process is none.
  const { status, stdout, stderr } = run(process.execPath, ['deploy/container/healthcheck.mjs']);
  t.is(status, 1);
  t.regex(stdout, /^expected the exporter as the first process, found .*\n$/);
  t.is(stderr, '');
});
