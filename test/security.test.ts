// SECURITY.md: behind each line of the threat model is a test that exists.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SECTIONS = [
  'The API, and what is between it and the exporter',
  'Names of targets: repositories, tags and digests',
  'Configuration authors',
  'Scrapers, and other clients that reach the port',
  'Visitors of the page',
  'Events',
  'Redis',
  'Releases',
];
const read = (path: string) => readFileSync(`${ROOT}/${path}`, 'utf8');
const model = read('SECURITY.md').split('\n## Threat model\n')[1] ?? '';

/** What a cell says: a link to a file, and the title of a test in it, as the source has it. */
const TEST = /^\[[\w-]+\]\((test\/[\w./-]+\.test\.ts)\): (.+)$/;

test('the threat model has a part for each side that something comes from', (t) => {
  t.deepEqual(
    [...model.matchAll(/^### (.*)$/gm)].map(([, title]) => title),
    SECTIONS,
  );
  for (const part of model.split('\n### ').slice(1))
    t.true((part.match(/^\| /gm) ?? []).length >= 5, part.slice(0, 40));
});

const rows = model
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (threat|---) /.test(line))
  .map((line) => line.slice(2, -2).split(' | '));

for (const [threat = '', , cell = ''] of rows)
  test(`there is a test behind: ${threat}`, (t) => {
    const [, path = '', title = ''] = TEST.exec(cell) ?? [];
    t.true(existsSync(`${ROOT}/${path}`), cell);
    const titles = [...read(path).matchAll(/\btest(?:\.serial)?\(\s*(?:'([^'\n]+)'|"([^"\n]+)"|`([^`\n]+)`)/g)];
    t.true(
      titles.some(([, single, double, template]) => [single, double, template].includes(title)),
      `${path} has no test "${title}"`,
    );
  });
