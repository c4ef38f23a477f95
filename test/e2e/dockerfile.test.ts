// The Dockerfile before it is built; what it makes is in image.test.ts.
import test from 'ava';
import { run } from './helpers/program.ts';

type Findings = { readonly totalIssues: number };

test('dockerfilelint has no findings', (t) => {
  const { stdout } = run('node_modules/.bin/dockerfilelint', ['--output', 'json', 'Dockerfile']);
  t.is((JSON.parse(stdout) as Findings).totalIssues, 0, stdout);
});
